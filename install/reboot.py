"""`-m reboot`: whether the cluster survives reboots. Every host is drained and restarted, first workers, then master.

All verdicts are recorded before and compared once the pods are back; any difference is a finding.
"""

from __future__ import annotations

import json
import time

from checks.catalogue import declared
from dlws.config.cluster import Cluster
from dlws.engine.arguments import parameters
from dlws.engine.check import Check, expect, expect_that, goal
from dlws.engine.stage import stage
from dlws.engine.targets import control_host, every_host, master, workers
from dlws.facts.kube_host import HEALTHZ
from dlws.facts.nodes import nodes_by_name
from dlws.inventory import Node
from dlws.kubernetes.membership import KUBECTL
from dlws.kubernetes.objects import Object
from dlws.remote.change import Change, ChangeFailed
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from fixtures.audit import Audit
from install import leaving
from install.s3_11_kubernetes import READY, wait

REBOOT = ("reboot",)
SETTLE = 10 * 60.0  # seconds for pods to come back after the last boot
PAUSE = 5.0
CORDONED_BY = "dlws-suite/cordoned-by"
"""The annotation of a node that this suite has cordoned."""
OURS = "pytest -m reboot"


def audited() -> list[Check]:
    """The checks to compare: all that are read-only and do not themselves compare with earlier runs (H31)."""
    return [c for c in declared().values() if not c.is_active and "earlier" not in parameters(c.function)]


@goal(
    "Q08",
    section="reboot",
    source="docs/upstream.md#reboots",
    on=control_host,
    title_zh="重启前状态已记录",
    fix="run pytest -m reboot again",
)
def test_state_is_recorded(audit: Audit) -> None:
    """The verdicts from before the first reboot are recorded."""
    expect_that(audit.record.exists(), "record of verdicts", found="none", expected=str(audit.record))


@goal("Q07", section="reboot", source="runbook 3.8", on=every_host, title_zh="主机已重启", fix="check its console")
def test_host_has_restarted(node: Node, audit: Audit) -> None:
    """The host has restarted."""
    boot = audit.before()["boots"][node.name]
    expect_that(audit.boot(node.name) != boot, "boot", found="the previous one", expected="a new one")


@goal(
    "Q06",
    section="reboot",
    source="docs/upstream.md#reboots",
    on=control_host,
    title_zh="重启后所有检查结果与重启前一致",
    fix="see the checks whose verdicts differ",
)
def test_verdicts_are_as_before(audit: Audit) -> None:
    """Within 10 minutes every check has the same verdict as before the reboots."""
    audit.before()
    end = time.monotonic() + SETTLE
    while (changed := audit.changed(audited())) and time.monotonic() + PAUSE < end:
        time.sleep(PAUSE)
    expect("verdicts that differ", found=changed, expected=[])


@goal(
    "K95",
    section="reboot",
    source="kubectl cordon",
    on=every_host,
    title_zh="节点没有被中断的重启复查遗留为不可调度",
    fix="kubectl uncordon <node>; kubectl annotate node <node> dlws-suite/cordoned-by-",
)
def test_no_cordon_of_ours_is_left(node: Node, kube: Kubernetes) -> None:
    """No reboot run that was broken off has left the node cordoned."""
    registered = nodes_by_name(kube).get(node.name)
    left = registered is not None and is_cordoned_by_us(registered)
    expect_that(not left, f"cordon of an earlier {OURS}", found=node.name, expected="none")


@stage(section="reboot", on=every_host, commands=REBOOT, proves=[test_no_cordon_of_ours_is_left])
def test_uncordoned(node: Node, on_master: Change) -> None:
    """Let a node take pods again that an earlier run was killed on, before anything is recorded."""
    uncordon(node, on_master)


@stage(section="reboot", on=control_host, after="uncordoned[*]", commands=REBOOT, proves=[test_state_is_recorded])
def test_before(audit: Audit, change: Change) -> None:
    """Record the verdict of every check before anything restarts."""
    change.write_file(str(audit.record), audit.now(audited()) + "\n")


@stage(section="reboot", on=workers, after="before", commands=REBOOT, proves=[test_host_has_restarted])
def test_worker_restarted(
    node: Node, cluster: Cluster, host: Host, kube: Kubernetes, change: Change, on_master: Change
) -> None:
    """Drain the worker, restart it and let it take pods again."""
    restart(node, cluster, host, kube, change, on_master)


@stage(
    section="reboot",
    on=master,
    after=["before", "worker_restarted[*]"],
    commands=REBOOT,
    proves=[test_host_has_restarted],
)
def test_master_restarted(
    node: Node, cluster: Cluster, host: Host, kube: Kubernetes, change: Change, on_master: Change
) -> None:
    """Drain the master, restart it and let it take pods again, once all workers are back."""
    restart(node, cluster, host, kube, change, on_master)


@stage(
    section="reboot",
    on=control_host,
    after=["worker_restarted[*]", "master_restarted[*]"],
    commands=REBOOT,
    proves=[test_verdicts_are_as_before],
)
def test_after() -> None:
    """Compare the verdict of every check with the one from before."""


def restart(node: Node, cluster: Cluster, host: Host, kube: Kubernetes, change: Change, on_master: Change) -> None:
    """Drain and restart a host, then uncordon it unless somebody else had cordoned it. Raises ChangeFailed.

    The cordon carries our name from the beginning, so that the next run can tell it from an operator's even if this
    one is killed.
    """
    registered = nodes_by_name(kube).get(node.name)
    if registered is None:
        raise ChangeFailed(f"{node.name} is not a node of the cluster: nothing was drained or restarted")
    ours = not registered["spec"].get("unschedulable") or is_cordoned_by_us(registered)
    if ours:
        mark(node, on_master, OURS)
    try:
        leaving.drain(cluster, node, on_master)
        change.reboot()
        wait_until_ready(node, host, change, on_master)
    finally:
        if ours:
            uncordon(node, on_master)


def is_cordoned_by_us(registered: Object) -> bool:
    """Whether a node is cordoned, by this suite."""
    annotations = registered["metadata"].get("annotations") or {}
    return bool(registered["spec"].get("unschedulable")) and CORDONED_BY in annotations


def uncordon(node: Node, on_master: Change) -> None:
    """Let a node take pods again and take our name off it."""
    mark(node, on_master, None)


def mark(node: Node, on_master: Change, owner: str | None) -> None:
    """Cordon a node in the name of an owner, or uncordon it: one patch, so never one without the other."""
    cordoned = owner is not None or None  # null takes a field away
    patch = {"metadata": {"annotations": {CORDONED_BY: owner}}, "spec": {"unschedulable": cordoned}}
    command = f"{KUBECTL} patch node %s --type=merge -p %s"
    text = f"kubectl {'cordon' if owner else 'uncordon'} {node.name}"
    on_master.run(command, node.name, json.dumps(patch), text=text)


def wait_until_ready(node: Node, host: Host, change: Change, on_master: Change) -> None:
    """Wait until the host's kubelet is healthy, the API server ready and the node Ready. Raises ChangeFailed."""
    wait(host, change, HEALTHZ, "kubelet to be healthy", "journalctl -u kubelet")
    wait(on_master.host, on_master, f"{KUBECTL} get --raw /readyz", "the API server to be ready", "docker ps -a")
    ready = f"{KUBECTL} wait --for=condition=Ready node/{node.name} --timeout={READY}s"
    on_master.run(ready, deadline=READY + 30.0, text=f"wait for node {node.name} to be Ready")
