"""A host that accepts logins and then answers nothing: one finding, whatever would have been asked of it."""

from __future__ import annotations

from pathlib import Path

from tests.kits.project import Project

CHECKS = '''
@check("T01", title_zh="一", fix="look")
def test_one(host):
    """One."""
    expect("one", found=host.read("echo 1"), expected="1")

@check("T02", title_zh="二", fix="look")
def test_two(host):
    """Two."""
    expect("two", found=host.read("echo 2"), expected="2")

@check("T03", title_zh="三", fix="look")
def test_three(host):
    """Three."""
    expect("three", found=host.clock()[1] < 9, expected=True)
'''


def test_a_host_that_hangs_is_one_finding_in_a_run_and_its_replay(tmp_path: Path) -> None:
    made = Project(tmp_path, checks=CHECKS)
    made.on("a2", "hung")
    assert made.run("-m", "verify", "-n", "0").status == 1
    expected = {f"{name}[a1]": "PASS" for name in ("one", "two", "three")}
    expected |= {"one[a2]": "UNREACHABLE", "two[a2]": "NOT RUN", "three[a2]": "NOT RUN"}
    assert made.verdicts == expected
    assert "hangs: it accepts logins, but the command `true`" in made.results["one[a2]"].sentence
    assert "no answer within 49 s to: echo 1" in made.results["one[a2]"].sentence
    assert made.run("-m", "verify", "--replay", "latest").status == 1
    assert made.verdicts == expected
