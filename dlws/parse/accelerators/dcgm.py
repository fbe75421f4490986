"""`dcgmi diag -r 1 -j`: DCGM's diagnosis. Formats: DCGM 2 to 4; version 4 calls GPUs entities.

Source: DCGM's dcgmi/Diag.cpp, testing/python3 (`WARNING:` lines before a document, tests that are null, the words).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from dlws.parse.text import clean, unparsable

SOURCE = "dcgmi diag -j"
FOUND_SOMETHING = range(192, 256)
"""Exit statuses of dcgmi that stand for DCGM's own errors (-1 to -64 as a byte), such as a failed test."""
_ROOTS = ("DCGM GPU Diagnostic", "DCGM Diagnostic")
_PASS = "pass"
_PASSED = (_PASS, "skip", "skipped", "notrun")


def failures(text: str) -> list[str]:
    """The tests that did not pass, such as `PCIe on 3: Fail`.

    Raises Unparsable if no test was run, or if an error ended the diagnosis before one failed.
    """
    root, error = _root(text)
    results = [] if error and "test_categories" not in root else list(_results(root))
    failed = [f"{test} on {card}: {status}" for test, card, status in results if not _has_passed(status)]
    if error and not failed:
        raise unparsable(SOURCE, error, "the diagnosis ended with an error")
    if not failed and not any(status.lower() == _PASS for _, _, status in results):
        raise unparsable(SOURCE, text.strip()[:200], "no test that was run in")
    return failed


def _has_passed(status: str) -> bool:
    return status.lower().replace(" ", "") in _PASSED


def _root(text: str) -> tuple[dict[str, Any], str]:
    """The diagnosis within its document, and its error. Raises Unparsable for another document."""
    kept = clean(SOURCE, text).lstrip()
    while kept.startswith("WARNING:"):
        kept = kept.partition("\n")[2].lstrip()
    try:
        document = json.loads(kept)
    except (ValueError, RecursionError):
        raise unparsable(SOURCE, text.strip().partition("\n")[0], "not JSON") from None
    root = next((document[name] for name in _ROOTS if name in document), None) if isinstance(document, dict) else None
    if not isinstance(root, dict):
        raise unparsable(SOURCE, why="not the form of a diagnosis")
    return root, str(root.get("runtime_error") or "")


def _results(root: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Test, card and status. Raises Unparsable if the document has another structure.

    A test's own summary (DCGM 4) counts where no card has failed it: it may have failed as a whole.
    """
    try:
        for category in root["test_categories"]:
            for test in (one for one in category["tests"] if one is not None):
                summary = [test["test_summary"]] if "test_summary" in test else []
                for result in test["results"]:
                    card = next((result[key] for key in ("gpu_ids", "gpu_id", "entity_id") if key in result), "host")
                    yield str(test["name"]), str(card), str(result["status"])
                    summary = summary if _has_passed(str(result["status"])) else []
                for result in summary:
                    yield str(test["name"]), "the host", str(result["status"])
    except (KeyError, TypeError):
        raise unparsable(SOURCE, why="not the form of a diagnosis") from None
