"""The programs that look at backups on a host, run on files as etcd and mysqldump leave them."""

from __future__ import annotations

import gzip
import hashlib
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from dlws.facts.backups import DUMP, SNAPSHOT

BOLT = struct.pack("<QHHIII", 0, 4, 0, 0, 0xED0CDAED, 2).ljust(4096, b"\0") * 3
"""The first pages of a bbolt file: page header (id, flags, count, overflow), then magic and version."""
SQL = b"-- MySQL dump 10.13\nINSERT INTO `jobs` VALUES (1);\n-- Dump completed on 2026-11-27  2:00:01\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (BOLT + hashlib.sha256(BOLT).digest(), "sound"),
        (BOLT + hashlib.sha256(b"").digest(), "damaged: its digest is another"),
        (BOLT, "no snapshot but a copy, without a digest"),
        (SQL, "no database of etcd"),
        (b"", "no database of etcd"),
    ],
)
def test_a_snapshot_is_looked_at(content: bytes, says: str, tmp_path: Path) -> None:
    assert look(SNAPSHOT, tmp_path / "snapshot.db", content) == says


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("all.sql", SQL, "sound"),
        ("all.sql", SQL[:-40], "cut off: its last line is not mysqldump's"),
        ("all.sql", b"", "cut off: its last line is not mysqldump's"),
        ("all.sql.gz", gzip.compress(SQL, mtime=0), "sound"),
        ("all.sql.gz", gzip.compress(SQL, mtime=0)[:-12], "cut off within gzip"),
    ],
)
def test_a_dump_is_looked_at(name: str, content: bytes, says: str, tmp_path: Path) -> None:
    assert look(DUMP, tmp_path / name, content) == says


def test_no_gzip_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        look(DUMP, tmp_path / "all.sql.gz", SQL)


def look(program: str, file: Path, content: bytes) -> str:
    """What a program says of a file with that content."""
    file.write_bytes(content)
    found = subprocess.run([sys.executable, "-c", program, file], check=True, capture_output=True, text=True)
    return found.stdout.strip()
