"""S: shares. Whatever touches one is bounded: a server that is gone costs a few seconds and a verdict, never the audit.

Which shares are mounted is read from the kernel's table. `stat`, `df` and `ls` on a dead mount do not return.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from dlws.config import shares
from dlws.config.cluster import Cluster
from dlws.engine.check import Mismatch, active, check, expect, expect_present, expect_that
from dlws.engine.targets import folder_keepers, sharing_cluster, sharing_hosts, storage_servers
from dlws.facts.across_hosts import reachable_hosts
from dlws.facts.files import existing_files
from dlws.facts.probes.share import ANSWERS, BOUND, ShareSilent, misreaders, require_answer
from dlws.facts.shares import links_in, mounts_of
from dlws.facts.unit_files import GENERATED, mount_units
from dlws.inventory import Node
from dlws.parse.host import systemd
from dlws.parse.storage import df, exportfs, fstab
from dlws.remote.host import Host
from dlws.verdict import Severity, Unknown

LOW_SPACE = 0.2
"""Upstream's alert: at most 20 % of the share is free."""
COMPARED = ("vers", "proto", "hard", "soft", "rsize", "wsize", "sec")
"""Mount options that must not differ between hosts."""
EXPORTS = "cat /etc/exports /etc/exports.d/*.exports"
"""What the server reads when it starts, in its order (exportfs(8))."""
WEAK = ("insecure", "async", "no_root_squash")


@check(
    "S05",
    section="3.12",
    source="runbook 3.12",
    on=storage_servers,
    title_zh="NFS 服务运行并已导出共享目录",
    fix="systemctl enable --now nfs-server; correct your own lines in /etc/exports; exportfs -ra",
)
def test_shares_are_exported(node: Node, cluster: Cluster, host: Host) -> None:
    """The NFS server runs, starts at boot and exports this host's shares to every host, read-write, then as now."""
    server = host.service("nfs-server")
    found = [server.active_state, server.unit_file_state or "not installed"]
    expect("nfs-server service", found=found, expected=["active", "enabled"])
    now = exportfs.parse(host.read("exportfs -v"))
    at_start = exportfs.at_start(existing_files(host, EXPORTS))
    for when, exported in {"": now, " once it has restarted, by /etc/exports": at_start}.items():
        for mount in shares.served_by(cluster, node):
            given = {n.name: exportfs.to(exported, mount.export, n) for n in cluster.nodes}
            refused = [name for name, export in given.items() if export is None or "rw" not in export.options]
            expect(f"hosts without write access to {mount.export}{when}", found=refused, expected=[])


@check(
    "S06",
    section="3.12",
    source="runbook 3.12",
    on=sharing_hosts,
    title_zh="共享存储已挂载且来源正确",
    harmful="what is mounted there instead takes the files that belong on the share",
    causes=[test_shares_are_exported],
    fix="mount the share; check dmesg and showmount -e <server>",
)
def test_shares_are_mounted(cluster: Cluster, host: Host) -> None:
    """Every share is mounted from its server on the mount point in config.yaml, read-write."""
    mounted = mounts_of(host)
    for mount in cluster.mounts:
        wanted, what = shares.sources(cluster, mount), f"file system on {mount.mount_point}"
        expected = f"{wanted[0]} (nfs)"
        seen = expect_present(mounted.get(mount.mount_point), what, found="nothing", expected=expected)
        right = seen.is_nfs and seen.device.rstrip("/") in wanted
        expect_that(right, what, found=f"{seen.device} ({seen.filesystem})", expected=expected)
        expect_that(seen.is_writable, f"mode of {mount.mount_point}", found="read-only", expected="read-write")


@check(
    "S07",
    section="3.12",
    source="kubernetes#101622",
    on=sharing_hosts,
    title_zh="共享存储在 5 秒内响应且未被其他挂载遮蔽",
    causes=[test_shares_are_exported, test_shares_are_mounted],
    fix="bring the server back; if the mount stays dead: umount -f -l <point>; mount <point>; if it is"
    " hidden: umount what is mounted over the folder above it",
)
def test_shares_answer(cluster: Cluster, host: Host) -> None:
    """Every share responds within 5 s, and nothing that is mounted over a folder above hides it."""
    for mount in cluster.mounts:
        for command in ("stat -f -c %%i %s", "stat -c %%m %s"):  # the server; which mount the path leads to
            result = host.run_expect(ANSWERS, BOUND + command, mount.mount_point)
            with expecting_answers():
                said = require_answer(f"share on {mount.mount_point}", result.rc, result.stdout, result.stderr)
        expect(f"mount that {mount.mount_point} leads to", found=said.strip(), expected=mount.mount_point)


@check(
    "S08",
    section="3.12",
    source="runbook 3.12",
    on=sharing_hosts,
    title_zh="重启后共享存储自动挂载",
    fix="mount it in /etc/fstab once: <server>:<path> <mount point> nfs <options>,_netdev 0 0; remove the files of "
    "units that mount something there, and systemctl daemon-reload",
)
def test_shares_are_mounted_at_boot(cluster: Cluster, host: Host) -> None:
    """Every share is mounted at boot, once the network is up, by its line in /etc/fstab and by no unit in its place."""
    table, units = host.read("cat /etc/fstab"), mount_units(host)
    for mount in cluster.mounts:
        entries = fstab.mounts_on(table, mount.mount_point)
        what = f"/etc/fstab entries for {mount.mount_point}"
        other = [e.spec for e in entries if e.spec.rstrip("/") not in shares.sources(cluster, mount)]
        expect(f"{what} with another source", found=other, expected=[])
        at_boot = [e for e in entries if e.comes_at_boot and (e.kind in ("nfs", "nfs4") or "_netdev" in e.options)]
        expect_that(
            len(entries) == len(at_boot) == 1,
            what,
            found=[f"line {e.line}" for e in entries],
            expected="one, mounted at boot over the network",
        )
        lines = [f"line {e.line}" for e in at_boot if "ro" in e.options]
        expect(f"{what} that mount it read-only", found=lines, expected=[])
        own = [u for u, state in units.items() if state != GENERATED and systemd.mount_point(u) == mount.mount_point]
        expect(f"units in the place of the line for {mount.mount_point}", found=own, expected=[])


@active
@check(
    "S09",
    section="3.12",
    source="DeepOps",
    on=sharing_cluster,
    title_zh="一台主机写入的文件其余主机均可读取",
    fix="compare the mounts of the hosts named: source, options, the server's exports",
)
def test_hosts_share_their_files(cluster: Cluster, hosts: dict[str, Host]) -> None:
    """What one host writes to a share, all other hosts read back identically."""
    reachable_hosts(hosts)
    for mount in cluster.mounts:
        bare = [name for name, host in hosts.items() if not host.mount_point(mount.mount_point).is_nfs]
        expect(f"hosts without the share on {mount.mount_point}", found=bare, expected=[])
        with expecting_answers():
            wrong = misreaders(hosts, mount)
        expect(f"hosts that do not read back what another host wrote to {mount.mount_point}", found=wrong, expected=[])


@check(
    "S10",
    section="3.12",
    source="nfs(5)",
    on=sharing_cluster,
    title_zh="各主机挂载参数一致",
    severity=Severity.WARNING,
    fix="give all hosts the same line in /etc/fstab; umount and mount",
)
def test_mount_options_are_equal(cluster: Cluster, hosts: dict[str, Host]) -> None:
    """Every share is mounted with the same protocol, rsize/wsize and hard/soft option on every host."""
    reachable_hosts(hosts)
    for mount in cluster.mounts:
        owners = defaultdict(list)
        for name, host in hosts.items():
            found = host.mount_point(mount.mount_point)
            if found.is_nfs:
                owners[",".join(o for o in found.options if o.split("=")[0] in COMPARED)].append(name)
        groups = [f"{options or 'no such option'} on {' and '.join(names)}" for options, names in owners.items()]
        expect_that(
            len(owners) < 2,
            f"mount options of {mount.mount_point}",
            found="; ".join(groups),
            expected="the same on every host",
        )


@check(
    "S11",
    section="3.12",
    source="exports(5)",
    on=storage_servers,
    title_zh="共享目录仅对已知主机导出，且不信任客户端 root",
    severity=Severity.WARNING,
    fix="set suite.nfs.clients to the hosts' own range, and use safer suite.nfs.options",
    deviation="runbook 3.12 exports this way to everyone: jobs run as root and write from every host",
)
def test_exports_are_narrow(node: Node, cluster: Cluster, host: Host) -> None:
    """Every share is exported to known hosts only, without no_root_squash, insecure or async."""
    exported = exportfs.parse(host.read("exportfs -v"))
    for mount in shares.served_by(cluster, node):
        mounted = mounts_of(host) if exportfs.above(exported, mount.export) else ()
        mine = exportfs.giving(exported, mount.export, mounted)
        weak = [word for word in WEAK if any(word in export.options for export in mine)]
        open_to = [e.client for e in mine if e.is_for_everyone]
        expect(f"weak points of export {mount.export}", found=[*open_to, *weak], expected=[])


@check(
    "S17",
    section="3.12",
    source="upstream auto_share.py",
    on=folder_keepers,
    title_zh="存储目录已在共享存储上创建且可写",
    causes=[test_shares_are_exported, test_shares_are_mounted],
    fix="create the folder on the share with mode 0777",
)
def test_storage_folders(node: Node, cluster: Cluster, host: Host) -> None:
    """Every storage folder exists on its share and is writable by everyone; that of labelled data need only exist."""
    open_, plain = shares.folders_kept_by(cluster, node), shares.label_data_kept_by(cluster, node)
    folders = (*open_, *plain)
    result = host.run_expect(ANSWERS, BOUND + "stat -c '%%a %%F:%%n' " + " ".join(["%s"] * len(folders)), *folders)
    with expecting_answers():
        found = require_answer("storage folders", result.rc, result.stdout, result.stderr).splitlines()
    if len(found) != len(folders):
        raise Unknown(f"{host.name}: stat reported {len(found)} of {len(folders)} folders")
    modes = [rf"[0-7]?{shares.FOLDER_MODE:o}"] * len(open_)  # a folder that hands its group down stays so
    modes += ["[0-7]+"] * len(plain)
    wrong = [line for line, mode in zip(found, modes, strict=True) if not re.match(f"{mode} directory:", line)]
    expect_that(not wrong, "storage folders", found=wrong, expected=f"directories of mode {shares.FOLDER_MODE:o}")


@check(
    "S18",
    section="3.12",
    source="upstream auto_share.py",
    on=sharing_hosts,
    title_zh="/dlwsdata 链接指向共享存储",
    harmful="jobs would write to the local disk, and a later mount would hide what they wrote",
    fix="move the content of a folder in a link's place to the share, rmdir it, run pytest -m install",
)
def test_storage_links(cluster: Cluster, host: Host) -> None:
    """Every storage folder is a link to its share; a plain folder would keep job data on the local disk."""
    for place, wanted in shares.links(cluster).items():
        found = links_in(host, place, list(wanted))
        wrong = [
            f"{name} ({found.get(name, 'missing')})" for name, to in wanted.items() if found.get(name) != f"-> {to}"
        ]
        expect(f"wrong links in {place}", found=wrong, expected=[])


@check(
    "S19",
    section="3.12",
    source="fstab(5)",
    on=storage_servers,
    title_zh="共享目录所在磁盘已挂载",
    harmful="the share would fill the root disk, and mounting its own would hide the data",
    fix="mount the disk listed in /etc/fstab (see dmesg for its state); exportfs -ra",
)
def test_disk_of_the_share_is_mounted(node: Node, cluster: Cluster, host: Host) -> None:
    """Any disk that /etc/fstab lists for an exported folder is mounted; otherwise the root disk holds the share."""
    entries, mounted = fstab.parse(host.read("cat /etc/fstab")), mounts_of(host)
    for mount in shares.served_by(cluster, node):
        above = [
            e for e in entries if f"{mount.export}/".startswith(f"{e.mountpoint.rstrip('/')}/") and e.comes_at_boot
        ]
        bare = [f"{e.spec} on {e.mountpoint}" for e in above if e.mountpoint not in mounted]
        expect(f"unmounted disks of {mount.export}", found=bare, expected=[])


@check(
    "S20",
    section="3.12",
    source="upstream NFS alert",
    on=storage_servers,
    title_zh="共享存储剩余空间充足",
    severity=Severity.WARNING,
    fix="free or add space on the storage server",
)
def test_share_has_space(node: Node, cluster: Cluster, host: Host) -> None:
    """Every share has more than 20% free space: of what df calls its capacity, so that a reserve counts for nothing."""
    for mount in shares.served_by(cluster, node):
        [disk] = df.parse(host.read("df -PB1 %s", mount.export))
        what = f"free space on {mount.export}"
        expect_that(disk.usable > LOW_SPACE, what, found=f"{disk.usable:.0%}", expected="more than 20%")


@contextmanager
def expecting_answers() -> Iterator[None]:
    """Mismatch where a share keeps silent or refuses."""
    try:
        yield
    except ShareSilent as silent:
        raise Mismatch(silent.what, found=silent.answer, expected="an answer") from silent
