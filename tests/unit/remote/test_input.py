"""What a command reads: it is started when its input is whole, whatever becomes of the link or of the helper."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from dlws.record.answer import LinkLost
from dlws.remote import local
from dlws.remote.change import ChangeFailed
from dlws.remote.connection import Connection
from dlws.remote.outbox import InputPieces
from dlws.verdict import Unknown
from tests.kits.cut_link import CutLink, change_over, cut_after, wait_until

SENT: dict[str, Any] = {"token": "t", "deadline": 60}
SIZE = 200 << 20  # bytes of a pretended image archive


def test_a_file_cut_off_on_its_way_is_not_put_in_place(helper: Connection, tmp_path: Path) -> None:
    file = tmp_path / "conf"
    file.write_text("old\n")
    change = change_over(helper)
    link = cut_after(150_000)
    with pytest.raises(LinkLost):
        change.write_file(str(file), "a line\n" * 55_000)
    wait_until(link.has_ended)
    assert file.read_text() == "old\n"
    assert [path.name for path in tmp_path.glob("conf*")] == ["conf"]


def test_a_command_cut_off_on_its_way_is_not_run(helper: Connection, tmp_path: Path) -> None:
    link = cut_after(50_000)
    with pytest.raises(LinkLost):
        helper.send(f"touch {tmp_path}/victim; # {'x' * 100_000}", token="t", deadline=5)
    wait_until(link.has_ended)
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize("helper", ["agent"], indirect=True)
def test_the_input_outlives_the_agent(helper: Connection, tmp_path: Path) -> None:
    """An agent that is killed has handed over all of it, or has not started the command."""
    data = b"0123456789abcde\n" * 500_000
    with pytest.raises(LinkLost):
        helper.send(f"kill -9 $PPID; cd {tmp_path}; cat >new; mv new file", token="t", stdin=data, deadline=10)
    wait_until((tmp_path / "file").exists)
    assert (tmp_path / "file").read_bytes() == data


def test_input_that_was_garbled_starts_nothing(
    helper: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InputPieces, "digest", bytes(32))
    with pytest.raises((LinkLost, ChangeFailed), match="did not arrive whole"):
        change_over(helper).run(f"touch {tmp_path}/started", stdin=b"data")
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("size", [1, 65_537, 3_000_001])
def test_input_of_any_size_arrives_as_it_is(helper: Connection, tmp_path: Path, size: int) -> None:
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    assert helper.send(f"cat >{tmp_path}/got; wc -c", token="t", stdin=data, deadline=10).text == "0\n"
    assert (tmp_path / "got").read_bytes() == data


def test_input_can_be_opened_by_name_and_has_none_itself(helper: Connection) -> None:
    """`kubeadm --config /dev/stdin` opens it; nothing on a disk does."""
    look = (
        "find /run/dlws.* /var/tmp/dlws.* /dev/shm/dlws.* -type f 2>/dev/null | xargs -r grep -l CA[N]; cat /dev/stdin"
    )
    assert helper.send(look, token="t", stdin=b"CANARY\n", deadline=10).text == "CANARY\n"


def test_an_archive_is_never_held_in_memory(tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    with archive.open("wb") as file:
        file.truncate(SIZE)
    connection = local.open_local()
    Path("/proc/self/clear_refs").write_text("5")  # the peak from now on
    before = peak(Path("/proc/self/status").read_text())
    answer = connection.send("wc -c; cat /proc/$PPID/status", token="t", stdin=archive, deadline=60)
    connection.close()
    assert int(answer.text.split()[0]) == SIZE
    assert peak(Path("/proc/self/status").read_text()) - before < SIZE / 4
    assert peak(answer.text) < SIZE / 4


def test_other_requests_pass_between_the_pieces(tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    with archive.open("wb") as file:
        file.truncate(SIZE)
    connection = local.open_local()
    sending = threading.Thread(target=connection.send, args=("true",), kwargs={**SENT, "stdin": archive})
    sending.start()
    assert connection.ask(["echo between"])[0].text == "between\n"
    assert sending.is_alive()
    sending.join()
    connection.close()


def test_a_file_that_cannot_be_read_is_told_and_nothing_is_sent(helper: Connection, tmp_path: Path) -> None:
    with pytest.raises(Unknown, match=r"nothing was sent: cannot read .*gone.tar: No such file"):
        helper.send(f"touch {tmp_path}/started", token="t", stdin=tmp_path / "gone.tar", deadline=5)
    assert helper.ask(["ls"])[0].rc == 0
    assert not (tmp_path / "started").exists()


def test_a_file_is_put_in_place_with_its_mode_and_as_it_is(helper: Connection, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(bytes(range(256)))
    change = change_over(helper)
    change.put_file(f"{tmp_path}/a copy", tmp_path / "key", text="copy the key", mode="0600")
    assert (tmp_path / "a copy").read_bytes() == bytes(range(256))
    assert (tmp_path / "a copy").stat().st_mode & 0o777 == 0o600
    assert [action.text for action in change.actions] == ["copy the key"]


@pytest.mark.parametrize("helper", ["shell"], indirect=True)
def test_the_shell_takes_its_folder_away_when_its_link_breaks(helper: Connection, tmp_path: Path) -> None:
    """It has the last output in it."""
    where = tmp_path / "where"
    link = CutLink.opened[-1]
    command = f"readlink /proc/$$/fd/2 >{where}; until test -e {tmp_path}/go; do sleep 0.1; done; yes | head -c 900000"
    sending = threading.Thread(target=attempt, args=(lambda: helper.send(command, token="t", deadline=9),))
    sending.start()
    wait_until(lambda: where.exists() and where.read_text())
    folder = Path(where.read_text().strip()).parent
    assert folder.name.startswith("dlws.")
    link.abort()
    (tmp_path / "go").touch()
    wait_until(link.has_ended)
    assert not folder.exists()
    sending.join(5)


def attempt(act: Callable[[], object]) -> None:
    with suppress(LinkLost):
        act()


def peak(status: str) -> int:
    """The most memory that a process has had, in bytes, from its /proc/PID/status."""
    return int(status.partition("VmHWM:")[2].split()[0]) << 10
