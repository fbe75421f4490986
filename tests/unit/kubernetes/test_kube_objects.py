"""What the API's objects say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from dlws.kubernetes import objects
from dlws.parse.kubernetes import etcd
from dlws.verdict import Unparsable

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def stamp(**ago: float) -> str:
    return (NOW - timedelta(**ago)).isoformat().replace("+00:00", "Z")


def pod(phase: str = "Running", *, age: float = 60, node: str = "a1", **more: Any) -> dict[str, Any]:
    about = {"name": "p", "namespace": "default", "creationTimestamp": stamp(minutes=age), "labels": {"app": "x"}}
    status = {"phase": phase, "conditions": [{"type": "Ready", "status": "True"}], **more}
    return {"metadata": about, "spec": {"nodeName": node, "containers": []}, "status": status}


def waiting(reason: str, died: str = "") -> dict[str, Any]:
    last = {"terminated": {"reason": died}} if died else {}
    return {"name": "c", "restartCount": 3, "state": {"waiting": {"reason": reason}}, "lastState": last}


@pytest.mark.parametrize(
    ("text", "value"),
    [("100m", "0.1"), ("2", "2"), ("1500Mi", 1500 << 20), ("1e3", "1000"), ("12E", 12 * 10**18), ("0.5Gi", 1 << 29)],
)
def test_quantities(text: str, value: object) -> None:
    assert objects.quantity(text) == Decimal(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "m", "1 Gi", "1Xi", "1.2.3", "ten", None])
def test_what_is_no_quantity(text: object) -> None:
    with pytest.raises(Unparsable):
        objects.quantity(text)


def test_times_carry_their_zone() -> None:
    assert objects.instant("2026-11-24T08:00:00.123456Z") - NOW == timedelta(microseconds=123456)
    for text in ("2026-11-24T08:00:00", "yesterday", None):
        with pytest.raises(Unparsable):
            objects.instant(text)


def test_a_container_that_does_not_come_up_says_why() -> None:
    sick = pod(containerStatuses=[waiting("CrashLoopBackOff", "OOMKilled")])
    assert objects.errors(sick) == ["c CrashLoopBackOff after OOMKilled"]
    assert objects.out_of_memory(sick, NOW) == ["c"]
    assert objects.restarts(sick) == 3
    assert objects.errors(pod(initContainerStatuses=[waiting("ErrImagePull")])) == ["c ErrImagePull"]
    assert objects.errors(pod(containerStatuses=[waiting("ContainerCreating")])) == []


def test_a_pod_may_be_on_its_way_for_five_minutes() -> None:
    assert objects.stuck(pod("Pending", age=4), NOW) == ""
    assert objects.stuck(pod("Pending", age=6), NOW) == "Pending for 6 min"
    assert objects.stuck(pod("Running", age=600), NOW) == ""
    late = pod("Pending", age=6, containerStatuses=[waiting("ImageInspectError")])
    assert objects.stuck(late, NOW) == "Pending for 6 min: c: ImageInspectError"


def test_a_pod_that_finds_no_node_says_why() -> None:
    unplaced = [{"type": "PodScheduled", "status": "False", "message": "0/4 nodes are available"}]
    assert objects.stuck(pod("Pending", conditions=unplaced), NOW) == "Pending for 60 min: 0/4 nodes are available"


def test_evicted_and_undying_pods_are_stuck() -> None:
    assert objects.stuck(pod("Failed", reason="Evicted"), NOW) == "Failed (Evicted)"
    dying = pod()
    dying["metadata"]["deletionTimestamp"] = stamp(minutes=9)
    assert objects.stuck(dying, NOW) == "Terminating for 9 min more than granted"


def test_pods_of_nodes_in_trouble_are_theirs() -> None:
    nodes = [
        {"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": status}]}}
        for name, status in (("a1", "True"), ("a2", "Unknown"))
    ]
    pods = [pod(node="a1"), pod(node="a2"), pod("Pending", node="")]
    assert objects.ready_names(nodes) == ["a1"]
    assert objects.on_nodes(pods, ["a1"]) == [pods[0], pods[2]]


def test_a_workload_has_its_own_pods() -> None:
    workload = {"metadata": {"namespace": "default"}, "spec": {"selector": {"matchLabels": {"app": "x"}}}}
    stranger = pod()
    stranger["metadata"]["labels"] = {"app": "y"}
    elsewhere = pod()
    elsewhere["metadata"]["namespace"] = "kube-system"
    own = pod()
    assert objects.selected([own, stranger, elsewhere], workload) == [own]


def test_a_selector_may_have_terms_alone() -> None:
    term = {"key": "app", "operator": "In", "values": ["x", "z"]}
    workload = {"metadata": {"namespace": "default"}, "spec": {"selector": {"matchExpressions": [term]}}}
    stranger = pod()
    stranger["metadata"]["labels"] = {"app": "y"}
    own = pod()
    assert objects.selected([own, stranger], workload) == [own]


def test_what_the_scheduler_keeps_for_a_pod() -> None:
    def container(cpu: str, **more: str) -> dict[str, Any]:
        return {"resources": {"requests": {"cpu": cpu}}, **more}

    def kept(**spec: Any) -> Decimal:
        return objects.requested([{"spec": {"containers": [container("100m"), {}], **spec}}], "cpu")

    sidecar = container("200m", restartPolicy="Always")
    assert kept() == Decimal("0.1")
    assert kept(initContainers=[container("300m"), container("50m")]) == Decimal("0.3")
    assert kept(initContainers=[sidecar, container("50m")]) == Decimal("0.3")
    assert kept(initContainers=[sidecar, container("300m")]) == Decimal("0.5")
    assert kept(initContainers=[container("300m"), sidecar]) == Decimal("0.3")
    assert kept(overhead={"cpu": "250m"}) == Decimal("0.35")
    assert kept(overhead={"cpu": "250m"}, resources={"requests": {"cpu": "500m"}}) == Decimal("0.75")
    assert kept(resources={"requests": {"memory": "1Gi"}}) == Decimal("0.1")
    assert objects.requested([], "cpu") == 0


def test_old_pods_beside_the_new_ones_are_not_ready_for_it() -> None:
    about = {"name": "w", "namespace": "default"}

    def ready(desired: int, there: int, updated: int, ready: int) -> int:
        status = {"replicas": there, "updatedReplicas": updated, "readyReplicas": ready}
        return objects.shortfall({"metadata": about, "spec": {"replicas": desired}, "status": status})[2]

    assert ready(1, 2, 1, 1) == 0  # the new pod does not come up, and the old one stays
    assert ready(3, 4, 3, 3) == 2
    assert ready(3, 4, 4, 4) == 4  # one too many, of the same revision
    assert ready(3, 3, 2, 3) == 2


def test_a_workload_is_short_of_pods() -> None:
    about = {"generation": 2, "name": "w", "namespace": "default"}
    daemons = {"desiredNumberScheduled": 4, "updatedNumberScheduled": 4, "numberReady": 3, "observedGeneration": 2}
    assert objects.shortfall({"metadata": about, "spec": {}, "status": daemons})[1:] == (4, 3)
    rolling = {"replicas": 2, "updatedReplicas": 1, "readyReplicas": 2, "observedGeneration": 2}
    assert objects.shortfall({"metadata": about, "spec": {"replicas": 2}, "status": rolling})[1:] == (2, 1)
    unseen = {"updatedReplicas": 2, "readyReplicas": 2, "observedGeneration": 1}
    assert objects.shortfall({"metadata": about, "spec": {"replicas": 2}, "status": unseen})[2] == 0
    assert objects.shortfall({"metadata": about, "spec": {"replicas": 0}, "status": {}})[1] == 0


def test_flags_of_a_static_pod() -> None:
    command = ["kube-apiserver", "--secure-port=6443", "--feature-gates=A=true", "--profiling"]
    flags = objects.flags({"spec": {"containers": [{"command": command}]}})
    assert flags == {"secure-port": "6443", "feature-gates": "A=true", "profiling": "true"}


def test_etcd_answers() -> None:
    assert etcd.health('{"health":"true","reason":""}') is True
    assert etcd.health('{"health":"false"}') is False
    found = etcd.status('{"header":{},"version":"3.4.13","dbSize":"2510848","leader":"9372538179322589801"}')
    assert (found.size, found.errors, bool(found.leader)) == (2510848, (), True)
    assert etcd.status('{"header":{},"errors":["NOSPACE"]}').errors == ("NOSPACE",)
    assert etcd.members('{"members":[{"ID":"1","name":"atlas02"},{"ID":"2"}]}') == ("atlas02", "not started")


@pytest.mark.parametrize("text", ["", "{", "[]", "Not Found", '{"error":"etcdserver: no leader","code":14}'])
def test_etcd_answers_that_are_none(text: str) -> None:
    for parse in (etcd.health, etcd.status, etcd.members):
        with pytest.raises(Unparsable):
            parse(text)
