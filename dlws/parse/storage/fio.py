"""`fio --output-format=json`: the write speed of a disk. Formats: fio 3.1 (Ubuntu 18.04) to 3.33."""

from __future__ import annotations

import json

from dlws.parse.text import clean, unparsable

SOURCE = "fio"


def written(text: str) -> float:
    """The write speed of the only job in MB/s (10^6 bytes). fio may print notes before its JSON.

    Raises Unparsable for a failed job or another form.
    """
    output = clean(SOURCE, text)
    try:
        [job] = json.loads(output[output.index("{") :])["jobs"]
        if job["error"]:
            raise unparsable(SOURCE, str(job["error"]), "its job ended with error")
        return float(job["write"]["bw"]) * 1024 / 1e6
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise unparsable(SOURCE, output.strip()[:120], "not its JSON, or cut off") from None
