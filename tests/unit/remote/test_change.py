"""`change` on this machine, through the real agent: what reaches the shell, what is left behind, what is waited for."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dlws.parse.host import apt_locks
from dlws.record.answer import Answer, HostKeyChanged, LinkLost, Unreachable
from dlws.remote import change as changes
from dlws.remote.change import Action, Applier, Change, ChangeFailed, Planner
from dlws.remote.connection import Connection
from dlws.remote.host import Host
from dlws.remote.local import open_process
from dlws.remote.waiting import wait_for
from dlws.verdict import Unknown

HOSTILE = ["it's", '"quoted"', "$(touch owned)", "`touch owned`", "two\nlines", "a;b|c&d", "-n", "%s", "*", "字", ""]


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of pretended programs, first on the host's PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def tool(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def change(tools: Path) -> Iterator[Change]:
    connection = open_process("a1").connect()
    host = Host(connection)
    yield Change(host, Applier(host, lambda: connection))
    connection.close()


def said(change: Change) -> list[str]:
    return [action.text for action in change.actions]


@pytest.mark.parametrize("argument", HOSTILE)
def test_an_argument_reaches_the_program_as_it_is(change: Change, argument: str) -> None:
    assert change.run("printf '%%s' %s", argument) == argument


def test_a_percent_sign_without_arguments_is_left_alone(change: Change) -> None:
    assert change.run("printf 50%%") == "50%"


def test_a_command_that_fails_ends_in_its_last_words(change: Change) -> None:
    with pytest.raises(ChangeFailed, match=r"^a1: ls -d /nowhere: exit status 2: .*No such file"):
        change.run("ls -d %s", "/nowhere")
    assert said(change) == ["ls -d /nowhere"]


def test_a_command_that_does_not_end_is_unknown_and_not_failed(change: Change) -> None:
    with pytest.raises(Unknown, match=r"no end after 0.2 s: sleep 60"):
        change.run("sleep 60", deadline=0.2)


def test_an_edit_keeps_mode_owner_and_every_other_byte(change: Change, tmp_path: Path) -> None:
    file = tmp_path / "fstab"
    file.write_bytes(b"# \xc4\xe3\xba\xc3\r\n/dev/sda2 none swap sw 0 0")  # a GBK comment, no newline at the end
    file.chmod(0o640)
    os.chown(file, 4711, 4712)
    change.edit_file(str(file), lambda text: text.replace("/dev/sda2", "#/dev/sda2"))
    assert file.read_bytes() == b"# \xc4\xe3\xba\xc3\r\n#/dev/sda2 none swap sw 0 0"
    status = file.stat()
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o640, 4711, 4712)
    assert said(change) == [f"edit {file}: +1 -1 lines"]


def test_an_edit_that_changes_nothing_is_no_action(change: Change, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("same\n")
    change.edit_file(str(tmp_path / "file"), lambda text: text)
    change.edit_file(str(tmp_path / "absent"), lambda text: "")
    assert change.actions == []
    assert not (tmp_path / "absent").exists()


def test_an_edit_follows_a_link_and_leaves_it_a_link(change: Change, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old\n")
    (tmp_path / "real").chmod(0o644)
    (tmp_path / "link").symlink_to("real")
    change.edit_file(str(tmp_path / "link"), lambda text: "new\n")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new\n"
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o644


def test_a_line_that_somebody_adds_meanwhile_is_not_lost(change: Change, tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("old\n")

    def slowly(text: str) -> str:
        file.write_text("old\nadded by hand\n")
        return text.replace("old", "new")

    with pytest.raises(ChangeFailed, match=r"edit .*/hosts: \+1 -1 lines: .*it was changed meanwhile: run this again"):
        change.edit_file(str(file), slowly)
    assert {path.name: path.read_text() for path in tmp_path.glob("hosts*")} == {"hosts": "old\nadded by hand\n"}


def test_a_file_that_somebody_makes_meanwhile_is_not_replaced(change: Change, tmp_path: Path) -> None:
    with pytest.raises(ChangeFailed, match="it was changed meanwhile"):
        change.edit_file(str(tmp_path / "new"), lambda text: f"{text}{(tmp_path / 'new').write_text('theirs')}")
    assert (tmp_path / "new").read_text() == "theirs"


def test_an_edit_keeps_extended_attributes_such_as_an_acl(change: Change, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old\n")
    entries = [(0x01, 6, 2**32 - 1), (0x02, 4, 4711), (0x04, 4, 2**32 - 1), (0x10, 6, 2**32 - 1), (0x20, 0, 2**32 - 1)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(file, "system.posix_acl_access", acl)  # user 4711 may read it, as with `setfacl -m u:4711:r`
    except OSError as error:
        pytest.skip(f"no ACLs in {tmp_path}: {error}")
    change.edit_file(str(file), lambda text: "new\n")
    assert (file.read_text(), os.getxattr(file, "system.posix_acl_access")) == ("new\n", acl)


def test_a_link_to_nothing_is_not_made_a_file(change: Change, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("gone")
    with pytest.raises(
        ChangeFailed, match=r"a1: .*/link links to gone, which is missing: restore it or delete the link"
    ):
        change.edit_file(str(tmp_path / "link"), lambda text: "new\n")
    assert (tmp_path / "link").is_symlink()
    assert change.actions == []


def test_a_file_of_several_names_is_left_to_a_person(change: Change, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("old\n")
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    with pytest.raises(ChangeFailed, match=r"/one has 2 names \(hard links\): replace it by a copy"):
        change.edit_file(str(tmp_path / "one"), lambda text: "new\n")
    assert (tmp_path / "two").read_text() == "old\n"


def test_a_file_is_written_with_its_mode_and_not_in_the_action(change: Change, tmp_path: Path) -> None:
    file = tmp_path / "it's a file"
    change.write_file(str(file), "$(secret)\n'\n", mode="0600")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("$(secret)\n'\n", 0o600)
    change.write_file(str(file), "one\n")
    assert said(change) == [f"write {file} (2 lines)", f"write {file} (1 line)"]


def test_an_unfinished_write_leaves_only_the_old_file(change: Change, tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "conf").write_text("old\n")
    with pytest.raises(ChangeFailed, match="invalid user"):
        change.write_file(str(folder / "conf"), "new\n", owner="nobody-here:root")
    assert {file.name: file.read_text() for file in folder.iterdir()} == {"conf": "old\n"}


def test_a_write_that_is_stopped_at_its_deadline_leaves_nothing_either(
    change: Change, tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool(tools, "chown", f"ls -A {tmp_path}/etc > {tmp_path}/seen; sleep 60")
    monkeypatch.setattr(changes, "FILE_DEADLINE", 0.3)
    (tmp_path / "etc").mkdir()
    with pytest.raises(Unknown, match="no end after"):
        change.write_file(str(tmp_path / "etc" / "conf"), "new\n")
    assert (tmp_path / "seen").read_text().startswith("conf.")
    assert list((tmp_path / "etc").iterdir()) == []


def test_a_file_is_on_the_disk_before_it_has_its_name(change: Change, tools: Path, tmp_path: Path) -> None:
    """Otherwise a power cut leaves an empty one: the name reaches the disk before the content."""
    (tmp_path / "etc").mkdir()
    file = tmp_path / "etc" / "conf"
    tool(tools, "sync", f'echo "$1 $(cat {file} 2>/dev/null)" >>{tmp_path}/synced; exec /bin/sync "$@"')
    change.write_file(str(file), "new\n")
    first, second = (tmp_path / "synced").read_text().splitlines()
    assert first.startswith(f"{file}.")
    assert first.endswith(" ")
    assert second == f"{file.parent} new"


def test_sudoers_that_visudo_finds_invalid_are_not_installed(
    change: Change, tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool(tools, "visudo", 'for f; do :; done; grep -q "^%sudo ALL" "$f"')
    monkeypatch.setattr(changes, "SUDOERS", str(tmp_path))
    with pytest.raises(ChangeFailed, match=r"write .*/dlws: %sudo AL"):
        change.write_sudoers("dlws", "%sudo AL\n")
    assert [file.name for file in tmp_path.iterdir()] == ["bin"]
    change.write_sudoers("dlws", "%sudo ALL\n")
    assert ((tmp_path / "dlws").read_text(), (tmp_path / "dlws").stat().st_mode & 0o777) == ("%sudo ALL\n", 0o440)


def test_a_directory_has_the_mode_that_was_asked_for(change: Change, tmp_path: Path) -> None:
    change.make_directory(str(tmp_path / "a dir"), mode="0700")
    assert (tmp_path / "a dir").stat().st_mode & 0o777 == 0o700


def test_packages_wait_for_the_apt_lock_and_name_its_holder(
    change: Change, tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool(tools, "apt-get", f'echo "$DEBIAN_FRONTEND $*" >> {tmp_path}/apt.log')
    lock = (tmp_path / "lock").open("w")
    monkeypatch.setattr(apt_locks, "LOCK_FILES", (str(tmp_path / "lock"),))
    fcntl.lockf(lock, fcntl.LOCK_EX)
    name = Path("/proc/self/comm").read_text().strip()
    assert changes.apt_lock_holders(change.host) == [f"{name} (pid {os.getpid()})"]
    monkeypatch.setattr(changes, "LOCK_DEADLINE", 0.1)
    with pytest.raises(Unknown, match=rf"waited 0.1 s for the apt lock on a1, held by .* \(pid {os.getpid()}\)"):
        change.install_packages(["curl"])
    assert not (tmp_path / "apt.log").exists()
    fcntl.lockf(lock, fcntl.LOCK_UN)
    change.install_packages(["curl", "nfs-common"])
    update, install = (tmp_path / "apt.log").read_text().splitlines()
    assert update == " update -q"
    assert install.startswith("noninteractive install -q -y --no-install-recommends --no-remove")
    assert install.endswith("curl nfs-common")


def test_a_plan_says_the_same_and_sends_nothing(change: Change, tmp_path: Path) -> None:
    planned = Change(change.host, Planner())
    (tmp_path / "file").write_text("old\n")
    planned.run("touch %s", str(tmp_path / "made"))
    planned.edit_file(str(tmp_path / "file"), lambda text: "new\n")
    planned.install_packages(["curl"])
    planned.reboot()
    assert said(planned) == [
        f"touch {tmp_path}/made",
        f"edit {tmp_path}/file: +1 -1 lines",
        "apt-get update -q",
        "apt-get install curl",
        "reboot and wait for the new boot",
    ]
    assert {p.name for p in tmp_path.iterdir()} == {"bin", "file"}
    assert (tmp_path / "file").read_text() == "old\n"


def test_each_action_is_told_before_it_is_done(change: Change) -> None:
    told: list[str] = []
    change.on_action = told.append
    with pytest.raises(ChangeFailed):
        change.run("false")
    assert told == ["false"]


def test_waiting_ends_at_the_deadline_and_says_what_for() -> None:
    with pytest.raises(Unknown, match=r"^waited 0.05 s for the moon \(last: a1: no route\)$"):
        wait_for("the moon", lambda: _raise(Unreachable("a1: no route")), 0.05, pause=0.01)


def test_waiting_does_not_go_on_at_a_changed_host_key() -> None:
    with pytest.raises(HostKeyChanged):
        wait_for("the moon", lambda: _raise(HostKeyChanged("a1: another key")), 5, pause=0.01)


def _raise(error: Exception) -> bool:
    raise error


class Rebooting(Connection):
    """A host that goes down when told to, is away for some questions, and comes back in another boot."""

    host, user = "a1", "root"

    def __init__(self, *, away: int = 3, answer: Answer | Exception | None = None) -> None:
        self.boot, self.away, self.down, self.starting = 1, away, 0, 2
        self.answer = answer or LinkLost("a1: link lost")
        self.sent: list[str] = []
        self.is_stale = False

    def ask(self, commands: Sequence[str], *, deadline: float = 30.0, cap: int = 0) -> list[Answer]:
        if self.down:
            self.down -= 1
            self.is_stale = True
        if self.is_stale:
            raise Unreachable("a1: no route to host")
        return [Answer(command, 0, self.text(command).encode(), b"", 0.0) for command in commands]

    def text(self, command: str) -> str:
        if "boot_id" in command:
            return f"00000000-0000-0000-0000-00000000000{self.boot}\n"
        if "/proc/1/stat" in command:
            return "1 (systemd) S " + " ".join(["0"] * 18 + [str(self.boot)] + ["0"] * 30) + "\n"
        assert command == "systemctl is-system-running"
        self.starting -= 1
        if self.starting == 1:
            self.down = 1  # sshd is restarted once more while systemd starts
        return "starting" if self.starting > 0 else "running"

    def send(self, command: str, *, token: str, stdin: bytes = b"", deadline: float) -> Answer:
        self.sent.append(command)
        self.boot, self.down = self.boot + 1, self.away
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def renew(self) -> None:
        self.is_stale = False

    def close(self) -> None:
        """Nothing to close."""


def rebooting(connection: Rebooting, monkeypatch: pytest.MonkeyPatch) -> Change:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    host = Host(connection)
    return Change(host, Applier(host, lambda: connection))


def test_a_reboot_is_over_when_another_boot_has_finished_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Rebooting()
    rebooting(connection, monkeypatch).reboot()
    assert (connection.sent, connection.boot, connection.starting) == (["systemctl reboot"], 2, 0)


def test_a_reboot_that_is_refused_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Answer("systemctl reboot", 1, b"", b"Access denied", 0.0)
    with pytest.raises(ChangeFailed, match="exit status 1: Access denied"):
        rebooting(Rebooting(answer=refused), monkeypatch).reboot()


def test_a_host_that_does_not_come_back_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "REBOOT_DEADLINE", 0.05)
    with pytest.raises(Unknown, match=r"waited 0.05 s for a1 to answer from a new boot \(last: a1: no route to host\)"):
        rebooting(Rebooting(away=10**9), monkeypatch).reboot()


def test_a_lost_action_is_waited_for_by_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    connection: Any = Rebooting()
    running = iter([True, True, False])
    connection.still_running = lambda token: next(running)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    applier = Applier(Host(connection), lambda: connection)
    with pytest.raises(LinkLost):
        applier.carry_out(Action("slow", "slow"))
    applier.settle(5)
    assert (connection.sent, next(running, "asked until it had ended")) == (["slow"], "asked until it had ended")


def test_where_nothing_was_sent_nothing_is_waited_for() -> None:
    connection = Rebooting()
    Applier(Host(connection), lambda: connection).settle(5)
    assert connection.sent == []


def test_waiting_for_what_a_change_brings_about_is_an_action(change: Change) -> None:
    answers = iter([False, True])
    change.wait_until("the sun is up", lambda: next(answers), 10.0)
    assert said(change) == ["wait until the sun is up"]


def test_a_plan_waits_for_nothing(change: Change) -> None:
    planned = Change(change.host, Planner())
    planned.wait_until("the sun is up", lambda: pytest.fail("a plan must not ask"), 10.0)
    assert said(planned) == ["wait until the sun is up"]


def test_waiting_ends_at_its_deadline(change: Change) -> None:
    with pytest.raises(Unknown, match="the sun is up"):
        change.wait_until("the sun is up", lambda: False, 0.0)
