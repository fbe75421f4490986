"""`-m stop --stages SERVICE`, `-m restart --stages SERVICE`: one service of the platform, and no other.

`-m start --stages SERVICE` is the stage of the runbook that starts it (`install/s3_16_services.py`). A stop deletes the
service's workloads; its other objects, its data and its files stay. A restart marks the pod templates with the run's
name, so that Kubernetes replaces the pods as it does for any change: none is ever deleted without a successor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from checks.platform import services as checks
from dlws.config.cluster import Cluster
from dlws.engine.check import expect, goal
from dlws.engine.stage import stage
from dlws.engine.targets import platform_cluster
from dlws.facts import service_state
from dlws.facts.service_state import PLURAL
from dlws.inventory import Arch
from dlws.kubernetes.objects import Object, name_of, shortfall
from dlws.platform.services import SERVICES, Service, Workload
from dlws.remote.change import Change, ChangeFailed
from dlws.remote.kubernetes import Kubernetes
from install.s3_16_services import START, is_running

RESTARTED_BY = "dlws-suite/restarted-by"
"""The annotation of a pod template with the run that restarted it. It is patched, not applied, so that no later apply
takes it away and restarts the pods again."""
STOP = 5 * 60.0  # seconds for the pods to end; Kubernetes kills them after their grace period, 30 s by default


def of_each(make: Callable[[Service], Callable[..., None]]) -> dict[str, Callable[..., None]]:
    """By service, what is made for it."""
    return {service.name: make(service) for service in SERVICES}


def _stopped(service: Service) -> Callable[..., None]:
    @goal(
        "K96",
        name=f"{service.stage}_is_stopped",
        title=f"No workload of {service.name} is there, and no pod of it.",
        section="stop",
        source="upstream kubernetes stop",
        on=platform_cluster,
        title_zh=f"服务 {service.name} 已停止",
        fix="see kubectl describe pod of those that do not end",
    )
    def stopped(cluster: Cluster, kube: Kubernetes) -> None:
        there = [f"{workload.kind} {name_of(live)}" for workload, live in _live(service, cluster, kube)]
        expect(f"workloads of {service.name}", found=there, expected=[])
        expect(f"pods of {service.name}", found=_pods(service, cluster, kube), expected=[])

    return stopped


def _restarted(service: Service) -> Callable[..., None]:
    @goal(
        "K97",
        name=f"{service.stage}_is_restarted",
        title=f"Every pod of {service.name} has been replaced in this run.",
        section="restart",
        source="upstream kubernetes restart",
        on=platform_cluster,
        title_zh=f"服务 {service.name} 已重启",
        fix="see kubectl describe pod and kubectl logs of the service",
    )
    def restarted(cluster: Cluster, kube: Kubernetes, run_name: str) -> None:
        live = list(_live(service, cluster, kube))
        old = [f"{workload.kind} {name_of(found)}" for workload, found in live if _mark(found) != run_name]
        expect("not restarted in this run", found=old, expected=[])
        short = [(name_of(found), *shortfall(found)) for workload, found in live if not workload.optional]
        slow = [f"{name}: {ready} of {wanted} {what}" for name, what, wanted, ready in short if ready < wanted]
        expect("pods that are still to be replaced", found=slow, expected=[])

    return restarted


IS_STOPPED = of_each(_stopped)
IS_RESTARTED = of_each(_restarted)


def _stop(service: Service) -> Callable[..., None]:
    @stage(
        section="stop",
        on=platform_cluster,
        commands=("stop",),
        proves=[IS_STOPPED[service.name]],
        name=f"{service.stage}_stopped",
        subject=service.stage,
        title=f"Stop {service.name}: delete its workloads, and wait until its pods have ended.",
    )
    def stop(cluster: Cluster, kube: Kubernetes, on_master: Change) -> None:
        for workload, live in _live(service, cluster, kube):
            about = live["metadata"]
            text = f"delete {workload.kind} {name_of(live)}"
            on_master.delete(PLURAL[workload.kind], about["name"], namespace=workload.namespace, text=text)
        on_master.wait_until(f"{service.name} has stopped", lambda: not _pods(service, cluster, kube), STOP)

    return stop


def _restart(service: Service) -> Callable[..., None]:
    @stage(
        section="restart",
        on=platform_cluster,
        commands=("restart",),
        proves=[IS_RESTARTED[service.name], checks.RUNS[service.name]],
        name=f"{service.stage}_restarted",
        subject=service.stage,
        title=f"Restart {service.name}: replace its pods, and wait until they are ready.",
    )
    def restart(cluster: Cluster, kube: Kubernetes, run_name: str, on_master: Change) -> None:
        live = list(_live(service, cluster, kube))
        if not live:
            raise ChangeFailed(f"{service.name} has not been started: pytest -m start --stages {service.stage}")
        replaced = service_state.pods_there(service, cluster, kube)
        patch = {"spec": {"template": {"metadata": {"annotations": {RESTARTED_BY: run_name}}}}}
        for workload, found in live:
            text = f"restart {workload.kind} {name_of(found)}"
            name = found["metadata"]["name"]
            on_master.patch(PLURAL[workload.kind], name, patch, namespace=workload.namespace, text=text)
        on_master.wait_until(f"{service.name} runs", partial(is_running, service, cluster, kube, replaced), START)

    return restart


def _live(service: Service, cluster: Cluster, kube: Kubernetes) -> Iterator[tuple[Workload, Object]]:
    """The workloads of a service that are in the cluster, of every architecture, each with its object."""
    for workload in service.workloads:
        for name in dict.fromkeys(workload.object_name(arch) for arch in Arch):
            if found := kube.get(PLURAL[workload.kind], name, namespace=workload.namespace):
                yield workload, found


def _pods(service: Service, cluster: Cluster, kube: Kubernetes) -> list[str]:
    """The pods of a service that have not ended."""
    pods = [
        name_of(pod)
        for workload in service.workloads
        for arch in cluster.archs
        for pod in service_state.pods_of(workload, arch, kube)
    ]
    return list(dict.fromkeys(pods))


def _mark(workload: Object) -> str:
    """The run that restarted a workload; empty if none did."""
    metadata = workload["spec"]["template"].get("metadata") or {}
    return str((metadata.get("annotations") or {}).get(RESTARTED_BY, ""))


STOPS = of_each(_stop)
RESTARTS = of_each(_restart)
"""The stages `mysql_stopped`, `mysql_restarted` and so on, which `--stages mysql` names too."""
