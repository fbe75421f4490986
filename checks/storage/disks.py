"""S: the disks of a host itself."""

from __future__ import annotations

from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_that, preflight
from dlws.facts.disks import df_of_existing
from dlws.facts.docker import docker_root
from dlws.facts.files import text_of
from dlws.facts.kube_host import kubelets_of
from dlws.facts.shares import mounts_of
from dlws.facts.unit_files import mount_units
from dlws.parse.host import systemd
from dlws.parse.storage import df, fstab, mdstat
from dlws.parse.text import number
from dlws.remote.host import Host
from dlws.verdict import Severity

FOLDERS = ("/", "/var/lib/kubelet", "/var/lib/etcd")
SPACE, IMAGE_SPACE, INODES = 0.10, 0.15, 0.05
"""Shares that must be free; below them the kubelet evicts pods (nodefs.available, imagefs.available, inodesFree)."""


@preflight
@check(
    "S01",
    section="2.1",
    source="kubelet eviction",
    title_zh="系统盘与镜像盘剩余空间充足",
    fix="free space (docker system prune; journalctl --vacuum-size=1G) or add a disk",
)
def test_disks_have_space(host: Host) -> None:
    """The system, kubelet and etcd disks have 10% free space and Docker's 15%, below which pods are evicted."""
    docker = docker_root(host)
    found = df.parse(df_of_existing(host, "df -PB1", [*FOLDERS, docker]))
    images = df.parse(df_of_existing(host, "df -PB1", [docker, "/"]))[0]
    low = [f"{d.mountpoint} {d.free:.0%}" for d in found if d.free < SPACE]
    low += [f"{images.mountpoint} (images) {images.free:.0%}"] if images.free < IMAGE_SPACE else []
    expect("disks low on free space", found=list(dict.fromkeys(low)), expected=[])


@check(
    "S02",
    section="2.1",
    source="kubelet eviction",
    title_zh="文件系统 inode 充足",
    fix="find the folder with too many files: du --inodes -x / | sort -n | tail",
)
def test_disks_have_inodes(host: Host) -> None:
    """The system, kubelet, etcd and Docker disks have at least 5% free inodes."""
    found = df.inodes(df_of_existing(host, "df -Pi", [*FOLDERS, docker_root(host)]))
    low = [f"{d.mountpoint} {d.free:.0%}" for d in found if d.size and d.free < INODES]
    expect("disks low on free inodes", found=list(dict.fromkeys(low)), expected=[])


@check(
    "S03",
    section="2.1",
    source="kubelet image GC",
    severity=Severity.WARNING,
    title_zh="镜像盘使用率低于镜像回收阈值",
    causes=[test_disks_have_space],
    fix="remove unused images with docker image prune -a, or add a disk for /var/lib/docker",
)
def test_images_are_not_collected(host: Host) -> None:
    """Docker's disk is below the usage at which the kubelet deletes images, which an offline site cannot pull again."""
    limit = min(number("imageGCHighThresholdPercent", found.gc_threshold) for found in kubelets_of(host).values())
    disk = df.parse(df_of_existing(host, "df -PB1", [docker_root(host), "/"]))[0]
    used = 100 - disk.available * 100 // (disk.size or 1)  # in whole numbers, as the kubelet's image_gc_manager.go
    expect_that(used < limit, f"space used on {disk.mountpoint}", found=f"{used}%", expected=f"under {limit}%")


@check(
    "S04",
    section="2.1",
    source="NHC fs_mount_rw",
    title_zh="本地文件系统可写",
    fix="find the error in dmesg that made it read-only; run fsck, or replace the disk",
)
def test_local_file_systems_are_writable(host: Host) -> None:
    """The root file system and the local ones that /etc/fstab mounts read-write are writable."""
    mounted, entries = mounts_of(host), fstab.parse(host.read("cat /etc/fstab"))
    points = ["/", *(e.mountpoint for e in entries if "ro" not in e.options)]
    local = {point: mounted[point] for point in points if point in mounted and not mounted[point].is_nfs}
    wrong = [point for point, mount in local.items() if not mount.is_writable]
    expect("read-only file systems", found=wrong, expected=[])


@check(
    "S21",
    section="2.1",
    source="systemd.mount(5), fstab(5)",
    severity=Severity.WARNING,
    title_zh="开机时挂载的文件系统当前均已挂载",
    fix="mount it now, and see what it hides; or take its line out of /etc/fstab, or systemctl disable the unit",
)
def test_nothing_is_mounted_by_a_boot_alone(cluster: Cluster, host: Host) -> None:
    """What a boot mounts, by /etc/fstab or a unit of its own, is mounted now: it would hide what is written there.

    The cluster's shares are judged by S06 and S08.
    """
    mounted, shares = mounts_of(host), {mount.mount_point for mount in cluster.mounts}
    lines = [e for e in fstab.parse(host.read("cat /etc/fstab")) if e.comes_at_boot and e.mountpoint.startswith("/")]
    waiting = {f"/etc/fstab line {e.line}: {e.mountpoint}": e.mountpoint for e in lines if e.kind != "swap"}
    waiting |= {unit: systemd.mount_point(unit) for unit, state in mount_units(host).items() if state == "enabled"}
    found = [what for what, path in waiting.items() if path not in mounted and path not in shares]
    expect("file systems that only a boot mounts", found=found, expected=[])


@check(
    "S13",
    section="2.1",
    source="md(4)",
    severity=Severity.WARNING,
    title_zh="软 RAID 阵列完整",
    fix="mdadm --detail /dev/<array>; replace the failed disk",
)
def test_arrays_are_whole(host: Host) -> None:
    """Every software RAID array runs with all of its disks."""
    text = text_of(host, "/proc/mdstat")
    arrays = mdstat.parse(text) if text is not None else ()
    broken = [
        " ".join([a.name, state_of(a), *(f"{disk} failed" for disk in a.failed)]) for a in arrays if not a.is_whole
    ]
    expect("degraded arrays", found=broken, expected=[])


def state_of(array: mdstat.Array) -> str:
    """An array's disks, `U_`; of one that has no such list, or does not run, a word."""
    return array.members or ("active" if array.is_active else "inactive")
