"""The stages and checks of shares on this machine, through the real agent: what is made, and what is left alone."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checks.storage import shares
from dlws.config import lint_shares
from dlws.config.cluster import Cluster, load
from dlws.engine.check import Mismatch
from dlws.facts.probes.pod_view import TOUCH
from dlws.facts.probes.share import READ, misread, misreaders
from dlws.facts.shares import mounts_of
from dlws.record.evidence import Transcript
from dlws.record.redaction import Redactor
from dlws.remote.change import Applier, Change, ChangeFailed
from dlws.remote.fleet import Fleet
from dlws.remote.host import Host
from dlws.remote.local import open_process
from dlws.remote.modules import MountPoint
from dlws.verdict import Unknown
from install import s3_12_storage as stages
from tests.kits.config_example import no_dns, write
from tests.kits.scripted import Scripted


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setattr(lint_shares, "VOLATILE", ())  # pytest's folders are below /tmp, where no share may be
    places = f"storage-mount-path: {tmp_path}/dlwsdata\nsuite:\n"
    edits = [("/mnt/local", f"{tmp_path}/export"), ("/mntdlws", f"{tmp_path}/mnt"), ("suite:\n", places)]
    return load(write(tmp_path, *edits), resolve=no_dns)


@pytest.fixture
def change() -> Iterator[Change]:
    connection = open_process("atlas01").connect()
    host = Host(connection)
    yield Change(host, Applier(host, lambda: connection))
    connection.close()


def links(folder: Path) -> dict[str, str]:
    return {path.name: str(path.readlink()) for path in folder.iterdir() if path.is_symlink()}


def test_every_folder_is_linked(cluster: Cluster, change: Change, tmp_path: Path) -> None:
    stages.test_storage_links(cluster, change.host, change)
    assert links(tmp_path / "dlwsdata") == {n: f"{tmp_path}/mnt/{n}" for n in ("jobfiles", "storage", "work")}
    shares.test_storage_links(cluster, change.host)


def test_a_link_that_leads_elsewhere_is_led_here(cluster: Cluster, change: Change, tmp_path: Path) -> None:
    (tmp_path / "dlwsdata").mkdir()
    (tmp_path / "dlwsdata" / "work").symlink_to("/old/work")
    stages.test_storage_links(cluster, change.host, change)
    assert links(tmp_path / "dlwsdata")["work"] == f"{tmp_path}/mnt/work"


def test_a_plain_folder_is_kept_and_named_and_the_rest_is_linked(
    cluster: Cluster, change: Change, tmp_path: Path
) -> None:
    (tmp_path / "dlwsdata" / "work").mkdir(parents=True)
    (tmp_path / "dlwsdata" / "work" / "result.h5").write_text("weeks of work")
    stages.test_storage_links(cluster, change.host, change)
    assert (tmp_path / "dlwsdata" / "work" / "result.h5").read_text() == "weeks of work"
    assert sorted(links(tmp_path / "dlwsdata")) == ["jobfiles", "storage"]
    with pytest.raises(Mismatch, match=r"found work \(a local folder\)$"):
        shares.test_storage_links(cluster, change.host)


def test_folders_are_open_to_everybody(cluster: Cluster, change: Change, tmp_path: Path) -> None:
    node = cluster.node("atlas01")
    with pytest.raises(Mismatch, match="No such file or directory"):
        shares.test_storage_folders(node, cluster, change.host)
    stages.test_storage_folders(node, cluster, change)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "export").iterdir()} == {0o777}
    shares.test_storage_folders(node, cluster, change.host)


def test_the_folder_that_an_amd64_job_manager_mounts_is_made_and_missed(
    monkeypatch: pytest.MonkeyPatch, change: Change, tmp_path: Path
) -> None:
    monkeypatch.setattr(lint_shares, "VOLATILE", ())
    label_data = f"dlworkspace: checkout\ndata_platform_path: {tmp_path}/mnt/nfs/label/\nsuite:\n"
    edits = [("/mnt/local", f"{tmp_path}/export"), ("/mntdlws", f"{tmp_path}/mnt"), ("suite:\n", label_data)]
    amd64 = (
        "archtype: arm64\n    type: npu\n    vendor: huawei\n  atlas02",
        "archtype: amd64\n    type: cpu\n  atlas02",
    )
    cluster = load(write(tmp_path, *edits, amd64), resolve=no_dns)
    stages.test_storage_folders(cluster.master, cluster, change)
    shares.test_storage_folders(cluster.master, cluster, change.host)
    (tmp_path / "export" / "nfs" / "label").chmod(0o700)
    shares.test_storage_folders(cluster.master, cluster, change.host)
    (tmp_path / "export" / "nfs" / "label").rmdir()
    with pytest.raises(Mismatch, match="nfs/label"):
        shares.test_storage_folders(cluster.master, cluster, change.host)


def refuse(cluster: Cluster, change: Change, mounted: str = "", fstab: str = "") -> None:
    table = Host(Scripted("atlas01", {"cat /proc/mounts": (0, f"/dev/sda2 / ext4 rw 0 0\n{mounted}", "")}))
    mount = cluster.mounts[0]
    stages.refuse_conflicting_mount(cluster, change.host, mount, mounts_of(table).get(mount.mount_point), fstab)


def test_an_empty_or_missing_mount_point_is_no_objection(cluster: Cluster, change: Change, tmp_path: Path) -> None:
    refuse(cluster, change)
    (tmp_path / "mnt").mkdir()
    refuse(cluster, change)


def test_files_in_the_mount_point_are_never_mounted_over(cluster: Cluster, change: Change, tmp_path: Path) -> None:
    (tmp_path / "mnt" / "work").mkdir(parents=True)
    with pytest.raises(ChangeFailed, match="holds local files: move them"):
        refuse(cluster, change)


def test_another_file_system_keeps_its_place(cluster: Cluster, change: Change, tmp_path: Path) -> None:
    with pytest.raises(ChangeFailed, match=r"/dev/sdb1 \(ext4\) is mounted on"):
        refuse(cluster, change, mounted=f"/dev/sdb1 {tmp_path}/mnt ext4 rw 0 0\n")
    with pytest.raises(ChangeFailed, match="/etc/fstab line 1 mounts /dev/sdb1"):
        refuse(cluster, change, fstab=f"/dev/sdb1 {tmp_path}/mnt ext4 defaults 0 0\n")


def test_the_right_share_is_no_objection_and_another_one_is(cluster: Cluster, change: Change, tmp_path: Path) -> None:
    refuse(cluster, change, mounted=f"192.168.3.2:{tmp_path}/export {tmp_path}/mnt fuse.nfs rw 0 0\n")
    with pytest.raises(ChangeFailed, match="unmount it first"):
        refuse(cluster, change, mounted=f"old:{tmp_path}/export {tmp_path}/mnt nfs4 rw 0 0\n")


@pytest.mark.parametrize("script", ["exec sleep 60", "trap '' TERM; while :; do sleep 1; done"])
def test_a_dead_share_costs_its_patience_and_no_more(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    (tmp_path / "stat").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "stat").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(shares, "BOUND", "timeout -k 0.2 0.2 ")
    connection = open_process("a1").connect()
    started = time.monotonic()
    with pytest.raises(Mismatch, match="no answer within 5 s"):
        shares.test_shares_answer(cluster, Host(connection))
    assert time.monotonic() - started < 30  # the program would take a minute, or for ever
    connection.close()


def test_what_one_host_writes_the_others_read_and_nothing_stays(
    cluster: Cluster, change: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mnt").mkdir()
    monkeypatch.setattr(MountPoint, "is_nfs", True)
    shares.test_hosts_share_their_files(cluster, dict.fromkeys(("atlas01", "atlas02"), change.host))
    assert list((tmp_path / "mnt").iterdir()) == []


def test_a_share_that_cannot_be_written_is_named(
    cluster: Cluster, change: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MountPoint, "is_nfs", True)
    with pytest.raises(Mismatch, match=r"writing to .*/mnt on atlas01: .*No such file or directory"):
        shares.test_hosts_share_their_files(cluster, {"atlas01": change.host})


PLANTED = ["../../secret", ".dlws-probe.x/../../secret", ".dlws-probe.0123456789/x", ".dlws-probe.012345678", "secret"]


@pytest.mark.parametrize("name", PLANTED)
def test_a_writer_cannot_choose_what_the_others_read(cluster: Cluster, name: str) -> None:
    mount, content = cluster.mounts[0], "0" * 64 + "  -"
    writer = Scripted("atlas02", {"mktemp": (0, f"{mount.mount_point}/{name}\n{content}\n", "")})
    reader = Scripted("atlas01")
    with pytest.raises(Unknown, match="atlas02: unclear what was written"):
        misreaders({"atlas01": Host(reader), "atlas02": Host(writer)}, mount)
    assert reader.asked == []


def test_what_every_reader_answers_is_evidence_of_the_test(cluster: Cluster, tmp_path: Path) -> None:
    mount, content = cluster.mounts[0], "0" * 64 + "  -"
    written = f"{mount.mount_point}/.dlws-probe.0123456789\n{content}\n"
    answers = {"mktemp": (0, written, ""), "dd bs": (0, f"{content}\n", ""), "rm -f": (0, "", "")}
    transcript = Transcript(tmp_path / "evidence", Redactor([]))
    fleet = Fleet(cluster.nodes, lambda node: Scripted(node.name, answers), transcript)
    with transcript.collecting() as evidence:
        assert misreaders({node.name: fleet.host(node.name) for node in cluster.nodes}, mount) == []
    assert {reference.partition(".")[0] for reference in evidence} == {node.name for node in cluster.nodes}


@pytest.mark.parametrize("plant", [lambda at, secret: at.symlink_to(secret), lambda at, secret: os.mkfifo(at)])
def test_a_link_in_a_probes_place_is_not_followed(
    change: Change, tmp_path: Path, plant: Callable[[Path, Path], None]
) -> None:
    secret, probe = tmp_path / "shadow", tmp_path / ".dlws-probe.0123456789"
    secret.write_text("root:secret")
    plant(probe, secret)
    assert "secret" not in misread(change.host, str(probe), "0" * 64 + "  -")


def test_no_more_than_a_probe_is_read(change: Change, tmp_path: Path) -> None:
    (tmp_path / "long").write_text("x" * 10_000)
    answer = change.host.run_active([0], READ, str(tmp_path / "long"))
    assert len(answer.out) == 80


def test_a_pods_link_does_not_lead_root_to_a_file_of_the_host(change: Change, tmp_path: Path) -> None:
    victim, share = tmp_path / "victim", tmp_path / "share"
    victim.write_text("the host's")
    share.mkdir()
    (share / ".dlws-probe.atlas01").symlink_to(victim)
    touch = TOUCH.replace("/proc/%s/root/share", str(share))
    answer = change.host.run_active([0], touch, "atlas01", "atlas01", f"{share}/.dlws-probe.atlas01")
    assert (answer.text, victim.read_text(), list(share.iterdir())) == ("atlas01\n", "the host's", [])
