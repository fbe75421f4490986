"""A host that is gone for good leaves only when it is named, and only when it is as dead as that."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dlws.config.cluster import Cluster, load
from dlws.engine.check import Mismatch
from dlws.engine.stage import stage_of
from dlws.engine.targets import leaving_hosts, lost_hosts
from dlws.remote.change import ChangeFailed
from dlws.remote.host import Host
from dlws.verdict import Unknown
from install import leaving, scale_down
from tests.kits.config_example import no_dns, write
from tests.kits.scripted import Scripted, change_on

ROW = "{role: worker, archtype: arm64, type: npu, vendor: huawei, private-ip: 192.168.3.%d}"
DEAD = {
    "ping": (0, "192.168.3.7 1 1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms", ""),
    "/dev/tcp": (0, "192.168.3.7:22 1 bash: connect: No route to host", ""),
}
ANSWERS = {
    "ping": (0, "192.168.3.7 0 1 packets transmitted, 1 received, 0% packet loss, time 0ms", ""),
    "/dev/tcp": (0, "192.168.3.7:22 1 bash: connect: Connection refused", ""),
}
SILENT, READY, NOT_READY = "Unknown", "True", "False"


class Api:
    """An API that has a node with this condition, or no node."""

    def __init__(self, ready: str | None) -> None:
        self.ready = ready

    def get(self, resource: str, name: str) -> Any:
        conditions = [{"type": "Ready", "status": self.ready, "reason": "NodeStatusUnknown"}]
        return {"metadata": {"name": name}, "status": {"conditions": conditions}} if self.ready else None


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """Two hosts are to leave, atlas07 is lost."""
    leave = f"scale_down:\n  atlas07: {ROW % 7}\n  atlas08: {ROW % 8}\nsuite:\n  lost_hosts: [atlas07]\n"
    return load(write(tmp_path, ("suite:\n", leave)), resolve=no_dns)


def judge(cluster: Cluster, script: dict[str, tuple[int, str, str]], ready: str | None) -> None:
    kube: Any = Api(ready)
    leaving.test_host_is_silent(cluster.leaving[0], kube, Host(Scripted("atlas02", script)))


def test_only_the_named_host_is_given_up(cluster: Cluster) -> None:
    assert [target.name for target in lost_hosts(cluster)] == ["atlas07"]
    assert [target.name for target in leaving_hosts(cluster)] == ["atlas08"]
    assert stages_of(scale_down, cluster) == {
        "atlas07": ["lost", "given_up"],
        "atlas08": ["drained", "deleted", "departed", "forgotten"],
    }


def stages_of(module: Any, cluster: Cluster) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"atlas07": [], "atlas08": []}
    for stage in filter(None, map(stage_of, vars(module).values())):
        for target in stage.targets(cluster):
            found[target.name].append(stage.name)
    return found


@pytest.mark.parametrize("ready", [SILENT, None])
def test_a_host_that_answers_nobody_is_lost(cluster: Cluster, ready: str | None) -> None:
    judge(cluster, DEAD, ready)


@pytest.mark.parametrize(
    ("script", "ready", "found"),
    [
        ({**DEAD, "ping": ANSWERS["ping"]}, SILENT, "ping of 192.168.3.7: expected none, found an answer"),
        ({**DEAD, "/dev/tcp": ANSWERS["/dev/tcp"]}, SILENT, "connection to 192.168.3.7:22: expected none"),
        (DEAD, READY, "node's condition Ready: expected Unknown"),
        (DEAD, NOT_READY, "node's condition Ready: expected Unknown"),
    ],
)
def test_a_host_that_lives_is_not_given_up(
    cluster: Cluster, script: dict[str, tuple[int, str, str]], ready: str, found: str
) -> None:
    with pytest.raises(Mismatch, match=found):
        judge(cluster, script, ready)


@pytest.mark.parametrize(
    "script",
    [
        {**DEAD, "ping": (0, "192.168.3.7 127 sh: ping: not found", "")},
        {**DEAD, "/dev/tcp": (0, "192.168.3.7:22 127 timeout: not found", "")},
        {},
    ],
)
def test_what_cannot_be_asked_is_not_known(cluster: Cluster, script: dict[str, tuple[int, str, str]]) -> None:
    with pytest.raises(Unknown):
        judge(cluster, script, SILENT)


def test_its_node_and_lease_are_deleted_and_nothing_is_drained(cluster: Cluster) -> None:
    deleted = []
    _, on_master = change_on(Scripted("atlas02"))
    on_master.kube = SimpleNamespace(delete=lambda *words, namespace: deleted.append(words))  # type: ignore[assignment]
    scale_down.test_given_up(cluster.leaving[0], on_master)
    assert deleted == [("nodes", "atlas07"), ("leases", "atlas07")]
    assert not [action for action in on_master.actions if "drain" in action.text]


def test_a_silent_kubelet_is_not_waited_for(cluster: Cluster) -> None:
    with pytest.raises(ChangeFailed, match=r"^atlas08 was not drained: .* suite\.lost_hosts, too$"):
        drained(cluster, SILENT)
    assert drained(cluster, READY) == ["kubectl drain atlas08"]


def drained(cluster: Cluster, ready: str) -> list[str]:
    _, on_master = change_on(Scripted("atlas02"))
    kube: Any = Api(ready)
    scale_down.test_drained(cluster.leaving[1], cluster, kube, on_master)
    return [action.text for action in on_master.actions]
