"""A run's folder that was sent to us: links, FIFOs, sockets and huge files in it are refused in one line."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dlws.cli import main
from dlws.engine import replay
from dlws.engine.replay import Audited
from dlws.record.run_folder import RunFolder, RunFolderError
from tests.kits import sample_run

pytestmark = pytest.mark.timeout(20)  # a FIFO that is opened waits for ever

SECRET = "root:$6$not-for-a-report"


def link_to_a_secret(place: Path) -> None:
    place.symlink_to(Path.cwd() / "outside")


def listening(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(place))


def huge(place: Path) -> None:
    place.touch()
    os.truncate(place, 1 << 40)  # sparse


TRAPS: dict[str, Callable[[Path], object]] = {
    "a link": link_to_a_secret,
    "a dangling link": lambda place: place.symlink_to("nowhere"),
    "a link to its own folder": lambda place: place.symlink_to("."),
    "a FIFO": os.mkfifo,
    "a socket": listening,
    "a folder": Path.mkdir,
    "a huge file": huge,
}
COMMANDS = {
    "show": ["show"],
    "json": ["json"],
    "html": ["html"],
    "junit": ["junit"],
    "csv": ["csv"],
    "plan": ["plan"],
    "prometheus": ["prometheus"],
    "acceptance": ["acceptance", "--format", "html"],
    "sign": ["sign", "--key", "/dev/null"],
    "check-signature": ["check-signature", "--signers", "/dev/null"],
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunFolder]:
    (tmp_path / "outside").write_text(SECRET)
    folder = sample_run.lean(sample_run.verify()).write(tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    return folder


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line with which `dlws reports` ends."""
    assert main(["reports", *words]) == 4
    said = capsys.readouterr()
    [line] = said.err.splitlines()
    assert SECRET not in said.out + said.err
    return line


@pytest.mark.parametrize("place", ["ledger.jsonl", "evidence/z.gw0.jsonl", "inputs.json"])
@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_is_refused_wherever_it_lies(
    trap: str, place: str, run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    (run.path / place).unlink(missing_ok=True)
    TRAPS[trap](run.path / place)
    assert place.rpartition("/")[2] in refused(capsys, "json", str(run.path))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_a_folder_with_a_trap(
    command: str, run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    TRAPS["a FIFO"](run.evidence / "z.gw0.jsonl")
    first, *rest = COMMANDS[command]
    assert "z.gw0.jsonl is a FIFO, not a regular file" in refused(capsys, first, str(run.path), *rest)


@pytest.mark.parametrize("place", ["evidence/z.gw0.jsonl", "lost/z", "inputs.json"])
@pytest.mark.parametrize("trap", TRAPS)
def test_a_merge_takes_no_trap_along(
    trap: str, place: str, run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = sample_run.lean(sample_run.verify(sample_run.HOSTS[:1], unreachable="")).write(tmp_path / "other")
    (other.path / "lost").mkdir()
    TRAPS[trap](other.path / place)
    runs = [str(other.path), str(sample_run.lean(shard()).write(tmp_path / "gpu").path)]
    refused(capsys, "merge", *runs, "--into", str(tmp_path / "all"))
    assert not any(SECRET in file.read_text("utf-8") for file in (tmp_path / "all").rglob("*") if file.is_file())


def shard() -> sample_run.Sample:
    sample = sample_run.verify(sample_run.HOSTS[2:3], unreachable="")
    sample.run = replace(sample.run, run="gpu")
    return sample


@pytest.mark.parametrize("place", ["evidence/z.gw0.jsonl", "lost/z"])
@pytest.mark.parametrize("trap", TRAPS)
def test_a_replay_takes_no_trap_along(trap: str, place: str, run: RunFolder, tmp_path: Path) -> None:
    audited = Audited(run, run.read().ledger)
    (run.path / "lost").mkdir()
    TRAPS[trap](run.path / place)
    (tmp_path / "again").mkdir()
    with pytest.raises(pytest.UsageError, match=r"--replay: .*/z"):
        replay.begin(audited, tmp_path / "again", [])
    assert not (tmp_path / "again" / place).exists()


@pytest.mark.parametrize("folder", ["evidence", "lost"])
def test_a_linked_folder_is_not_followed(folder: str, run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "z.gw0.jsonl").write_text(SECRET)
    shutil.rmtree(run.path / folder, ignore_errors=True)
    (run.path / folder).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunFolderError, match=f"{folder} is a link, not a folder"):
        (run.transcripts(), run.lost())


@pytest.mark.parametrize(
    "inputs", ["[]", '{"waivers": null}', '{"waivers": [{}]}', '{"cluster": 1}', '{"cluster": {}}']
)
@pytest.mark.parametrize("command", ["json", "acceptance"])
def test_other_inputs_are_one_line_or_none_at_all(
    command: str, inputs: str, run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    run.inputs.write_text(inputs)
    status = main(["reports", command, str(run.path)])
    assert (status, len(capsys.readouterr().err.splitlines())) in [(0, 0), (4, 1)]
