"""An audit keeps nothing of a check that has run but where it stands: a thousand hosts have 190,000 of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kits.project import Project

CHECKS = '''
import gc
import pytest
from dlws.engine.items import CheckItem

GONE = []
CheckItem.__del__ = lambda item: GONE.append(item.key)

@check("A01", title_zh="因", fix="mend it")
def test_cause(host):
    """May explain another one."""

@check("A02", title_zh="先", fix="mend it")
def test_first(host):
    """Runs first."""
    expect("colour", found="red", expected="green")

@check("A03", title_zh="后", fix="mend it", causes=[test_cause])
def test_second(host):
    """Runs after it."""

@check("A04", title_zh="全", fix="mend it", on=whole_cluster)
def test_last():
    """Only what may explain another check is left of those of the hosts."""
    expect("gone", found=sorted(GONE), expected=["A02[a1]", "A02[a2]", "A03[a1]", "A03[a2]"])
'''
KEPT_BY_TERMINAL = """
@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    terminal = session.config.pluginmanager.getplugin("terminalreporter")
    print("kept", {word: len(set(map(id, kept))) for word, kept in terminal.stats.items()})
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, checks=CHECKS)


def test_a_check_that_has_run_is_gone(project: Project) -> None:
    project.run("-m", "verify")
    assert project.verdicts["last[cluster]"] == "PASS"


def test_pytest_counts_the_checks_and_keeps_one_report_of_all(project: Project) -> None:
    conftest = (project.path / "conftest.py").read_text()
    project.write("conftest.py", f"import pytest\n{conftest}{KEPT_BY_TERMINAL}")
    out = project.run("-m", "verify").out
    assert "'pass': 1, 'fail': 1}" in out
    assert "5 pass, 2 fail" in out


def test_a_marker_of_one_check_is_none_of_the_others(project: Project) -> None:
    """`conftest.py` may skip one, as with any test of pytest."""
    skips = "def pytest_collection_modifyitems(items):\n    items[0].add_marker(pytest.mark.skip(reason='not here'))\n"
    project.write("conftest.py", "import pytest\n" + (project.path / "conftest.py").read_text() + skips)
    project.run("-m", "verify")
    assert sorted(project.verdicts.values()) == ["FAIL", "FAIL", "NOT RUN", "PASS", "PASS", "PASS", "PASS"]
