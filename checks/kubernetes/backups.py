"""C, D: backups: that the newest is from today, and whole. Where they lie is configured (`suite.backups`)."""

from __future__ import annotations

from dlws.config.cluster import Cluster
from dlws.engine.check import Mismatch, check, expect, expect_present, expect_that
from dlws.engine.targets import master, platform_master
from dlws.facts.backups import DUMP, SNAPSHOT, SOUND, inspect_backup, newest_backup
from dlws.remote.host import Host
from dlws.verdict import NotApplicable, Severity

DAY = 24 * 3600


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


def judge(host: Host, folder: str, pattern: str, program: str) -> None:
    """The newest file of a folder is from the last 24 h by the host's clock, and the program calls it sound."""
    if host.run_expect([0, 1], "test -d %s", folder).rc:
        raise Mismatch(f"backup folder {folder}", found="no such folder", expected="a folder with backups")
    newest = newest_backup(host, folder, pattern)
    name, age = expect_present(newest, f"backups in {folder}", expected=f"a file named {pattern}")
    expect_that(age < DAY, f"age of the newest backup ({name})", found=f"{age // 3600} h", expected="under 24 h")
    expect(f"backup {name}", found=inspect_backup(host, program, f"{folder}/{name}"), expected=SOUND)
