"""The engine knows of no report: who answers its hooks is told of a run's end, and nobody need answer them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.kits.project import CONFTEST, Project

CHECKS = '''
@check("P01", title_zh="好", fix="-")
def test_good(host):
    """Holds."""
    host.run("true")
'''
ALONE = CONFTEST.replace(', "reports.plugin"', "")
OWN = """
def pytest_dlws_run_ended(config, folder):
    (folder / "ended").write_text(str((folder / "ledger.jsonl").exists()))

def pytest_dlws_summary(config, folder, console):
    console.print("a summary of our own")
"""


def test_a_run_without_reports_has_a_ledger_and_no_more(tmp_path: Path) -> None:
    made = Project(tmp_path, checks=CHECKS, hosts=["a1"])
    made.write("conftest.py", ALONE)
    assert made.run("-m", "verify", "-n", "0").status == 0
    assert made.verdicts == {"good[a1]": "PASS"}
    assert not list(made.folder.glob("*.xml"))


def test_a_sites_own_plugin_hears_of_the_end(tmp_path: Path) -> None:
    made = Project(tmp_path, checks=CHECKS, hosts=["a1"])
    made.write("conftest.py", CONFTEST + OWN)
    assert "a summary of our own" in made.run("-m", "verify", "-n", "0").out
    assert (made.folder / "ended").read_text() == "True"


def test_nothing_in_the_library_imports_a_report() -> None:
    modules = (Path(__file__).parents[3] / "dlws").rglob("*.py")
    imports = re.compile(r"^\s*(import|from) reports\b", re.M)
    assert [module.name for module in modules if imports.search(module.read_text("utf-8"))] == []
