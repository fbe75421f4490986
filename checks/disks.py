"""S: the disks of a host itself."""

from __future__ import annotations

from checks.consistency import KUBELET_CONFIG, mapping
from checks.files import NO_FILE, text_of
from checks.runtime import DAEMON_JSON
from checks.storage import PROC_MOUNTS
from cluster.parse import daemon_json, df, fstab, mdstat, mounts
from cluster.parse.text import number
from cluster.verdict import Severity
from fixtures.check import check, expect, expect_that, preflight
from remote.host import Host

DOCKER = "/var/lib/docker"
FOLDERS = ("/", "/var/lib/kubelet", "/var/lib/etcd")
COLLECTION = 85  # per cent used, from which the kubelet deletes images: its imageGCHighThresholdPercent
SPACE, IMAGE_SPACE, INODES = 0.10, 0.15, 0.05
"""Shares that must be free; below them the kubelet evicts pods (nodefs.available, imagefs.available, inodesFree)."""


@preflight
@check("S01", section="2.1", source="kubelet eviction", title_zh="系统盘与镜像盘剩余空间充足",
       fix="free space: docker system prune; journalctl --vacuum-size=1G; or add a disk")  # fmt: skip
def test_disks_have_space(host: Host) -> None:
    """10 % of the disks of the system, the kubelet and etcd are free, 15 % of Docker's: or the kubelet evicts pods."""
    docker = docker_root(host)
    found = df.parse(of_those_there(host, "df -PB1", [*FOLDERS, docker]))
    images = df.parse(of_those_there(host, "df -PB1", [docker, "/"]))[0]
    low = [f"{d.mountpoint} {d.free:.0%}" for d in found if d.free < SPACE]
    low += [f"{images.mountpoint} (images) {images.free:.0%}"] if images.free < IMAGE_SPACE else []
    expect("disks with little free space", found=list(dict.fromkeys(low)), expected=[])


@check("S02", section="2.1", source="kubelet eviction", title_zh="文件系统 inode 充足",
       fix="find the folder with very many files: du --inodes -x / | sort -n | tail")  # fmt: skip
def test_disks_have_inodes(host: Host) -> None:
    """5 % of the inodes are free."""
    found = df.inodes(of_those_there(host, "df -Pi", [*FOLDERS, docker_root(host)]))
    low = [f"{d.mountpoint} {d.free:.0%}" for d in found if d.size and d.free < INODES]
    expect("disks with few free inodes", found=list(dict.fromkeys(low)), expected=[])


@check("S03", section="2.1", source="kubelet image GC", severity=Severity.WARNING,
       title_zh="镜像盘使用率低于镜像回收阈值",
       causes=[test_disks_have_space],
       fix="docker image prune -a takes unused images; or add a disk for /var/lib/docker")  # fmt: skip
def test_images_are_not_collected(host: Host) -> None:
    """Docker's disk is not so full that the kubelet begins to delete images, those of a disconnected site too."""
    config = mapping(host.read("cat %s", KUBELET_CONFIG), KUBELET_CONFIG)
    limit = number("imageGCHighThresholdPercent", str(config.get("imageGCHighThresholdPercent", COLLECTION)))
    disk = df.parse(of_those_there(host, "df -PB1", [docker_root(host), "/"]))[0]
    used = 100 - int(disk.free * 100)
    expect_that(used < limit, f"used of {disk.mountpoint}", found=f"{used}%", expected=f"under {limit}%")


@check("S04", section="2.1", source="NHC fs_mount_rw", title_zh="本地文件系统可写",
       fix="look at dmesg: an error made the kernel do so; fsck it, replace the disk")  # fmt: skip
def test_local_file_systems_are_writable(host: Host) -> None:
    """The root and what /etc/fstab mounts for writing is not read-only."""
    table, entries = host.read(PROC_MOUNTS), fstab.parse(host.read("cat /etc/fstab"))
    points = ["/", *(e.mountpoint for e in entries if e.mountpoint.startswith("/") and "ro" not in e.options)]
    seen = {point: mounts.on(table, point) for point in points}
    wrong = [point for point, mounted in seen.items() if mounted and not mounted.is_nfs and not mounted.is_writable]
    expect("file systems that are read-only", found=wrong, expected=[])


@check("S13", section="2.1", source="md(4)", severity=Severity.WARNING, title_zh="软 RAID 阵列完整",
       fix="mdadm --detail /dev/<array>; replace the disk that failed")  # fmt: skip
def test_arrays_are_whole(host: Host) -> None:
    """Every software RAID runs with all of its disks."""
    text = text_of(host, "/proc/mdstat")
    arrays = mdstat.parse(text) if text is not None else ()
    broken = [f"{a.name} {a.members or 'inactive'}" for a in arrays if not a.is_whole]
    expect("arrays that lack a disk", found=broken, expected=[])


def docker_root(host: Host) -> str:
    """The folder in which Docker keeps its images, by its configuration; Docker need not run."""
    written = daemon_json.parse(text_of(host, DAEMON_JSON) or "")
    return str(written.get("data-root") or written.get("graph") or DOCKER)  # graph: the old word, up to Docker 20.10


def of_those_there(host: Host, command: str, folders: list[str]) -> str:
    """What df says of those of the folders that are there. Unknown for any complaint but that one is not."""
    result = host.run_expect([0, 1], command + " %s" * len(folders), *folders)
    if any(not line.endswith(NO_FILE) for line in result.stderr.splitlines()) or (result.rc and not result.stderr):
        raise host.no_answer(result)
    return str(result.stdout)
