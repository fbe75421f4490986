"""The lease on a master, with real helpers: one run at a time, however a run ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from dlws.record.answer import HeldByAnotherRun, Unreachable
from dlws.remote import lease
from dlws.remote.connection import SessionConnection
from dlws.remote.host import Host
from dlws.remote.local import ProcessLink
from dlws.remote.session import AgentSession, Link, Session
from dlws.remote.shell import ShellSession
from tests.kits.project import ROOT, environment_with, eventually
from tests.kits.scripted import Scripted

Open = Callable[[str], SessionConnection]


def link(command: str) -> Link:
    return ProcessLink(["/bin/sh", "-c", command])


@pytest.fixture(params=[AgentSession, ShellSession])
def open_as(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens a session of a run with the master, whose /run is a folder of the test, by either helper."""
    monkeypatch.setattr(lease, "PATH", str(tmp_path / "lock"))
    opened = []

    def connect(run: str) -> SessionConnection:
        def start() -> tuple[str, Session]:
            return "root", request.param("atlas02", link)

        opened.append(SessionConnection("atlas02", start, admit=partial(lease.take, run=run)))
        return opened[-1].connect()

    yield connect
    for connection in opened:
        connection.close()


def can_open(open_as: Open, run: str) -> bool:
    try:
        open_as(run).close()
    except HeldByAnotherRun:
        return False
    return True


def test_a_second_run_is_told_who_changes_the_cluster(open_as: Open) -> None:
    mine = lease.holder("install")
    open_as(mine)
    with pytest.raises(HeldByAnotherRun) as refusal:
        open_as(lease.holder("install"))
    assert str(refusal.value) == f"atlas02: this cluster is being changed by {mine}; wait for it to end"
    assert mine.startswith("pytest -m install by ")
    assert f" on {os.uname().nodename} (pid {os.getpid()}, since 20" in mine


def test_the_sessions_of_one_run_share_the_lease_to_the_last(open_as: Open) -> None:
    first, second = open_as("one"), open_as("one")
    first.close()
    assert not can_open(open_as, "other")
    second.close()
    eventually(lambda: can_open(open_as, "other"))


def test_a_link_that_was_lost_is_opened_under_the_same_lease(open_as: Open) -> None:
    connection = open_as("one")
    connection.renew()
    assert connection.ask(["echo back"])[0].text == "back\n"
    assert not can_open(open_as, "other")


def test_after_a_reboot_the_first_to_come_has_the_lease(open_as: Open, tmp_path: Path) -> None:
    rebooted = open_as("one")
    rebooted.ask([f"kill -9 $(pgrep -f '{lease.KEEPER % lease.PATH}')"])
    (tmp_path / "lock").unlink()
    open_as("other")
    rebooted.renew()
    with pytest.raises(HeldByAnotherRun, match="being changed by other"):
        rebooted.ask(["true"])


def test_a_link_that_is_restored_too_late_is_no_way_in(open_as: Open) -> None:
    connection = open_as("one")
    connection.restore()
    session = connection._session
    assert session is not None
    session.close()
    eventually(lambda: can_open(open_as, "other"))
    open_as("other")
    with pytest.raises(HeldByAnotherRun, match="being changed by other"):
        connection.restore()


def test_whoever_only_asks_is_told_and_takes_nothing(open_as: Open) -> None:
    bystander = Host(SessionConnection("atlas02", lambda: ("root", AgentSession("atlas02", link))))
    holder = open_as("one")
    assert lease.holder_on(bystander) == "one"
    holder.close()
    eventually(lambda: lease.holder_on(bystander) is None)
    assert can_open(open_as, "other")


def test_a_masters_words_are_shown_and_not_obeyed() -> None:
    said = "\x1b]52;c;cm0gLXJm\x07\x9b2J\r\n" + "x" * 10_000
    master = Scripted("atlas02", {"pgrep -f": (0, "4711\n", ""), "cat": (0, said, "")})
    found = str(lease.holder_on(Host(master)))
    assert found.isprintable()
    assert len(found) == 300


def test_a_master_that_cannot_tell_is_not_used(open_as: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "PATH", "/nowhere/lock")
    with pytest.raises(Unreachable, match=r"atlas02: cannot tell who changes this cluster \(/nowhere/lock\)"):
        open_as("one")


RUN = """
import os, sys
from functools import partial
from dlws.remote import lease
from dlws.remote.connection import SessionConnection
from dlws.remote.session import AgentSession
from dlws.remote.local import ProcessLink
lease.PATH = sys.argv[1]
link = lambda command: ProcessLink(["/bin/sh", "-c", command])
admit = partial(lease.take, run="killed")
run = SessionConnection("atlas02", lambda: ("root", AgentSession("atlas02", link)), admit=admit)
run.connect()
print("taken", flush=True)
run.send(sys.argv[2], token="change", deadline=60)
"""


@pytest.fixture
def killed(tmp_path: Path, open_as: Open) -> Callable[[str], None]:
    def run(change: str) -> None:
        argv = [sys.executable, "-c", RUN, str(tmp_path / "lock"), f"touch {tmp_path}/begun; {change}"]
        with subprocess.Popen(argv, cwd=ROOT, env=environment_with(), stdout=subprocess.PIPE) as process:
            assert process.stdout
            assert process.stdout.readline() == b"taken\n"
            eventually((tmp_path / "begun").exists)
            assert not can_open(open_as, "other")
            process.kill()

    return run


def test_the_lease_of_a_killed_run_ends_with_its_last_change(
    killed: Callable[[str], None], open_as: Open, tmp_path: Path
) -> None:
    killed(f"until test -e {tmp_path}/go; do sleep 0.05; done; touch {tmp_path}/done")
    assert not can_open(open_as, "other")
    (tmp_path / "go").touch()
    eventually(lambda: can_open(open_as, "other"))
    assert (tmp_path / "done").exists()
