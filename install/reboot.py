"""`-m reboot`: does the cluster survive it? Every host restarts, drained, the workers first, then the master.

All verdicts are taken before and, when the pods have come back, again; one that differs is the finding.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from checks.catalogue import declared
from checks.kubernetes.kube_host import HEALTHZ
from checks.kubernetes.nodes import node_of
from dlws.config.cluster import Cluster
from dlws.engine.arguments import parameters
from dlws.engine.check import Check, expect, expect_that, goal
from dlws.engine.stage import stage
from dlws.engine.targets import control_host, every_host, master, workers
from dlws.inventory import Node
from dlws.remote.change import Change
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from fixtures.audit import Audit
from install import leaving
from install.s3_03_control import MYSELF
from install.s3_11_kubernetes import KUBECTL, READY, wait

REBOOT = ("reboot",)
SETTLE = 10 * 60.0  # seconds for pods to come back after the last boot
PAUSE = 5.0


def audited() -> list[Check]:
    """The checks that are compared: all that only read, and do not themselves compare with earlier runs (H31)."""
    return [c for c in declared().values() if not c.is_active and "earlier" not in parameters(c.function)]


@goal(
    "Q08",
    section="reboot",
    source="peers-and-checks Q06",
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
    source="peers-and-checks Q06",
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


@stage(section="reboot", on=control_host, commands=REBOOT, proves=[test_state_is_recorded])
def test_before(audit: Audit, change: Change) -> None:
    """Record the verdict of every check before anything restarts."""
    change.write_file(str(audit.record), audit.now(audited()) + "\n", owner=MYSELF)


@stage(section="reboot", on=workers, after="before", commands=REBOOT, proves=[test_host_has_restarted])
def test_worker_restarted(
    node: Node, cluster: Cluster, host: Host, kube: Kubernetes, change: Change, on_master: Change
) -> None:
    """Drain the worker, restart it and let it take pods again."""
    with drained(cluster, node, kube, on_master):
        restart(node, host, change, on_master)


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
    with drained(cluster, node, kube, on_master):
        restart(node, host, change, on_master)


@stage(
    section="reboot",
    on=control_host,
    after=["worker_restarted[*]", "master_restarted[*]"],
    commands=REBOOT,
    proves=[test_verdicts_are_as_before],
)
def test_after() -> None:
    """Compare the verdict of every check with the one from before."""


@contextmanager
def drained(cluster: Cluster, node: Node, kube: Kubernetes, on_master: Change) -> Iterator[None]:
    """A node without work; afterwards it takes work again, unless it was cordoned before."""
    was_cordoned = bool(node_of(kube, node)["spec"].get("unschedulable"))
    try:
        leaving.drain(cluster, node, on_master)
        yield
    finally:
        if not was_cordoned:
            on_master.run(f"{KUBECTL} uncordon %s", node.name)


def restart(node: Node, host: Host, change: Change, on_master: Change) -> None:
    """Restart a host and wait until its kubelet runs, the API server answers and the node is Ready."""
    change.reboot()
    wait(host, change, HEALTHZ, "kubelet to be healthy", "journalctl -u kubelet")
    wait(on_master.host, on_master, f"{KUBECTL} get --raw /readyz", "the API server to be ready", "docker ps -a")
    ready = f"{KUBECTL} wait --for=condition=Ready node/{node.name} --timeout={READY}s"
    on_master.run(ready, deadline=READY + 30.0, text=f"wait for node {node.name} to be Ready")
