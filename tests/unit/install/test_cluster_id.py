"""The cluster's id: one for ever, whichever control host asks, whatever it has lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dlws.config.cluster import Cluster, load
from dlws.facts import cluster_ids
from dlws.record.answer import Answer, Unreachable
from dlws.remote.change import Applier, Change, ChangeFailed
from dlws.remote.connection import Connection
from dlws.remote.host import Host
from dlws.remote.local import open_process
from dlws.verdict import Unknown
from install import s3_03_control, s3_15_web_configuration
from tests.kits.config_example import no_dns, write
from tests.kits.scripted import Scripted

OURS, OTHER = "d21b4646-09b0-4ea6-bf6e-c3a39d38ec39", "0b5bd32c-1f25-4d8a-9be5-4f1d0ad6ac17"


@pytest.fixture
def connection() -> Iterator[Connection]:
    opened = open_process("atlas02").connect()
    yield opened
    opened.close()


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster whose master keeps its files below this folder."""
    monkeypatch.setattr(cluster_ids, "CONFIGURATION", str(tmp_path / "config.yaml of the REST API"))
    data = f"mysql_data_path: {tmp_path}/mysql\nmysql_password:"
    return load(write(tmp_path, ("mysql_password:", data)), resolve=no_dns)


def make_id(cluster: Cluster, connection: Connection, master: Host) -> None:
    host = Host(connection)
    s3_03_control.test_cluster_id(cluster, host, master, Change(host, Applier(host, lambda: connection)))


def test_a_new_cluster_gets_an_id_and_keeps_it(cluster: Cluster, connection: Connection) -> None:
    make_id(cluster, connection, Host(connection))
    made = cluster.state.cluster_id.read_text()
    make_id(cluster, connection, Host(connection))
    assert cluster.state.cluster_id.read_text() == made


def test_a_second_control_host_makes_no_second_id(cluster: Cluster, connection: Connection, tmp_path: Path) -> None:
    Path(cluster_ids.CONFIGURATION).write_text(f"mysql:\n  port: 3306\nclusterId: '{OTHER}'\n")
    with pytest.raises(ChangeFailed, match=rf"has another id: .* {OTHER}, .*copy that one's state folder to"):
        make_id(cluster, connection, Host(connection))
    assert not cluster.state.folder.exists()


def test_a_database_alone_is_enough_to_know_the_id(cluster: Cluster, connection: Connection, tmp_path: Path) -> None:
    (tmp_path / "mysql" / f"DLWSCluster-{OTHER}".replace("-", "@002d")).mkdir(parents=True)
    with pytest.raises(ChangeFailed, match=f"clusterId: {OTHER}"):
        make_id(cluster, connection, Host(connection))
    assert not cluster.state.folder.exists()


class Down(Scripted):
    def ask(self, *args: object, **more: object) -> list[Answer]:
        raise Unreachable("atlas02: no route to host")


def test_no_id_is_made_while_the_master_cannot_be_asked(cluster: Cluster, connection: Connection) -> None:
    for master in (Down("atlas02"), Scripted("atlas02", {"grep -h": (2, "", "grep: Input/output error")})):
        with pytest.raises(Unknown, match=r"no route|Input/output error"):
            make_id(cluster, connection, Host(master))
    assert not cluster.state.folder.exists()


def test_the_services_are_never_led_to_another_database(cluster: Cluster, connection: Connection) -> None:
    cluster.state.cluster_id.parent.mkdir(parents=True)
    cluster.state.cluster_id.write_text(f"clusterId: {OURS}\n")
    there = Path(cluster_ids.CONFIGURATION)
    there.write_text(f"clusterId: {OTHER}\n")
    host = Host(connection)
    change = Change(host, Applier(host, lambda: connection))
    with pytest.raises(ChangeFailed, match=f"another id: .*{OTHER}"):
        s3_15_web_configuration.test_web_configuration(replace(cluster), host, change)
    assert change.actions == []
    assert there.read_text() == f"clusterId: {OTHER}\n"
