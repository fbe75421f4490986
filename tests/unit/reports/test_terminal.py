from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

import reports
from dlws.record.ledger import HostRow
from dlws.verdict import Verdict
from reports import terminal
from tests.kits import sample_run
from tests.kits.sample_run import Sample


def shown(sample: Sample, path: Path, width: int = 80, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace", write_through=True) as stream:
        terminal.show(reports.read(sample.write(path)), Console(file=stream, width=width), [path / "report.html"])
        return raw.getvalue().decode(encoding)


def row(text: str, name: str) -> list[str]:
    return next(line for line in text.splitlines() if name in line).split()


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize(
    "sample",
    [
        sample_run.verify(),
        sample_run.install(),
        sample_run.plan(),
        sample_run.verify(sample_run.room(100), "node017"),
        sample_run.install(sample_run.room(9)),
    ],
)
def test_no_line_is_wider_than_the_terminal(sample: Sample, width: int, tmp_path: Path) -> None:
    lines = [line for line in shown(sample, tmp_path, width).splitlines() if str(tmp_path) not in line]
    assert max(map(cell_len, lines)) <= width


def test_hosts_are_columns_and_stages_are_rows(tmp_path: Path) -> None:
    text = shown(sample_run.install(), tmp_path, 120)
    assert text.splitlines()[0].split() == ["control", "atlas02", "atlas01", "atlas-gpu01", "atlas-gpu02"]
    assert row(text, "docker_installed") == ["3.8", "docker_installed", "●", "●", "✗", "●"]
    assert row(text, "gpu_in_container") == ["3.9", "gpu_in_container", "–", "–"]


def test_a_section_of_any_length_stands_apart_from_its_stage(tmp_path: Path) -> None:
    sample = sample_run.install()
    sample.run = replace(sample.run, items=tuple(replace(item, section="reboot") for item in sample.run.items))
    assert "reboot docker_installed" in shown(sample, tmp_path)


def test_without_utf8_the_marks_are_ascii(tmp_path: Path) -> None:
    text = shown(sample_run.install(), tmp_path, encoding="ascii")
    assert row(text, "docker_installed") == ["3.8", "docker_installed", "+", "+", "X", "+"]


def test_no_escape_sequence_of_a_host_reaches_the_terminal(tmp_path: Path) -> None:
    text = shown(sample_run.verify(), tmp_path)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert "[b]markup[/b]" in text


def test_a_finding_is_a_line_with_its_fix_below(tmp_path: Path) -> None:
    lines = shown(sample_run.verify(), tmp_path, 120).splitlines()
    place = lines.index("✗ atlas01: H09 swap_is_off: swap in use: expected none, found /dev/sda3 (8 GiB)")
    assert lines[place + 1] == "  fix: swapoff -a, then take the swap line out of /etc/fstab (runbook 3.11)"


def test_what_explains_other_tests_is_to_be_fixed_first_and_names_them(tmp_path: Path) -> None:
    text = shown(sample_run.verify(), tmp_path, 120)
    first, then = text.index("\nFix this first\n"), text.index("\nFix next\n")
    assert first < text.index("atlas-gpu02: host_is_reachable: no answer") < then < text.index("H09 swap_is_off: ")
    assert "  so not run: H01, H02, H05, H06, H07, H09, H10, H16 and 26 more on atlas-gpu02\n" in text
    assert "\nNot run\n" not in text


@pytest.mark.parametrize(("command", "shown_of_them"), [("verify", terminal.MOST_FINDINGS), ("preflight", 60)])
def test_a_preflight_shows_every_finding(command: str, shown_of_them: int, tmp_path: Path) -> None:
    sample = sample_run.verify(sample_run.HOSTS[:1], "", {})
    red = replace(sample.results[0], verdict=Verdict.FAIL, message="is wrong")
    sample.results = [replace(red, name=f"fact{n}", id=f"H{n + 100}") for n in range(60)]
    sample.run = replace(sample.run, command=command, items=())
    text = shown(sample, tmp_path)
    assert text.count("is wrong") == shown_of_them
    assert ("and 20 more; see report.html" in text) == (command == "verify")


def test_the_last_lines_are_the_verdict_and_the_files(tmp_path: Path) -> None:
    lines = shown(sample_run.verify(), tmp_path, 120).splitlines()
    assert lines[-2] == "atlas verify: 7 findings on 3 hosts, 34 tests not run (3 min 07 s)"
    assert lines[-1].strip() == str(tmp_path / "report.html")


def test_of_the_tests_not_run_the_first_twenty_are_named(tmp_path: Path) -> None:
    sample = sample_run.verify()
    sample.results = [replace(result, follows="") for result in sample.results]
    text = " ".join(shown(sample, tmp_path).split())
    assert "host_key_is_pinned and 14 more (atlas-gpu02 is unreachable)" in text
    assert "sudoers_is_valid" not in text


def test_many_hosts_that_look_alike_are_one_column(tmp_path: Path) -> None:
    heads = shown(sample_run.install(sample_run.room(100)), tmp_path).splitlines()[0]
    assert heads.split("  ")[-2:] == ["node001 +49", "node002 +49"]


def test_a_common_cause_is_one_line_with_the_number_of_hosts(tmp_path: Path) -> None:
    hosts = sample_run.room(100)
    faults = {("swap_is_off", host.name): (Verdict.FAIL, f"{n} GiB of swap") for n, host in enumerate(hosts)}
    text = shown(sample_run.verify(hosts, "", faults), tmp_path, 120)
    [line] = [line for line in text.splitlines() if "swap_is_off" in line]
    assert line.startswith("✗ 100 hosts (node")
    assert "): H09 swap_is_off (99 other answers): " in line


def test_a_hundred_hosts_full_of_faults_are_one_screen(tmp_path: Path) -> None:
    hosts = sample_run.room(100)
    faults = {(name, host.name): (Verdict.FAIL, f"x{n}") for n, host in enumerate(hosts) for name in names(n)}
    lines = shown(sample_run.verify(hosts, "node017", faults), tmp_path, 120).splitlines()
    assert len(lines) <= 50
    assert lines[-2].startswith("atlas verify: ")


def test_twelve_hosts_are_not_folded(tmp_path: Path) -> None:
    text = shown(sample_run.install(sample_run.room(12)), tmp_path)
    assert "M node012" in text
    assert len(row(text, "swap_off")) == 2 + 12


def test_thirteen_hosts_are_folded(tmp_path: Path) -> None:
    text = shown(sample_run.install(sample_run.room(13)), tmp_path)
    assert row(text, "swap_off") == ["3.11", "swap_off", "●", "●"]


def test_a_report_that_could_not_be_made_is_told(tmp_path: Path) -> None:
    overview = reports.read(sample_run.verify().write(tmp_path))
    console = Console(file=io.StringIO(), width=80)
    terminal.show(overview, console, faults=["junit.xml could not be made: OSError: disk full"])
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().endswith("\n  junit.xml could not be made: OSError: disk full\n")


def test_hosts_that_do_not_fit_are_counted(tmp_path: Path) -> None:
    hosts = sample_run.room(40)
    faults = {(name, host.name): (Verdict.FAIL, "x") for n, host in enumerate(hosts) for name in names(n)}
    text = " ".join(shown(sample_run.verify(hosts, "", faults), tmp_path, 60).split())
    assert re.search(r"\(\d+ hosts more do not fit here; see report\.html\)", text)


def names(number: int) -> list[str]:
    """One check in each area whose bit is set in `number`: as many looks as numbers."""
    checks = ["swap_is_off", "dns_x", "sudoers_is_valid", "inodes_are_free", "docker_runs", "firewall_is_off"]
    return [name for bit, name in enumerate(checks) if number >> bit & 1]


def test_very_many_stages_become_one_row_per_section(tmp_path: Path) -> None:
    sample = sample_run.install()
    extra = [
        replace(r, nodeid=r.nodeid.replace("swap_off", f"step_{n}"), name=f"step_{n}")
        for n in range(20)
        for r in sample.results
        if r.name == "swap_off"
    ]
    sample.results += extra
    assert "3.11 step_7" not in shown(sample, tmp_path)
    assert row(shown(sample, tmp_path), "3.11 Kubernetes")[-4:] == ["●", "●", "–", "●"]


def test_a_healthy_run_is_short(tmp_path: Path) -> None:
    text = shown(sample_run.verify((HostRow(name="a", address="", kind="", role=""),), "", {}), tmp_path)
    assert "Fix this first" not in text
    assert "Not run" not in text
