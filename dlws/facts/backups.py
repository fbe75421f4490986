"""Backups in a folder of a host: the newest, and whether it is intact."""

from __future__ import annotations

from typing import Final, NamedTuple

from dlws.parse.text import number, unparsable
from dlws.remote.host import Host

LIST: Final = "date +%%s && find %s -maxdepth 1 -type f -mmin +5 -name %s -printf '%%T@ %%f\\n'"
"""The host's clock, then each file and when it was written. One of the last five minutes may not be finished yet."""
SOUND: Final = "sound"
SNAPSHOT: Final = """
import hashlib, struct, sys
digest, kept, size = hashlib.sha256(), b"", 0
with open(sys.argv[1], "rb") as file:
    head = file.read(24)
    file.seek(0)
    for block in iter(lambda: file.read(1 << 20), b""):
        size += len(block)
        kept += block
        digest.update(kept[:-32])
        kept = kept[-32:]
if len(head) < 24 or struct.unpack("<II", head[16:]) != (0xED0CDAED, 2):
    print("no database of etcd")
elif size % 512 != 32:
    print("no snapshot but a copy, without a digest")
else:
    print("sound" if digest.digest() == kept else "damaged: its digest is another")
""".strip()
"""What `etcdctl snapshot restore` looks at: a bbolt file (magic and version in its first page), then its SHA-256."""
DUMP: Final = """
import gzip, sys, zlib
last = b""
try:
    with (gzip.open if sys.argv[1].endswith(".gz") else open)(sys.argv[1], "rb") as file:
        for line in file:
            last = line.strip() or last
    print("sound" if last.startswith(b"-- Dump completed") else "cut off: its last line is not mysqldump's")
except (EOFError, zlib.error):
    print("cut off within gzip")
""".strip()
READ_DEADLINE: Final = 240.0
"""Seconds to read a backup of some GB once."""


class Backup(NamedTuple):
    """A file of a folder of backups, and its age by the host's own clock, in seconds."""

    name: str
    age: int


def newest_backup(host: Host, folder: str, pattern: str) -> Backup | None:
    """The newest file of a folder by that pattern: `Backup("snapshot.db", 3600)`. None where there is none."""
    clock, *rows = host.lines(LIST, folder, pattern) or [""]
    now = number("date", clock)
    files = [(number("find", row.partition(".")[0]), row.partition(" ")[2]) for row in rows]
    if not files:
        return None
    written, name = max(files)
    return Backup(name, now - written)


def inspect_backup(host: Host, program: str, path: str) -> str:
    """What a program (SNAPSHOT, DUMP) says about a backup: `sound`, or what is wrong with it."""
    answer = host.read("python3 -c %s %s", program, path, deadline=READ_DEADLINE)
    if answer != SOUND and not answer.startswith(("no ", "damaged", "cut off")):
        raise unparsable(path, answer)
    return answer
