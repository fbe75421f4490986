"""A check that explains another one's finding is judged once in a run, whoever asks first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kits.project import Project

CHECKS = '''
@check("A01", title_zh="因", fix="-")
def test_{cause}(host):
    """Holds the second time, or the first."""
    seen = host.run("ls | grep -c ^seen-; touch seen-$$").stdout.strip()
    expect("times", found=seen, expected="{good}")

@check("A02", title_zh="果", fix="-", causes=[test_{cause}])
def test_m(host):
    """Never holds."""
    expect("colour", found="red", expected="green")
'''


@pytest.mark.parametrize("cause", ["a_first", "z_last"], ids=["cause_first", "consequence_first"])
@pytest.mark.parametrize("width", ["0", "2"])
@pytest.mark.parametrize("good", ["0", "1"], ids=["then_bad", "then_good"])
def test_a_cause_that_flaps_explains_nothing_it_is_not_red_for(
    good: str, width: str, cause: str, tmp_path: Path
) -> None:
    made = Project(tmp_path, checks=CHECKS.format(cause=cause, good=good), hosts=["a1"])
    assert made.run("-m", "verify", "-n", width).status == 1
    verdicts = made.verdicts[f"{cause}[a1]"], made.verdicts["m[a1]"]
    assert verdicts == (("PASS", "FAIL") if good == "0" else ("FAIL", "NOT RUN"))
    assert not (made.folder / "judged").exists()
