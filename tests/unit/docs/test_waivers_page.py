"""docs/waivers.md lists the checks that no waiver lets a stage pass, with the reason that the check declares."""

from __future__ import annotations

from pathlib import Path

from checks.catalogue import declared

PAGE = Path(__file__).parents[3] / "docs" / "waivers.md"


def test_the_page_lists_what_cannot_be_waived_in_a_stage() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and line[2:5].isalnum()]
    written = [line for line in rows if not line.startswith("| check")]
    harmful = [check for check in declared().values() if check.harmful]
    assert written == [f"| {c.id} | {c.title.removesuffix('.')} | {c.harmful} |" for c in harmful]
