"""`iperf3 -c HOST -J`: what a link carries. Formats: iperf3 3.1 (Ubuntu 18.04) to 3.12."""

from __future__ import annotations

import json

from dlws.parse.text import clean, unparsable

SOURCE = "iperf3"


def received(text: str) -> float:
    """Mb/s that came to the server. Raises Unparsable for an error of iperf3, and for another form."""
    try:
        found = json.loads(clean(SOURCE, text))
        if "error" in found:
            raise unparsable(SOURCE, str(found["error"]), "an error")
        return float(found["end"]["sum_received"]["bits_per_second"]) / 1e6
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise unparsable(SOURCE, text.strip()[-120:], "not its JSON, or cut off") from None
