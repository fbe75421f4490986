"""What the pages for contributors name is there, and what they say to paste can be read."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from checks.catalogue import declared

ROOT = Path(__file__).parents[3]
PAGES = [
    *(ROOT / name for name in ("README.md", "README.zh.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "lab/README.md",
]
HOW_TO = sorted((ROOT / "docs").glob("adding-*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
FOLDERS = "bundle|checks|dlws|docs|fixtures|install|lab|reports|tests|benchmarks"
PLACE = re.compile(rf"`((?:{FOLDERS})/[\w./-]+\.(?:py|md|yaml|yml|j2))`")
MADE_BY_THE_LAB = {"lab/offline.yaml"}  # when it comes up without a network
MADE_BY_THE_READER = {
    "checks/host/limits.py",
    "tests/proofs/host/limits.yaml",
    "tests/unit/install/test_node.py",
    "fixtures/workers.py",
    "tests/unit/engine/test_workers.py",
}


def of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=of)
def test_a_file_that_a_page_names_is_there(page: Path) -> None:
    named = set(PLACE.findall(page.read_text("utf-8"))) - MADE_BY_THE_READER - MADE_BY_THE_LAB
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", HOW_TO, ids=of)
def test_what_is_to_be_pasted_can_be_read(page: Path) -> None:
    readers = {"python": ast.parse, "yaml": yaml.compose}
    blocks = BLOCK.findall(page.read_text("utf-8"))
    assert blocks
    for language, text in blocks:
        if language in readers and "{{" not in text:  # a template is not YAML yet
            readers[language](text)


@pytest.mark.parametrize("page", HOW_TO, ids=of)
def test_the_checks_that_a_reader_adds_have_ids_that_are_free(page: Path) -> None:
    added = re.findall(r'^ +"([A-Z][0-9]{2})",$', page.read_text("utf-8"), re.M)
    assert sorted(declared().keys() & added) == []


@pytest.mark.parametrize("page", PAGES, ids=of)
def test_no_page_uses_card_for_a_network_interface(page: Path) -> None:
    assert re.findall(r"(?i)network card|ethernet card|\bNIC card", page.read_text("utf-8")) == []
