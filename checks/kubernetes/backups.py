"""C, D: backups: that the newest is from today, and whole. Where they lie is configured (`suite.backups`)."""

from __future__ import annotations

from dlws.config.cluster import Cluster
from dlws.engine.check import Mismatch, check, expect, expect_that
from dlws.engine.targets import master, platform_master
from dlws.parse.text import number, unparsable
from dlws.remote.host import Host
from dlws.verdict import NotApplicable, Severity

DAY = 24 * 3600
LIST = "date +%%s && find %s -maxdepth 1 -type f -mmin +5 -name %s -printf '%%T@ %%f\\n'"
"""The host's clock, then each file and when it was written. One of the last five minutes may not be finished yet."""
SOUND = "sound"
SNAPSHOT = """
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
DUMP = """
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
READ_DEADLINE = 240.0
"""Seconds to read a backup of some GB once."""


@check(
    "C14",
    section="3.11",
    source="etcd disaster recovery",
    on=master,
    severity=Severity.WARNING,
    title_zh="etcd 备份在 24 小时内且完整",
    fix="run etcdctl snapshot save into suite.backups.etcd daily; copying etcd's folder is not enough",
)
def test_etcd_backup(cluster: Cluster, host: Host) -> None:
    """The newest etcd snapshot is less than 24 hours old and intact, so it can be restored."""
    folder = cluster.suite.backups.etcd
    if folder is None:
        raise NotApplicable("suite.backups.etcd is not set, so the folder of etcd snapshots is unknown")
    judge(host, folder, "*", SNAPSHOT)


@check(
    "D13",
    section="3.16",
    source="mysqldump",
    on=platform_master,
    severity=Severity.WARNING,
    title_zh="数据库备份在 24 小时内且完整",
    fix="run mysqldump, with comments, into suite.backups.database as <name>.sql or .sql.gz daily",
)
def test_database_backup(cluster: Cluster, host: Host) -> None:
    """The newest dump of the platform's database is less than 24 hours old and complete."""
    folder = cluster.suite.backups.database
    if folder is None:
        raise NotApplicable("suite.backups.database is not set, so the folder of database dumps is unknown")
    judge(host, folder, "*.sql*", DUMP)


def judge(host: Host, folder: str, pattern: str, look: str) -> None:
    """The newest file of a folder is from the last 24 h by the host's clock, and `look`, a program, calls it sound."""
    if host.run_expect([0, 1], "test -d %s", folder).rc:
        raise Mismatch(f"backup folder {folder}", found="no such folder", expected="a folder with backups")
    clock, *rows = host.lines(LIST, folder, pattern) or [""]
    now = number("date", clock)
    files = [(number("find", row.partition(".")[0]), row.partition(" ")[2]) for row in rows]
    expect_that(files, f"backups in {folder}", found="none", expected=f"a file named {pattern}")
    written, name = max(files)
    age = now - written
    expect_that(age < DAY, f"age of the newest backup ({name})", found=f"{age // 3600} h", expected="under 24 h")
    told = host.read("python3 -c %s %s", look, f"{folder}/{name}", deadline=READ_DEADLINE)
    if told != SOUND and not told.startswith(("no ", "damaged", "cut off")):
        raise unparsable(f"{folder}/{name}", told)
    expect(f"backup {name}", found=told, expected=SOUND)
