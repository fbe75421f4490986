"""W: pods and what runs them. Pods on a node that is not ready are that node's finding (K02), not theirs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect
from dlws.engine.targets import whole_cluster
from dlws.facts.control_plane import COMPONENTS, label_of
from dlws.facts.workloads import claims_that_may_wait, living_pods, orphans, phases, without_past_attempts
from dlws.kubernetes import objects
from dlws.platform import services
from dlws.remote.kubernetes import Kubernetes
from dlws.verdict import Severity

RESTARTS = 30  # upstream check_k8s.py 06
DAY = timedelta(days=1)
KINDS = ("deployments", "daemonsets", "statefulsets")


@check(
    "W01",
    section="3.11",
    source="upstream check_k8s.py 06",
    on=whole_cluster,
    title_zh="所有 Pod 运行且就绪",
    fix="check the pod with kubectl describe pod and kubectl logs",
)
def test_pods_are_ready(cluster: Cluster, kube: Kubernetes) -> None:
    """Every running pod is ready (W05 judges pending pods, W03 failing containers)."""
    unready = [
        f"{objects.name_of(pod)} on {pod['spec']['nodeName']}"
        for pod in ordinary(cluster, kube)
        if objects.is_unready(pod) and not objects.is_being_deleted(pod) and not objects.errors(pod)
    ]
    expect("pods that are not ready", found=unready, expected=[])


@check(
    "W02",
    section="3.11",
    source="upstream check_k8s.py 06",
    on=whole_cluster,
    severity=Severity.WARNING,
    title_zh="容器重启次数不超过 30 次",
    fix="see why it exited with kubectl logs --previous",
)
def test_pods_do_not_keep_restarting(kube: Kubernetes) -> None:
    """No container has restarted more than 30 times."""
    often = {objects.name_of(pod): objects.restarts(pod) for pod in living_pods(kube)}
    many = [f"{n}: {count}" for n, count in often.items() if count > RESTARTS]
    expect("pods with too many restarts", found=many, expected=[])


@check(
    "W03",
    section="3.11",
    source="kubelet reasons",
    on=whole_cluster,
    title_zh="没有容器反复崩溃或无法启动",
    fix="see kubectl describe pod for a missing image, a wrong architecture or a bad configuration",
)
def test_containers_come_up(cluster: Cluster, kube: Kubernetes) -> None:
    """No container keeps crashing, lacks its image or cannot be created."""
    failing = [
        f"{objects.name_of(p)}: {', '.join(found)}" for p in ordinary(cluster, kube) if (found := objects.errors(p))
    ]
    expect("containers that do not start", found=failing, expected=[])


@check(
    "W13",
    section="3.11",
    source="kubelet OOMKilled",
    on=whole_cluster,
    severity=Severity.WARNING,
    title_zh="没有容器因内存不足被终止",
    fix="raise the container's memory limit",
)
def test_no_container_ran_out_of_memory(kube: Kubernetes) -> None:
    """No container was OOM-killed in the last 24 hours."""
    since = kube.list("pods").at - DAY
    ended = {objects.name_of(pod): objects.out_of_memory(pod, since) for pod in living_pods(kube)}
    killed = [f"{name}: {', '.join(found)}" for name, found in ended.items() if found]
    expect("OOM-killed containers", found=killed, expected=[])


@check(
    "W04",
    section="3.11",
    source="helm --wait",
    on=whole_cluster,
    title_zh="Deployment、DaemonSet、StatefulSet 的 Pod 全部更新并就绪",
    fix="see kubectl rollout status, and kubectl describe pod for those that are missing",
)
def test_workloads_have_converged(cluster: Cluster, kube: Kubernetes) -> None:
    """Every Deployment, DaemonSet and StatefulSet has all its pods updated and ready.

    A pod already reported by W01, W03, W05 or its node is not reported again for its owner.
    """
    pods, now = [p for p in kube.list("pods") if not objects.is_finished(p)], kube.list("pods").at
    sound = [pod for pod in living_pods(kube) if not in_trouble(pod, now)]
    short = []
    for kind in KINDS:
        for workload in (w for w in kube.list(kind) if not is_platforms(cluster, w)):
            what, wanted, there = objects.shortfall(workload)
            told = len(objects.selected(pods, workload)) - len(objects.selected(sound, workload))
            if there < wanted - told:
                short.append(f"{kind} {objects.name_of(workload)}: {there} of {wanted} {what}")
    expect("workloads that have not converged", found=short, expected=[])


@check(
    "W05",
    section="3.11",
    source="upstream alert ServicePodNotRunning",
    on=whole_cluster,
    title_zh="没有长时间 Pending、失败或未能终止的 Pod",
    fix="see what it waits for with kubectl describe pod; delete evicted pods",
)
def test_no_pod_is_stuck(cluster: Cluster, kube: Kubernetes) -> None:
    """No pod is Pending for more than 5 minutes, failed, stuck terminating, or on a node that does not exist.

    A failed attempt of a Job that has completed since is none, nor is a failed run of a CronJob before a good one.
    """
    now, pods = kube.list("pods").at, without_past_attempts(kube, ordinary(cluster, kube))
    stuck = [
        f"{objects.name_of(pod)}: {why}" for pod in pods if (why := objects.stuck(pod, now)) and not objects.errors(pod)
    ]
    stuck += [f"{name}: on a node that does not exist" for name in orphans(kube, pods)]
    expect("stuck or failed pods", found=stuck, expected=[])


@check(
    "W06",
    section="3.11",
    source="troubleshoot",
    on=whole_cluster,
    severity=Severity.WARNING,
    title_zh="PV 与 PVC 状态正常且均已绑定",
    fix="see the reason with kubectl describe pv,pvc",
)
def test_volumes_are_bound(kube: Kubernetes) -> None:
    """Every persistent volume claim is bound, and no persistent volume is failed or released.

    A claim that no pod uses yet may wait for one, where its class says so (volumeBindingMode WaitForFirstConsumer).
    """
    may_wait = claims_that_may_wait(kube)
    claims = [
        f"claim {name}: {phase}"
        for name, phase in phases(kube, "persistentvolumeclaims")
        if phase != "Bound" and (phase != "Pending" or name not in may_wait)
    ]
    volumes = [f"volume {n}: {p}" for n, p in phases(kube, "persistentvolumes") if p not in ("Bound", "Available")]
    expect("unhealthy claims and volumes", found=claims + volumes, expected=[])


def ordinary(cluster: Cluster, kube: Kubernetes) -> list[Any]:
    """Those of `living` that are not the control plane's (C03), kube-proxy (C10), or the platform's (D30 to D39).

    These are judged there.
    """
    return [p for p in living_pods(kube) if not is_platforms(cluster, p) and not is_kubernetes_own(cluster, p)]


def is_kubernetes_own(cluster: Cluster, pod: Any) -> bool:
    """Whether a pod is one of those that C03 and C10 look at; others may have their labels."""
    if pod["metadata"]["namespace"] != "kube-system":
        return False
    on_master = pod["spec"].get("nodeName") == cluster.master.name
    return (on_master and label_of(pod, "component") in COMPONENTS) or label_of(pod, "k8s-app") == "kube-proxy"


def is_platforms(cluster: Cluster, thing: Any) -> bool:
    """Whether a pod or what runs it is one of the platform's services, where the platform is part of the cluster."""
    return cluster.dlworkspace is not None and services.is_platforms(thing)


def in_trouble(pod: Any, now: datetime) -> bool:
    """Whether it is a finding of W01, W03 or W05."""
    return bool(objects.is_unready(pod) or objects.errors(pod) or objects.stuck(pod, now))
