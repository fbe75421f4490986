"""`iperf3 -c HOST -J`: the throughput of a link. Formats: iperf3 3.1 (Ubuntu 18.04) to 3.12."""

from __future__ import annotations

import json

from dlws.parse.text import clean, unparsable

SOURCE = "iperf3"


def received(text: str) -> float:
    """The throughput at the server in Mb/s. Raises Unparsable for an error of iperf3 or another form."""
    try:
        result = json.loads(clean(SOURCE, text))
        if "error" in result:
            raise unparsable(SOURCE, str(result["error"]), "an error")
        return float(result["end"]["sum_received"]["bits_per_second"]) / 1e6
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise unparsable(SOURCE, text.strip()[-120:], "not its JSON, or cut off") from None
