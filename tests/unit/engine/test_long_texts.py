"""A result holds the beginning of what a host said; the whole of it is in the evidence."""

from __future__ import annotations

from pathlib import Path

from tests.kits.project import Project

CHECKS = '''
@check("L01", title_zh="长", fix="mend it")
def test_found(host):
    """Finds much."""
    expect("text", found=host.read("yes found | head -c 900000"), expected="little")

@check("L02", title_zh="长", fix="mend it")
def test_told(host):
    """Is told much."""
    host.read("yes told | head -c 900000 >&2; exit 3")
'''


def test_a_megabyte_is_cut_in_the_ledger_and_whole_in_the_evidence(tmp_path: Path) -> None:
    project = Project(tmp_path, checks=CHECKS, hosts=["a1"])
    ran = project.run("-m", "verify")
    found, told = project.results["found[a1]"], project.results["told[a1]"]
    assert (found.verdict, told.verdict, ran.status) == ("FAIL", "UNKNOWN", 1)
    assert len(found.found) <= 4096
    assert len(told.message) <= 4096
    assert "(cut here; 899999 characters, see the evidence)" in found.found
    assert len(ran.out) < 100_000
    evidence = next((tmp_path / "reports").rglob("evidence/a1.*.jsonl"))
    assert evidence.read_text().count("found") > 149_000
