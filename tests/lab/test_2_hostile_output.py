"""What a host prints is text in every report: none of its markup, escapes, formulas and scripts takes effect."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from xml.etree import ElementTree

import docx
import pytest

from dlws.verdict import Verdict
from tests.kits.browser import Browser
from tests.lab.suite import ROOT, Finished, broken, run

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("prepared_hosts")]

SHOWN = "=cmd()|/C calc!A0 ]]> \\x1b[31m\\x1b]0;owned\\x07 <script>document.title=`owned`</script>"
"""What the lab's fault hostile_output writes, with its control characters spelt out; NUL follows it."""
CONTROL = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f]")


@pytest.fixture(scope="module")
def audit(prepared_hosts: None) -> Finished:
    """The audit of a host whose os-release is hostile, and its documents."""
    with broken("hostile_output", "atlas01"):
        audit = run("-m", "verify", "checks/host/system.py", "--limit", "atlas01")
    for command in ("csv", "acceptance"):
        subprocess.run([sys.executable, "-m", "dlws", "reports", command, str(audit.folder)], cwd=ROOT, check=True)
    return audit


def test_the_finding_repeats_it(audit: Finished) -> None:
    assert audit.red == {("H01", "atlas01", Verdict.UNKNOWN)}
    assert SHOWN in audit.result("operating_system", "atlas01").sentence
    assert not CONTROL.search(audit.output)


def test_junit_is_xml_that_holds_it(audit: Finished) -> None:
    errors = ElementTree.parse(audit.folder / "junit.xml").getroot().iter("error")
    assert [SHOWN in str(error.text) for error in errors] == [True]


def test_no_cell_of_the_table_is_a_formula(audit: Finished) -> None:
    text = (audit.folder / "items.csv").read_text("utf-8-sig")
    rows = [row for row in csv.reader(text.splitlines(keepends=True)) if "H01" in row]
    assert [sum(SHOWN in cell for cell in row) for row in rows] == [1]
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert not CONTROL.search(text)


@pytest.mark.parametrize("name", ["report.html", "acceptance.html"])
def test_a_page_shows_it_and_runs_none_of_it(audit: Finished, name: str) -> None:
    source = (audit.folder / name).read_text()
    assert not CONTROL.search(source)
    browser = Browser()
    try:
        browser.open(audit.folder / name)
        assert browser.run("document.title").count("owned") == 0
        assert SHOWN in browser.run("document.body.textContent")
    finally:
        browser.close()


def test_the_document_to_be_signed_shows_it(audit: Finished) -> None:
    document = docx.Document(str(audit.folder / "acceptance.docx"))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    assert any(SHOWN in text for text in [*cells, *(paragraph.text for paragraph in document.paragraphs)])
