"""What is shown while a run goes on."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dlws.engine import progress
from dlws.engine.progress import Board, Reporter
from dlws.record.ledger import ItemRow, Outcome, Result
from dlws.verdict import Verdict
from tests.kits.project import Project, eventually


def result(**more: Any) -> Result:
    told: dict[str, Any] = {
        "nodeid": "n",
        "name": "swap_off",
        "host": "a1",
        "stage": True,
        "verdict": Verdict.PASS,
        "started": "",
        "seconds": 2.0,
        "worker": "gw0",
        "outcome": Outcome.CHANGED,
    }
    return Result(**{**told, **more})


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def open_board(tmp_path: Path, screen: io.StringIO) -> Iterator[Callable[[bool], Board]]:
    """Makes a board whose socket lies under a path too long for a socket's name; stops it afterwards."""
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    boards: list[Board] = []

    def make(is_terminal: bool) -> Board:
        console = Console(file=screen, force_terminal=is_terminal, width=120, soft_wrap=True)
        boards.append(Board(folder / "progress.sock", console))
        boards[-1].start()
        return boards[-1]

    yield make
    for board in boards:
        board.stop()
    assert list(folder.iterdir()) == []


def reporter(tmp_path: Path) -> Reporter:
    return Reporter(tmp_path / ("long" * 30) / "progress.sock")


def test_without_a_terminal_a_busy_host_gives_a_sign_of_life(
    tmp_path: Path, open_board: Callable[[bool], Board], screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "HEARTBEAT", 0.05)
    open_board(False)
    reporter(tmp_path).say("docker[a1]", "apt-get install [docker.io]")
    eventually(lambda: screen.getvalue(), 60)
    assert re.match(r"  docker\[a1\]: \d s: apt-get install \[docker\.io\]\n", screen.getvalue())


def test_a_finished_stage_gives_no_more_signs_of_life(
    tmp_path: Path, open_board: Callable[[bool], Board], monkeypatch: pytest.MonkeyPatch
) -> None:
    board = open_board(False)
    reporter(tmp_path).say("swap_off[a1]", "swapoff -a")
    eventually(lambda: board._busy, 60)
    board.finished(result())
    reporter(tmp_path).say("swap_off[a1]", "a word that comes late")
    reporter(tmp_path).say("other[a1]", "the next")
    eventually(lambda: board._busy, 60)
    assert list(board._busy) == ["other[a1]"]


def test_on_a_terminal_names_in_brackets_are_shown_as_they_are(
    tmp_path: Path, open_board: Callable[[bool], Board], screen: io.StringIO
) -> None:
    board = open_board(True)
    reporter(tmp_path).say("swap_off[a1]", "\n[/red] sed -i /swap/d\nsecond line")
    eventually(lambda: board._busy, 60)
    shown = Console(file=screen, width=120)
    shown.print(board._table())
    assert "swap_off[a1]" in screen.getvalue()
    assert "[/red] sed -i /swap/d" in screen.getvalue()


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({}, "✔ a1             swap_off                 changed      2.0 s\n"),
        ({"outcome": Outcome.UNCHANGED}, ""),
        ({"outcome": Outcome.BLOCKED, "verdict": Verdict.NOT_RUN}, ""),
        (
            {"outcome": Outcome.FAILED, "verdict": Verdict.FAIL, "message": "H09 [sda]: on"},
            "✘ a1             swap_off                 failed       2.0 s  H09 [sda]: on\n",
        ),
        (
            {"stage": False, "outcome": None, "verdict": Verdict.FAIL, "id": "H09", "message": "on"},
            "✘ a1             H09 swap_off             FAIL         2.0 s  on\n",
        ),
        ({"stage": False, "outcome": None}, ""),
    ],
)
def test_what_did_or_found_something_gets_a_line(
    open_board: Callable[[bool], Board], screen: io.StringIO, told: dict[str, Any], line: str
) -> None:
    open_board(False).finished(result(**told))
    assert screen.getvalue() == line


def items(*hosts: str) -> list[ItemRow]:
    return [ItemRow(nodeid="n", name=name, host=host) for host in hosts for name in ("swap_off", "docker")]


def test_the_progress_says_how_many_hosts_are_done(open_board: Callable[[bool], Board]) -> None:
    board = open_board(False)
    board.start_counting(items("control", "a1", "a2", "a3", "a4", "a5", "cluster"))
    for name in ("swap_off", "docker"):
        board.finished(result(name=name, outcome=Outcome.UNCHANGED))
    board.finished(result(host="a4", outcome=Outcome.UNCHANGED))
    assert board.standing() == (
        "1 of 5 hosts done, 3 of 14 tests; waiting for a4 (1 tests), a2 (2 tests), a3 (2 tests) and 1 more"
    )


def test_the_progress_names_who_is_busy_longest(tmp_path: Path, open_board: Callable[[bool], Board]) -> None:
    board = open_board(False)
    board.start_counting(items("a1"))
    reporter(tmp_path).say("docker[a1]", "apt-get install docker.io")
    eventually(lambda: board._busy, 60)
    assert board.standing() == "0 of 1 hosts done, 0 of 2 tests; waiting for docker[a1] 0 s"


def test_without_a_terminal_the_progress_is_a_line_now_and_then(
    open_board: Callable[[bool], Board], screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = open_board(False)
    board.start_counting(items("a1"))
    assert screen.getvalue() == ""
    monkeypatch.setattr(progress, "SAYS_SO_EVERY", 0.05)
    eventually(lambda: screen.getvalue(), 60)
    assert screen.getvalue().startswith("  0 of 1 hosts done, 0 of 2 tests; waiting for a1 (2 tests)\n")


def test_of_a_hundred_busy_hosts_few_give_a_sign_of_life(
    open_board: Callable[[bool], Board], screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = open_board(False)
    with board._lock:
        board._busy |= {f"docker[a{n:03}]": ("apt-get", float(n), 0.0) for n in range(100)}
    eventually(lambda: screen.getvalue(), 60)
    eventually(lambda: screen.getvalue().count("\n") >= progress.MOST_ALIKE, 60)
    assert {line.split("[")[1][:4] for line in screen.getvalue().splitlines()} == {f"a{n:03}" for n in range(8)}


def test_a_hundred_hosts_that_fail_alike_are_few_lines(
    open_board: Callable[[bool], Board], screen: io.StringIO
) -> None:
    board = open_board(False)
    for n in range(100):
        board.finished(result(host=f"a{n}", outcome=Outcome.FAILED, verdict=Verdict.FAIL))
    lines = screen.getvalue().splitlines()
    assert len(lines) == progress.MOST_ALIKE + 1
    assert lines[-1] == "  swap_off: failed on more hosts than these 8; see the end"


def test_nobody_listening_is_no_fault(tmp_path: Path) -> None:
    Reporter(tmp_path / "progress.sock").say("swap_off[a1]", "swapoff -a")
    Reporter(tmp_path / "gone" / "progress.sock").say("swap_off[a1]", "swapoff -a")


def test_a_run_of_one_process_shows_progress_despite_capture(tmp_path: Path) -> None:
    checks = '''
@check("T01", title_zh="在", fix="wait")
def test_it(host):
    """It is there."""
    expect("it", found=host.run("test -e it").rc, expected=0)
'''
    stages = '''
@stage(section="1", proves=[facts.test_it])
def test_slow(change):
    """Takes its time."""
    change.run("sleep 1.2; touch it")
'''
    made = Project(tmp_path, checks=checks, stages=stages, hosts=["a1"])
    made.write("conftest.py", (made.path / "conftest.py").read_text() + "dlws.engine.progress.HEARTBEAT = 0.2\n")
    assert "  slow[a1]: " in made.run("-m", "install", "-n", "0").out
