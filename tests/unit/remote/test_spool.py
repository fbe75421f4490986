"""A large file on its way to a host: in parts, taken up where it stopped, and never used by half."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import pytest

from dlws.record.answer import Answer, LinkLost
from dlws.remote import spool
from dlws.remote.change import Applier, ChangeFailed
from dlws.remote.connection import Connection
from dlws.verdict import Unknown, Unparsable
from tests.kits.cut_link import CutLink, change_over, cut_after

SIZE = 3_000_000
PART = 1 << 18
LOAD = "cat >%s/loaded"


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of a dozen parts; on its way it lies in a folder of the test."""
    monkeypatch.setattr(spool, "FOLDER", str(tmp_path / "incoming"))
    monkeypatch.setattr(spool, "PART", PART)
    path = tmp_path / "image.tar"
    path.write_bytes(random.Random(12).randbytes(SIZE))
    return path


def load(helper: Connection, archive: Path) -> None:
    change_over(helper).run(LOAD, str(archive.parent), stdin=archive)


def arrived(archive: Path) -> Path:
    return archive.parent / "incoming" / hashlib.sha256(archive.read_bytes()).hexdigest()


def is_loaded(archive: Path) -> bool:
    """As it is, and nothing stays behind."""
    loaded = archive.parent / "loaded"
    return (
        loaded.exists() and loaded.read_bytes() == archive.read_bytes() and not any(arrived(archive).parent.iterdir())
    )


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def sent() -> int:
    return sum(link.sent for link in CutLink.opened)


def test_a_file_of_many_parts_is_what_the_command_reads(helper: Connection, archive: Path) -> None:
    change = change_over(helper)
    assert change.run("wc -c; false || echo as it was >&2", stdin=archive, text="count") == f"{SIZE}\n"
    assert [action.text for action in change.actions] == ["count"]
    load(helper, archive)
    assert is_loaded(archive)
    assert arrived(archive).parent.stat().st_mode & 0o777 == 0o700


def test_a_large_file_is_put_in_place_with_its_mode(helper: Connection, archive: Path) -> None:
    change_over(helper).put_file(f"{archive.parent}/copy", archive, text="copy it", mode="0600")
    copy = archive.parent / "copy"
    assert (copy.stat().st_mode & 0o777, copy.read_bytes()) == (0o600, archive.read_bytes())
    assert not any(arrived(archive).parent.iterdir())


def test_a_lost_link_costs_one_part(helper: Connection, archive: Path) -> None:
    cut_after(SIZE // 2)
    load(helper, archive)
    assert is_loaded(archive)
    assert len(CutLink.opened) > 1
    assert sent() < SIZE + 2 * PART


def test_a_run_that_was_killed_is_taken_up_by_the_next(
    helper: Connection, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_after(SIZE // 2)
    monkeypatch.setattr(Applier, "settle", killed)
    with pytest.raises(KeyboardInterrupt):
        load(helper, archive)
    assert not (archive.parent / "loaded").exists()
    assert arrived(archive).stat().st_size > SIZE // 2 - 2 * PART
    before = sent()
    load(helper, archive)
    assert is_loaded(archive)
    assert sent() - before < SIZE // 2 + 2 * PART


def test_links_on_which_nothing_arrives_are_given_up(
    helper: Connection, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CutLink, "left", PART // 2)
    cut_after(PART // 2)
    with pytest.raises(LinkLost):
        load(helper, archive)
    assert not (archive.parent / "loaded").exists()


def test_a_host_that_crawls_from_loss_to_loss_is_given_up(
    helper: Connection, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = iter(range(SIZE))
    monkeypatch.setattr(spool.Spool, "_arrived", lambda *_: next(says))
    monkeypatch.setattr(CutLink, "left", PART // 2)
    cut_after(PART // 2)
    with pytest.raises(LinkLost):
        load(helper, archive)
    assert next(says) == 2


def test_a_link_that_is_lost_after_every_part_brings_the_short_last_one_too(helper: Connection, archive: Path) -> None:
    change = change_over(helper)

    def send(command: str, stdin: Any) -> None:
        change.run(command, stdin=stdin, text="part")
        if stdin:
            raise LinkLost("after the part")

    path = Path(spool.Spool(change.host, send, lambda: None).bring(archive))
    assert path.read_bytes() == archive.read_bytes()


@pytest.mark.parametrize("answer", [["5", ""], ["\u00b2", "abc"], ["5", "f" * 63], ["5"]])
def test_an_answer_that_is_no_length_and_digest_is_unknown(
    helper: Connection, archive: Path, answer: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    host = change_over(helper).host
    monkeypatch.setattr(type(host), "lines", lambda *_, **__: answer)
    with pytest.raises(Unparsable, match="unclear what has arrived"):
        spool.Spool(host, lambda *_: None, lambda: None).bring(archive)


def test_what_is_there_and_is_something_else_does_not_count(helper: Connection, archive: Path) -> None:
    arrived(archive).parent.mkdir()
    arrived(archive).write_bytes(bytes(SIZE // 2))
    load(helper, archive)
    assert is_loaded(archive)


def test_a_file_that_changes_on_its_way_is_not_loaded(
    helper: Connection, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meddled(command: str, **more: Any) -> Answer:
        if "cat >>" in command:
            archive.write_bytes(archive.read_bytes()[:-1] + b"\0")
        return send(command, **more)

    send, place = helper.send, arrived(archive)
    monkeypatch.setattr(helper, "send", meddled)
    with pytest.raises(Unknown, match=r"image\.tar did not arrive as it is: has it been changed meanwhile\?"):
        load(helper, archive)
    assert not place.exists()
    assert not (archive.parent / "loaded").exists()


def test_a_host_without_room_is_sent_nothing(helper: Connection, archive: Path) -> None:
    df = archive.parent / "no-python/df"
    df.write_text("#!/bin/sh\necho Avail; echo 2999999\n")
    df.chmod(0o755)
    with pytest.raises(ChangeFailed, match=r"incoming has room for 2999999 bytes, 3000000 are needed"):
        load(helper, archive)
    assert not arrived(archive).exists()


def test_a_command_that_fails_leaves_no_file_behind(helper: Connection, archive: Path) -> None:
    with pytest.raises(ChangeFailed, match="exit status 3"):
        change_over(helper).run("head -c 10 >/dev/null; exit 3", stdin=archive)
    assert not any(arrived(archive).parent.iterdir())


def test_two_runs_do_not_mix_their_parts(helper: Connection, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    send = helper.send

    def second(command: str, **more: Any) -> Answer:
        if "cat >>" in command and not arrived(archive).exists():
            arrived(archive).write_bytes(archive.read_bytes()[:100])
        return send(command, **more)

    monkeypatch.setattr(helper, "send", second)
    with pytest.raises(ChangeFailed, match=r"has 100 bytes: is another run sending it\?"):
        load(helper, archive)
