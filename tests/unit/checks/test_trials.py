"""The cases of tests/data/trials come to their verdicts; `dlws checks try` says so to whoever pastes answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.catalogue import declared
from dlws.cli import main
from dlws.engine.trial import NotTriable, trial_cluster, tried
from dlws.parse import pasted
from dlws.verdict import Unparsable
from tests.kits.trials import FOLDER, TrialCase, carried_out, cases

Output = pytest.CaptureFixture[str]
H09 = "$ cat /proc/swaps\nFilename\tType\tSize\tUsed\tPriority\n"


@pytest.mark.parametrize("case", cases(), ids=str)
def test_pasted_answers_come_to_their_verdict(case: TrialCase) -> None:
    found = carried_out(case)
    assert (found.missing, found.unused) == ({}, {})
    assert (str(found.proof.verdict), case.said("says") in found.proof.sentence) == (case.verdict, True), found.proof


def test_there_are_cases_of_each_verdict() -> None:
    assert {case.verdict for case in cases(FOLDER)} == {"PASS", "FAIL", "UNKNOWN"}


def try_(tmp_path: Path, text: str, *words: str) -> int:
    file = tmp_path / "answers"
    file.write_text(text)
    return main(["checks", "try", *words, "--answers", str(file)])


@pytest.mark.parametrize(
    ("more", "status", "word"),
    [
        ("", 0, "PASS  H09 on npu: Swap is off now."),
        ("/dev/sda2 partition 2097148 0 -2\n", 1, "swap areas in use: expected none, found /dev/sda2"),
        ("half a row\n", 3, "UNKNOWN  H09"),
    ],
)
def test_a_verdict_has_an_exit_status(tmp_path: Path, capsys: Output, more: str, status: int, word: str) -> None:
    assert try_(tmp_path, H09 + more, "H09") == status
    assert word in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "says"),
    [(H09.encode("utf-16"), "not UTF-8 text"), (b"\xff\x00", "not UTF-8 text"), (None, "No such file or directory")],
)
def test_a_file_of_answers_that_cannot_be_read_is_named(
    tmp_path: Path, capsys: Output, content: bytes | None, says: str
) -> None:
    if content is not None:
        (tmp_path / "answers").write_bytes(content)
    assert main(["checks", "try", "H09", "--answers", str(tmp_path / "answers")]) == 2
    assert f"{tmp_path / 'answers'}: {says}" in capsys.readouterr().err


def test_an_answer_that_is_missing_is_named(tmp_path: Path, capsys: Output) -> None:
    assert try_(tmp_path, "$ uname -m\nx86_64\n", "H09", "--host", "gpu") == 2
    shown = capsys.readouterr()
    assert shown.out == "$ cat /proc/swaps\n"
    assert "H09 asks for this, too" in shown.err


def test_what_a_check_asks_for_can_be_seen_first(capsys: Output) -> None:
    assert main(["checks", "try", "P17", "--show"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "master$ npu-smi info -m\n"
    assert shown.err.startswith("P17 asks for this: run it as root")


def test_an_answer_that_is_not_asked_for_is_told(tmp_path: Path, capsys: Output) -> None:
    assert try_(tmp_path, H09 + "$ uname -m\nx86_64\n", "H09") == 0
    assert "H09 did not ask npu: uname -m" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "text", "hint"),
    [
        (["H9"], H09, "no check H9, did you mean H09?"),
        (["H09"], "cat /proc/swaps", "neither a session nor a mapping of commands"),
        (["H09", "--host", "gpu9"], H09, "H09 applies to no host gpu9 of trial"),
        (["C21"], H09, "C21 needs more than pasted answers: notes"),
        (["P17"], "$ npu-smi info -m\nx\n", "write the name of each before its commands"),
        (["P17"], "npu9$ npu-smi info -m\nx\n", "no host of trial is named npu9"),
        (["H09", "--cluster", "no-such-file.yaml"], H09, "no-such-file.yaml"),
    ],
)
def test_what_cannot_be_tried_says_why(tmp_path: Path, capsys: Output, words: list[str], text: str, hint: str) -> None:
    assert try_(tmp_path, text, *words) == 2
    assert hint in capsys.readouterr().err


def test_without_answers_there_is_nothing_to_judge(capsys: Output) -> None:
    assert main(["checks", "try", "H09"]) == 2
    assert "--answers" in capsys.readouterr().err


def test_devices_and_settings_are_options(tmp_path: Path, capsys: Output) -> None:
    text = "$ lspci -Dnn -d 10de:\n0000:06:00.0 3D controller [0302]: NVIDIA [10de:1db5]\n$ nvidia-smi -L\n"
    text += "GPU 0: Tesla V100 (UUID: GPU-5c8b2f4e-0c1d)\n"
    assert try_(tmp_path, text, "G01", "--devices", "1") == 0
    driver = "$ nvidia-smi --query-gpu=driver_version ...\n440.64\n"
    assert try_(tmp_path, driver, "G02", "--suite", 'required_gpu_driver="450.80"') == 1
    assert "expected 450.80 or newer, found 440.64" in capsys.readouterr().out


def test_a_setting_that_does_not_fit_is_named_alone(tmp_path: Path, capsys: Output) -> None:
    assert try_(tmp_path, "$ hostname\nnpu\n", "P22", "--suite", "npu_cabling={atlas01: [leaf1 1]}") == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith("suite.npu_cabling.atlas01: no such machine (one of: cpu, gpu, master, npu, npu2)")
    assert "config.yaml" not in line


def test_a_session_and_yaml_say_the_same() -> None:
    session = "# pasted\n$ a b\nx\n\n[exit 3]\n\nhost1$ c\n> d\ny\n$ e …\n"
    yaml = 'a b: {out: "x\\n\\n", exit: 3}\ne …: \'\'\nhosts: {host1: {"c\\nd": y}}\n'
    assert pasted.read(session) == pasted.read(yaml)
    assert pasted.read(session)["host1"] == {"c\nd": pasted.Pasted("y\n")}
    assert pasted.read("$ diff a b\n1c1\n> y\n")[""] == {"diff a b": pasted.Pasted("1c1\n> y\n")}


@pytest.mark.parametrize(
    "text", ["", "$ a\nx\n$ a\ny\n", "[1]", "a: {rc: 1}", "a: {exit: x}", "hosts: {x: y}", "hosts: 1\na: b", "a: ["]
)
def test_half_of_the_answers_is_not_understood(text: str) -> None:
    with pytest.raises(Unparsable):
        pasted.read(text)


def test_a_command_is_found_by_a_part_of_it() -> None:
    answers = {key: pasted.Pasted() for key in ("nvidia-smi -L", "…--query-gpu=index,name…", "a ... c")}
    assert pasted.answer_to("timeout -k 1 10 nvidia-smi -L", answers) == "nvidia-smi -L"
    assert pasted.answer_to("nvidia-smi --query-gpu=index,name,uuid --x", answers) == "…--query-gpu=index,name…"
    assert pasted.answer_to("a b\nb c", answers) == "a ... c"
    assert pasted.answer_to("nvidia-smi -L -i 0", answers) is None


def test_a_check_of_the_control_host_is_not_tried() -> None:
    with pytest.raises(NotTriable, match="U07 is about the machine that runs the suite"):
        tried(declared()["U07"], trial_cluster(), {})
