"""`dcgmi diag -r 1 -j`: DCGM's diagnosis. Formats: DCGM 2 and 3, and 4, which says entities for GPUs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from dlws.parse.text import clean, unparsable

SOURCE = "dcgmi diag -j"
FOUND_SOMETHING = range(192, 256)
"""Exit statuses of dcgmi that are one of DCGM's own errors (-1 to -64, as a byte), such as a test that failed."""
_ROOTS = ("DCGM GPU Diagnostic", "DCGM Diagnostic")
_PASSED = ("pass", "skip", "not run")


def failures(text: str) -> list[str]:
    """The tests that did not pass, as `PCIe on 3: Fail`. Raises Unparsable when none passed."""
    try:
        found = json.loads(clean(SOURCE, text))
    except (ValueError, RecursionError):
        raise unparsable(SOURCE, text.strip().partition("\n")[0], "no JSON") from None
    results = list(_results(found))
    if not any(status.lower() == "pass" for _, _, status in results):
        raise unparsable(SOURCE, text.strip()[:200], "no test that passed in")
    return [f"{test} on {card}: {status}" for test, card, status in results if status.lower() not in _PASSED]


def _results(found: Any) -> Iterator[tuple[str, str, str]]:
    """Test, card and status. Raises Unparsable when the document has another form."""
    try:
        root = next(found[name] for name in _ROOTS if name in found)
        for category in root["test_categories"]:
            for test in category["tests"]:
                for result in test["results"]:
                    card = next((result[key] for key in ("gpu_ids", "gpu_id", "entity_id") if key in result), "host")
                    yield str(test["name"]), str(card), str(result["status"])
    except (AttributeError, KeyError, StopIteration, TypeError):
        raise unparsable(SOURCE, why="not the form of a diagnosis") from None
