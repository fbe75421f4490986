"""How a service of the platform is: its objects against what would be applied, its pods, and why they do not run."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from dlws.config.cluster import Cluster
from dlws.facts import rendered
from dlws.inventory import Arch
from dlws.kubernetes import apply_plan, pod_trouble
from dlws.kubernetes.apply_plan import Effect
from dlws.kubernetes.objects import Object, is_finished, is_ready, name_of, shortfall
from dlws.platform.services import Service, Workload
from dlws.record.answer import ApiUnreachable
from dlws.remote.kubernetes import Kubernetes
from dlws.remote.notes import Notes

PLURAL = {"DaemonSet": "daemonsets", "Deployment": "deployments"}
LAST_WORDS = 6
"""Lines of a crashed container's log that are looked at for the reason."""
LONGEST = 240


def pending_changes(service: Service, cluster: Cluster, kube: Kubernetes, notes: Notes) -> list[str]:
    """What an apply of the service would do, object by object. Values stay here: a note has names and paths alone.

    What its own operator has yet to make known, or the object that needs it to, is left out: D10 says so.
    """
    question = f"objects of {service.name}"
    named = rendered.ask(notes, question, cluster, lambda p: [stub(m.object) for m in p.manifests(service.name)])
    live = {apply_plan.key_of(found): found for manifest in named if (found := kube.find(manifest)) is not None}

    def compare() -> list[str]:
        wanted = rendered.of(cluster, lambda p: p.manifests(service.name))
        planned = apply_plan.plan((m.object for m in wanted), live)
        known = [p for p in planned if p.action is not Effect.CREATE or not awaits_operator(service, p.manifest)]
        return [str(p) for p in known if p.action is not Effect.KEEP]

    return notes.take(f"what an apply of {service.name} would do", compare)


def awaits_operator(service: Service, manifest: Any) -> bool:
    """Whether an object is of the kind that the service's own operator makes known."""
    return bool(service.crd) and str(manifest["apiVersion"]).startswith(service.crd.partition(".")[2] + "/")


def stub(manifest: Object) -> Object:
    """A manifest's name and kind, and nothing else of it."""
    about = {key: manifest["metadata"][key] for key in ("name", "namespace") if manifest["metadata"].get(key)}
    return {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"], "metadata": about}


def not_running(service: Service, cluster: Cluster, kube: Kubernetes) -> list[str]:
    """What of a service does not run, with the reason; workloads that need not work are left out.

    A DaemonSet's pod on a node that is not Ready is that node's trouble (K02): one host that is off stops no service.
    """
    there = {name_of(node): is_ready(node) for node in kube.list("nodes")}
    needed = [w for w in service.workloads if not w.optional]
    return [line for workload in needed for line in _not_running(workload, cluster, kube, there)]


def _not_running(workload: Workload, cluster: Cluster, kube: Kubernetes, there: Mapping[str, bool]) -> Iterator[str]:
    for arch in dict.fromkeys(node.arch for node in workload.nodes(cluster)):
        name = workload.object_name(arch)
        title = f"{workload.kind} {workload.namespace}/{name}"
        found = kube.get(PLURAL[workload.kind], name, namespace=workload.namespace)
        if found is None:
            yield f"{title} is missing"
            continue
        what, wanted, ready = shortfall(found)
        places = [n for n in workload.nodes(cluster) if n.name in there and (not workload.twin or n.arch is arch)]
        if workload.kind == "DaemonSet" and wanted < len(places):
            yield f"{title} is scheduled on {wanted} nodes, not {len(places)}: node labels are missing (K06)"
        pods = pods_of(workload, arch, kube)
        if workload.kind == "DaemonSet" and any(there[n.name] for n in places):
            wanted -= sum(not there.get(str(p["spec"].get("nodeName")), True) and not is_ready(p) for p in pods)
        if ready < wanted:
            reasons = [line for pod in pods for line in reasons_of(pod, kube)]
            yield f"{title}: {ready} of {wanted} {what}" + (f": {'; '.join(reasons)}" if reasons else "")
        for pod in filter(pod_trouble.comes_and_goes, pods):
            yield from (f"{name_of(pod)}: {line}" for line in pod_trouble.just_restarted(pod, kube.list("pods").at))


def pods_of(workload: Workload, arch: Arch, kube: Kubernetes) -> list[Object]:
    """The pods of a workload that have not ended well."""
    label, _, value = workload.pod_selector(arch).partition("=")
    pods = (p for p in kube.list("pods") if p["metadata"].get("namespace") == workload.namespace)
    return [p for p in pods if (p["metadata"].get("labels") or {}).get(label) == value and not is_finished(p)]


def reasons_of(pod: Object, kube: Kubernetes) -> list[str]:
    """Why a pod is not ready, behind it the last words of a container that crashed."""
    where = f" on {pod['spec']['nodeName']}" if pod["spec"].get("nodeName") else ""
    reasons = [f"{name_of(pod)}{where}: {line}" for line in pod_trouble.why(pod)]
    words = [text for name in pod_trouble.crashed(pod) if (text := last_words(pod, name, kube))]
    return [*reasons, *words] if reasons else []


def last_words(pod: Object, container: str, kube: Kubernetes) -> str:
    """The end of what a crashed container wrote; nothing where the log is gone."""
    about = pod["metadata"]
    log = f"/api/v1/namespaces/{about['namespace']}/pods/{about['name']}/log?container={container}"
    for path in (f"{log}&previous=true&tailLines={LAST_WORDS}", f"{log}&tailLines={LAST_WORDS}"):
        answer = kube.answer(path)
        lines = [line.strip() for line in answer.text.splitlines() if line.strip()]
        if answer.rc == 0 and lines:
            telling = [line for line in lines if re.search(r"(?i)error|fatal|panic|emerg|denied|cannot|failed", line)]
            return f"last log line of {container}: {(telling or lines)[-1][:LONGEST]}"
    return ""


def pods_there(service: Service, cluster: Cluster, kube: Kubernetes) -> frozenset[str]:
    """The UIDs of a service's pods; none where the cluster is not there yet (in a plan)."""
    try:
        return frozenset(str(pod["metadata"].get("uid")) for pod in _pods(service.workloads, cluster, kube))
    except ApiUnreachable:
        return frozenset()


def hopeless_pods(
    workloads: Iterable[Workload], cluster: Cluster, kube: Kubernetes, replaced: Collection[str]
) -> list[str]:
    """The pods for which waiting will not help, with the reason; those that are being replaced, by UID, are none."""
    return [
        line
        for pod in _pods(workloads, cluster, kube)
        if str(pod["metadata"].get("uid")) not in replaced and pod_trouble.is_hopeless(pod)
        for line in reasons_of(pod, kube)
    ]


def _pods(workloads: Iterable[Workload], cluster: Cluster, kube: Kubernetes) -> Iterator[Object]:
    for workload in workloads:
        for arch in dict.fromkeys(node.arch for node in workload.nodes(cluster)):
            yield from pods_of(workload, arch, kube)
