"""`dlws lint FILE`, as it is typed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dlws.cli import main
from tests.kits.config_example import write


def test_a_good_configuration_is_exit_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(write(tmp_path))]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 hint"


def test_warnings_are_exit_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(write(tmp_path, ("worker_node_num: 3", "worker_node_num: 9")))]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 warning, 1 hint"


def test_errors_are_exit_1_sorted_by_line_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, ("v1.18.0", "1.18"), ("cluster_name: atlas", "cluster_name: A"), ("type: nfs", "type: x"))
    assert main(["lint", str(path)]) == 1
    *lines, count = capsys.readouterr().out.splitlines()
    assert [line.split(":")[1] for line in lines] == ["1", "5", "54", "64"]
    assert count == "3 errors, 1 hint"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "1:1: error: empty (write the cluster into it)"),
        (b"a: 1\n  b:\n- [", "2:4: error: not YAML: "),
        (b"a: \xff", "1:4: error: not UTF-8 text (save the file as UTF-8)"),
        (b"- a", "1:1: error: must be a mapping"),
    ],
)
def test_a_file_that_cannot_be_read_as_a_mapping_is_one_error(
    content: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    assert main(["lint", str(path)]) == 1
    error, count = capsys.readouterr().out.splitlines()
    assert error.startswith(f"{path}:{said}")
    assert count == "1 error"


def test_without_a_name_it_is_the_folders_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["lint"]) == 0
    assert capsys.readouterr().out.startswith("config.yaml:")


def test_a_missing_file_is_exit_2_and_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(tmp_path / "config.yaml")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "does not exist (`dlws init` writes a first one" in line


def test_a_folder_is_answered_with_the_file_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(tmp_path)]) == 2
    line = f"{tmp_path}: error: is a folder (name a file in it, such as {tmp_path}/config.yaml)\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize("option", ["--hosts", "--local-yaml"])
def test_another_file_that_is_missing_is_exit_2(
    tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lint", str(write(tmp_path)), option, str(tmp_path / "none")]) == 2
    assert f"{tmp_path}/none: error: does not exist" in capsys.readouterr().err


def test_there_are_colours_only_on_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(write(tmp_path, ("v1.18.0", "1.18")))
    main(["lint", path])
    assert "\033" not in capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    main(["lint", path])
    assert ": \033[31merror\033[0m: k8s-gitbranch" in capsys.readouterr().out


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dlws", "lint", str(write(tmp_path))]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).parents[3]
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("1 hint\n")
