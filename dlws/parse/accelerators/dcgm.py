"""`dcgmi diag -r 1 -j`: DCGM's diagnosis. Formats: DCGM 2 to 4; version 4 calls GPUs entities."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from dlws.parse.text import clean, unparsable

SOURCE = "dcgmi diag -j"
FOUND_SOMETHING = range(192, 256)
"""Exit statuses of dcgmi that stand for DCGM's own errors (-1 to -64 as a byte), such as a failed test."""
_ROOTS = ("DCGM GPU Diagnostic", "DCGM Diagnostic")
_PASSED = ("pass", "skip", "not run")


def failures(text: str) -> list[str]:
    """The tests that did not pass, such as `PCIe on 3: Fail`. Raises Unparsable if no test was run."""
    try:
        diagnosis = json.loads(clean(SOURCE, text))
    except (ValueError, RecursionError):
        raise unparsable(SOURCE, text.strip().partition("\n")[0], "not JSON") from None
    results = list(_results(diagnosis))
    failed = [f"{test} on {card}: {status}" for test, card, status in results if status.lower() not in _PASSED]
    if not failed and not any(status.lower() == "pass" for _, _, status in results):
        raise unparsable(SOURCE, text.strip()[:200], "no test that was run in")
    return failed


def _results(diagnosis: Any) -> Iterator[tuple[str, str, str]]:
    """Test, card and status. Raises Unparsable if the document has another structure.

    A test's own summary (DCGM 4) counts where no card has failed it: it may have failed as a whole.
    """
    try:
        root = next(diagnosis[name] for name in _ROOTS if name in diagnosis)
        for category in root["test_categories"]:
            for test in category["tests"]:
                summary = [test["test_summary"]] if "test_summary" in test else []
                for result in test["results"]:
                    card = next((result[key] for key in ("gpu_ids", "gpu_id", "entity_id") if key in result), "host")
                    yield str(test["name"]), str(card), str(result["status"])
                    summary = summary if str(result["status"]).lower() in _PASSED else []
                for result in summary:
                    yield str(test["name"]), "the host", str(result["status"])
    except (KeyError, StopIteration, TypeError):
        raise unparsable(SOURCE, why="not the form of a diagnosis") from None
