"""What an install does not do to a host whose pods already run, nor write down of what it finds there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dlws.config.cluster import Cluster, load
from dlws.kubernetes.membership import NODE
from dlws.record.answer import Answer
from dlws.remote.change import Change, ChangeFailed
from dlws.remote.host import Host
from install import s2_2_hostname, s3_08_node, s3_16_images
from tests.kits.checkout import cluster_of
from tests.kits.config_example import no_dns, write
from tests.kits.proof_platform import LOGIN
from tests.kits.scripted import Scripted, change_on, script

DOCKER = {"command -v dockerd": (0, "/usr/bin/dockerd\n", "")}
OTHERS = json.dumps({"auths": {"hub.example.org": {"auth": "c29tZWJvZHk6aHVudGVyMjI="}}, "log-level": "warn"})


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return load(write(tmp_path), resolve=no_dns)


def renamed(cluster: Cluster, host: Host, change: Change) -> None:
    s2_2_hostname.test_hostname(cluster.node("atlas02"), host, change)


def restarted(cluster: Cluster, host: Host, change: Change) -> None:
    s3_08_node.test_reboot(host, change)


@pytest.mark.parametrize(("stage", "instead"), [(renamed, "correct config.yaml"), (restarted, "pytest -m reboot")])
def test_a_node_is_neither_renamed_nor_restarted(
    stage: Callable[[Cluster, Host, Change], None], instead: str, cluster: Cluster
) -> None:
    host, change = change_on(connection := Scripted("atlas02", script(NODE)))
    with pytest.raises(ChangeFailed, match=rf"atlas02 is part of a cluster \(a worker\): .*{instead}"):
        stage(cluster, host, change)
    assert connection.sent == []


def test_a_docker_that_is_there_is_started_and_not_upgraded(cluster: Cluster) -> None:
    host, change = change_on(Scripted("atlas02", script(**DOCKER)))
    s3_08_node.test_docker(cluster, host, change)
    assert [action.text for action in change.actions] == ["systemctl enable --now docker"]


class Keeper(Scripted):
    """Has the logins of others, and gives them only where they are not written down."""

    def ask_secret(self, command: str, *, deadline: float = 30.0) -> Answer:
        return Answer(command, 0, OTHERS.encode(), b"", 0.0)


def test_other_logins_to_registries_stay_and_are_read_as_secrets(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path, ("suite:\n", "suite:\n  registry_config: docker.json\n"))
    (tmp_path / "docker.json").write_text(LOGIN)
    host, change = change_on(connection := Keeper("atlas02", {"test -e": (0, "", "")}))
    s3_16_images.test_registry_login(cluster, host, change)
    written = json.loads(connection.sent[-1][1])
    assert written["auths"].keys() == json.loads(LOGIN)["auths"].keys() | {"hub.example.org"}
    assert written["log-level"] == "warn"
    assert "c29tZWJvZHk6" not in " ".join(command for command, _ in connection.sent)
