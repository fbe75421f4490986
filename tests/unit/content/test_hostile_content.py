"""Content folders that somebody has made to stop a check of them: each is a line, at once."""

from __future__ import annotations

import lzma
import os
import tarfile
import time
from pathlib import Path

import pytest

from dlws.content import deb, lock, places
from dlws.content.lock import ContentError, Lock, LockedFile

PLACE = "packages/ubuntu-18.04-arm64"


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.USTAR_FORMAT)


def archive(record: str) -> bytes:
    """A tar of two files, the second under a pax header with this record."""
    line = f"{len(record) + 4} {record}\n".encode()
    assert len(line) == len(record) + 4
    pax = header("./PaxHeaders/b", len(line), tarfile.XHDTYPE) + line.ljust(512, b"\0")
    return header("a.deb", 512) + bytes(512) + pax + header("b.deb", 512) + bytes(512 + 1024)


BACK = archive("size=-1536")  # the second file ends where its own header begins
NO_NUMBER = archive("GNU.sparse.size=x")


def package(path: Path, control: bytes) -> Path:
    names = {"debian-binary": b"2.0\n", "control.tar": control}
    rows = [f"{name:<48}{len(data):<10}`\n".encode() + data for name, data in names.items()]
    path.write_bytes(deb.MAGIC + b"".join(rows))
    return path


@pytest.mark.parametrize("made", [BACK, NO_NUMBER], ids=["back", "no-number"])
def test_an_archive_that_has_no_end_is_none(tmp_path: Path, made: bytes) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / f"{PLACE}.tar").write_bytes(made)
    files = [("package", f"{PLACE}/a.deb"), ("index", f"{PLACE}.tar")]
    locked = Lock(format="dlws-content/1", files=tuple(_locked(kind, path) for kind, path in files))
    assert f"{PLACE}.tar: holds other packages" in " ".join(places.troubles(tmp_path, PLACE, locked, []))


@pytest.mark.parametrize(
    ("control", "why"),
    [
        (BACK, "a header leads back"),
        (NO_NUMBER, "invalid literal"),
        (lzma.compress(header("./control", 1 << 30) + bytes(64 << 20), preset=0), "larger than 16 MiB"),
    ],
    ids=["back", "no-number", "bomb"],
)
def test_a_package_that_has_no_end_is_none(tmp_path: Path, control: bytes, why: str) -> None:
    with pytest.raises(deb.WrongPackage, match=f"its control.tar cannot be read: .*{why}"):
        deb.control(package(tmp_path / "a.deb", control))


def test_a_lock_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / lock.NAME)
    with pytest.raises(ContentError, match="is no plain file"):
        lock.read(tmp_path)
    (tmp_path / lock.NAME).unlink()
    (tmp_path / lock.NAME).symlink_to("/dev/zero")
    with pytest.raises(ContentError, match="is no plain file"):
        lock.read(tmp_path)


def test_a_long_lock_is_read_at_once(tmp_path: Path) -> None:
    lock.write(
        tmp_path, Lock(format="dlws-content/1", files=tuple(_locked("file", f"files/{n}") for n in range(20_000)))
    )
    start = time.process_time()
    assert len(lock.read(tmp_path).files) == 20_000
    assert time.process_time() - start < 5  # the square of the number took half a minute


def _locked(kind: str, path: str) -> LockedFile:
    return LockedFile.model_validate({"kind": kind, "path": path, "sha256": "0" * 64, "size": 0})
