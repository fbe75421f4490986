"""Shares: exports, fstab lines, links, and what exportfs and /proc/mounts say about them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlws.config import shares
from dlws.config.cluster import Cluster, load
from dlws.hostfiles import exports
from dlws.parse.storage import exportfs, fstab, mounts
from dlws.verdict import Unparsable
from tests.kits.config_example import no_dns, write

SHARE = "    server: atlas01\n    filesharename: /mnt/local\n"
# nfs-utils 1.3.4 (Ubuntu 18.04); long paths have a line of their own.
EXPORTED = """\
/mnt/local    \t<world>(rw,async,wdelay,insecure,no_root_squash,no_subtree_check,sec=sys,rw,insecure)
/srv/very/long/path
\t\t192.168.3.0/24(ro,wdelay,root_squash,no_subtree_check,sec=sys,ro,secure,root_squash,no_all_squash)
/srv/very/long/path
\t\tatlas02.sigsus.cn(rw,wdelay,root_squash,no_subtree_check,sec=sys,rw,secure,root_squash,no_all_squash)
"""
# Linux 4.15 and a client in user space.
MOUNTED = """\
/dev/sda2 / ext4 rw,relatime,data=ordered 0 0
atlas01:/mnt/local /mntdlws nfs4 rw,relatime,vers=4.2,rsize=8192,hard,proto=tcp,timeo=14,addr=192.168.3.2 0 0
192.168.3.2:/mnt/my\\040share /mnt/user fuse.nfs ro,nosuid,nodev,relatime,user_id=0,group_id=0,allow_other 0 0
tmpfs /mnt/user tmpfs rw 0 0
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return load(write(tmp_path), resolve=no_dns)


def test_a_machine_serves_the_share_that_names_it(cluster: Cluster) -> None:
    [mount] = cluster.mounts
    assert shares.server_of(cluster, mount) == cluster.node("atlas01")
    assert shares.served_by(cluster, cluster.node("atlas01")) == (mount,)
    assert shares.served_by(cluster, cluster.node("atlas02")) == ()


def test_any_name_of_the_server_may_stand_in_the_source(cluster: Cluster) -> None:
    names = ("atlas01", "atlas01.sigsus.cn", "192.168.3.2")
    assert shares.sources(cluster, cluster.mounts[0]) == tuple(f"{name}:/mnt/local" for name in names)


def test_the_server_mounts_its_own_share_after_its_service(cluster: Cluster) -> None:
    [mount] = cluster.mounts
    client = shares.fstab_line(cluster, mount, cluster.node("atlas02"))
    assert client == f"atlas01:/mnt/local /mntdlws nfs rsize=8192,timeo=14,intr,tcp,{shares.AT_BOOT} 0 0"
    own = shares.fstab_line(cluster, mount, cluster.node("atlas01"))
    assert own == client.replace(" 0 0", ",x-systemd.after=nfs-server.service 0 0")


def test_options_of_the_share_replace_the_usual_ones(tmp_path: Path) -> None:
    cluster = load(write(tmp_path, (SHARE, SHARE + "    options: vers=4.1,hard\n")), resolve=no_dns)
    line = shares.fstab_line(cluster, cluster.mounts[0], cluster.node("atlas02"))
    assert line == f"atlas01:/mnt/local /mntdlws nfs vers=4.1,hard,{shares.AT_BOOT} 0 0"


def test_the_server_keeps_the_folders(cluster: Cluster) -> None:
    folders = ("/mnt/local/jobfiles", "/mnt/local/storage", "/mnt/local/work")
    assert shares.folders_kept_by(cluster, cluster.node("atlas01")) == folders
    assert shares.folders_kept_by(cluster, cluster.node("atlas02")) == ()


def test_the_master_keeps_the_folders_of_a_foreign_server(tmp_path: Path) -> None:
    cluster = load(write(tmp_path, (SHARE, SHARE.replace("atlas01", "nas.sigsus.cn"))), resolve=no_dns)
    kept = {node.name: len(shares.folders_kept_by(cluster, node)) for node in cluster.nodes}
    assert kept == {"atlas01": 3, "atlas02": 0, "atlas-gpu01": 0, "atlas-gpu02": 0}
    assert shares.folders_kept_by(cluster, cluster.master)[0] == "/mntdlws/jobfiles"


AMD64 = (
    "role: infrastructure\n    private-ip: 192.168.3.2\n    archtype: arm64",
    "role: infrastructure\n    private-ip: 192.168.3.2\n    archtype: amd64",
)
CPU = ("type: npu\n    vendor: huawei\n  atlas02", "type: cpu\n  atlas02")
CHECKOUT = ("jwt:", "dlworkspace: checkout\njwt:")


def test_the_server_keeps_the_folder_that_an_amd64_job_manager_mounts(tmp_path: Path) -> None:
    cluster = load(write(tmp_path, AMD64, CPU, CHECKOUT), resolve=no_dns)
    kept = [shares.label_data_kept_by(cluster, node) for node in cluster.nodes]
    assert [paths for paths in kept if paths] == [("/mnt/local/nfs/label",)]


@pytest.mark.parametrize(
    "edits",
    [(CHECKOUT,), (AMD64, CPU), (AMD64, CPU, ("jwt:", "dlworkspace: checkout\ndata_platform_path: /data/x/\njwt:"))],
)
def test_nobody_keeps_a_folder_that_no_pod_mounts_from_a_share(
    tmp_path: Path, edits: tuple[tuple[str, str], ...]
) -> None:
    cluster = load(write(tmp_path, *edits), resolve=no_dns)
    assert not any(shares.label_data_kept_by(cluster, node) for node in cluster.nodes)


def test_folders_are_linked_where_the_platform_looks(cluster: Cluster) -> None:
    wanted = {"jobfiles": "/mntdlws/jobfiles", "storage": "/mntdlws/storage", "work": "/mntdlws/work"}
    assert shares.links(cluster) == {"/dlwsdata": wanted}


def test_folders_of_a_virtual_cluster_are_linked_in_its_own_place(tmp_path: Path) -> None:
    cluster = load(
        write(tmp_path, ('    mountpoints: ""\n', "    mountpoints: data\n    vc: vision\n")), resolve=no_dns
    )
    assert shares.links(cluster) == {"/dltsdata/vision": {"data": "/mntdlws/data"}}


def test_a_share_without_autoshare_is_no_mount(tmp_path: Path) -> None:
    cluster = load(write(tmp_path, (SHARE, SHARE + "    autoshare: false\n")), resolve=no_dns)
    assert cluster.mounts == ()


BLOCK = exports.block(["/mnt/local", "/srv/data"], ["*"], "rw,async")


def test_the_exports_block_has_one_line_a_path() -> None:
    lines = BLOCK.splitlines()
    assert (lines[0], lines[-1]) == (exports.BEGIN, exports.END)
    assert lines[1:-1] == ["/mnt/local\t*(rw,async)", "/srv/data\t*(rw,async)"]


def test_several_clients_stand_on_the_same_line() -> None:
    block = exports.block(["/mnt/local"], ["192.168.3.0/24", "build"], "rw,sync")
    assert block.splitlines()[1] == "/mnt/local\t192.168.3.0/24(rw,sync) build(rw,sync)"


def test_lines_of_people_stay_as_they_are() -> None:
    theirs = "# mine\n/home 10.0.0.0/8(ro)"
    assert exports.with_block(theirs, BLOCK) == f"{theirs}\n{BLOCK}"


@given(st.lists(st.sampled_from(["/home *(ro)\n", "# c\n", "\n", BLOCK])).map("".join))
def test_putting_the_block_is_idempotent(text: str) -> None:
    once = exports.with_block(text, BLOCK)
    assert exports.with_block(once, BLOCK) == once
    assert once.count(exports.BEGIN) == once.count(exports.END) == 1


@pytest.mark.parametrize("text", [exports.BEGIN, exports.END, BLOCK + exports.BEGIN, f"{exports.BEGIN}\n{BLOCK}"])
def test_a_marker_without_its_partner_stops_the_edit(text: str) -> None:
    with pytest.raises(Unparsable, match="marker without its partner"):
        exports.with_block(text, BLOCK)


def test_exports_are_read_with_long_paths() -> None:
    found = [(e.path, e.client, e.options[0]) for e in exportfs.parse(EXPORTED)]
    assert found == [
        ("/mnt/local", "<world>", "rw"),
        ("/srv/very/long/path", "192.168.3.0/24", "ro"),
        ("/srv/very/long/path", "atlas02.sigsus.cn", "rw"),
    ]


def test_nothing_exported_is_an_answer() -> None:
    assert exportfs.parse("") == ()


@pytest.mark.parametrize(
    "text", ["/mnt/local", "/mnt/local \t<world>(rw,as", "/srv/very/long/path\n\t\t*(rw\n", "hello"]
)
def test_half_a_list_of_exports_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        exportfs.parse(text)


@pytest.mark.parametrize(("host", "client"), [("atlas02", "atlas02.sigsus.cn"), ("atlas-gpu01", "192.168.3.0/24")])
def test_the_most_exact_export_holds_for_a_host(cluster: Cluster, host: str, client: str) -> None:
    found = exportfs.to(exportfs.parse(EXPORTED), "/srv/very/long/path", cluster.node(host))
    assert found is not None
    assert found.client == client


@pytest.mark.parametrize(
    ("client", "rank"),
    [
        ("*", 3),
        ("<world>", 3),
        ("*.sigsus.cn", 2),
        ("192.168.3.0/255.255.255.0", 1),
        ("192.168.3.6", 0),
        ("atlas02", 0),
        ("10.0.0.0/8", None),
        ("@gpus", None),
        ("*.example.org", None),
    ],
)
def test_a_client_means_a_host_more_or_less_exactly(cluster: Cluster, client: str, rank: int | None) -> None:
    assert exportfs.Export("/x", client, ("rw",)).reaches(cluster.node("atlas02")) == rank


@pytest.mark.parametrize("text", ["", "\n", "/dev/sda2 / ext4 rw,rela", "a b c d e f", MOUNTED + "\0"])
def test_half_a_list_of_mounts_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        mounts.parse(text)


WANTED = "atlas01:/mnt/local /mntdlws nfs tcp,_netdev 0 0"
OTHERS = [
    "/dev/sda2 / ext4 defaults 0 0",
    "# note",
    "",
    "atlas01:/old\t/mntdlws\tnfs\tnoauto 0 0",
    "/mnt /mntdlws none bind",
]


def test_a_wrong_entry_for_the_mount_point_is_commented_out() -> None:
    text = f"/dev/sda2 / ext4 defaults 0 0\n{OTHERS[3]}\n"
    assert fstab.with_mount(text, WANTED) == f"/dev/sda2 / ext4 defaults 0 0\n#{OTHERS[3]}\n{WANTED}\n"


@pytest.mark.parametrize("written", ["/mntdlws/", "/mntdlws//"])
def test_a_mount_point_is_the_same_with_a_slash_behind_it(written: str) -> None:
    line = f"atlas01:/old  {written}  nfs noauto"
    assert [entry.mountpoint for entry in fstab.mounts_on(line, "/mntdlws")] == ["/mntdlws"]
    assert fstab.with_mount(f"{line}\n", WANTED) == f"#{line}\n{WANTED}\n"
    assert [entry.mountpoint for entry in fstab.parse("/dev/sda2 / ext4\nUUID=1 none swap")] == ["/", "none"]


@given(st.lists(st.sampled_from([*OTHERS, WANTED])).map("\n".join))
def test_afterwards_one_live_entry_mounts_the_share(text: str) -> None:
    edited = fstab.with_mount(text, WANTED)
    assert [entry.kind for entry in fstab.mounts_on(edited, "/mntdlws")] == ["nfs"]
    assert fstab.with_mount(edited, WANTED) == edited
    assert len(edited.split("\n")) - len(text.split("\n")) in (0, 1, 2)


@pytest.mark.parametrize(
    ("options", "comes"), [("defaults", True), ("noauto", False), ("noauto,x-systemd.automount", True)]
)
def test_an_entry_comes_at_boot_or_not(options: str, comes: bool) -> None:
    [entry] = fstab.parse(f"a:/b /c nfs {options}\n")
    assert entry.comes_at_boot is comes
