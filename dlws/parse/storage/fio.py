"""`fio --output-format=json`: how fast a disk is written. Formats: fio 3.1 (Ubuntu 18.04) to 3.33."""

from __future__ import annotations

import json

from dlws.parse.text import clean, unparsable

SOURCE = "fio"


def written(text: str) -> float:
    """MB/s (10^6 bytes) that the one job has written; fio may put notes before its JSON.

    Raises Unparsable for a job that failed, and for another form.
    """
    whole = clean(SOURCE, text)
    try:
        [job] = json.loads(whole[whole.index("{") :])["jobs"]
        if job["error"]:
            raise unparsable(SOURCE, str(job["error"]), "its job ended with error")
        return float(job["write"]["bw"]) * 1024 / 1e6
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise unparsable(SOURCE, whole.strip()[:120], "not its JSON, or cut off") from None
