"""What the code says of upstream can be looked up: in docs/upstream.md, not in papers that nobody else has."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]
ELSEWHERE = re.compile(
    r"DESIGN(?:\.md| section)|upstream-semantics|peers-and-checks|pytest-internals|lab-recipe|dlws-install-steps"
)
"""Papers that are not in the repository."""
CITED = re.compile(r"upstream\.md#([\w-]+)")


@cache
def texts() -> dict[str, str]:
    """Every text file that belongs to the repository, but this one."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = {name: ROOT / name for name in listed.stdout.splitlines() if ROOT / name != Path(__file__)}
    return {name: path.read_text("utf-8", errors="replace") for name, path in paths.items() if path.is_file()}


def anchors() -> set[str]:
    """The headings of the page, as a link names them."""
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs/upstream.md").read_text("utf-8"), re.MULTILINE)
    return {heading.lower().replace(" ", "-") for heading in headings}


def test_no_file_refers_to_a_paper_that_is_not_here() -> None:
    found = {name: ELSEWHERE.findall(text) for name, text in texts().items()}
    assert {name: words for name, words in found.items() if words} == {}


def test_every_cited_heading_is_there() -> None:
    cited = {anchor for text in texts().values() for anchor in CITED.findall(text)}
    assert cited - anchors() == set()


def test_every_heading_is_cited() -> None:
    cited = {anchor for text in texts().values() for anchor in CITED.findall(text)}
    assert anchors() - cited == {"what-upstream-does"}
