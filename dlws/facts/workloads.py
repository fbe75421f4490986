"""Pods and volumes, as the API server lists them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from dlws.kubernetes import objects
from dlws.kubernetes.objects import Object
from dlws.remote.kubernetes import Kubernetes


def living_pods(kube: Kubernetes) -> list[Any]:
    """The pods that have not ended well and are not on a node that is itself in trouble."""
    troubled = {str(node["metadata"]["name"]) for node in kube.list("nodes") if not objects.is_ready(node)}
    pods = kube.list("pods")
    return [p for p in pods if p["spec"].get("nodeName") not in troubled and not objects.is_finished(p)]


def orphans(kube: Kubernetes, pods: Iterable[Object]) -> list[str]:
    """The pods that are placed on a node that does not exist, which nobody ends: `default/web-1`."""
    nodes = {str(node["metadata"]["name"]) for node in kube.list("nodes")} | {""}
    return [objects.name_of(pod) for pod in pods if (pod["spec"].get("nodeName") or "") not in nodes]


def without_past_attempts(kube: Kubernetes, pods: list[Any]) -> list[Any]:
    """The pods without the failed ones of a Job that has completed since: it tries again, and keeps what failed.

    So does a CronJob with its failed runs (failedJobsHistoryLimit), after which a later run has completed. The Jobs are
    asked for only where a pod of one has failed.
    """
    failed = {objects.name_of(pod): job for pod in pods if (job := objects.job_of(pod)) and objects.has_failed(pod)}
    if not failed:
        return pods
    jobs = kube.list("jobs")
    complete = [job for job in jobs if objects.condition(job, "Complete") == "True"]
    good = sorted(filter(objects.cron_job_of, complete), key=_created)
    last = {objects.cron_job_of(one): _created(one) for one in good}
    past = [one for one in jobs if (cron := objects.cron_job_of(one)) in last and _created(one) < last[cron]]
    done = {objects.name_of(job) for job in (*complete, *past)}
    return [pod for pod in pods if failed.get(objects.name_of(pod)) not in done]


def _created(thing: Object) -> datetime:
    return objects.instant(thing["metadata"].get("creationTimestamp"))


def phases(kube: Kubernetes, resource: str) -> list[tuple[str, str]]:
    """Name and phase of each object."""
    return [(objects.name_of(o), str((o.get("status") or {}).get("phase"))) for o in kube.list(resource)]


def claims_that_may_wait(kube: Kubernetes) -> set[str]:
    """The persistent volume claims that may wait for a pod to use them, and that none does: `{"default/data"}`.

    Their class says so (volumeBindingMode WaitForFirstConsumer), which is named in them, or in the annotation of old.
    Without a class they are meant for volumes made by hand.
    """
    waiting = {
        str(one["metadata"]["name"])
        for one in kube.list("storageclasses")
        if one.get("volumeBindingMode") == "WaitForFirstConsumer"
    }
    claims = {objects.name_of(claim): _class_of(claim) for claim in kube.list("persistentvolumeclaims")}
    used = _claims_in_use(kube)
    return {name for name, kind in claims.items() if kind in ("", *waiting) and name not in used}


def _class_of(claim: Object) -> str:
    written = (claim["metadata"].get("annotations") or {}).get("volume.beta.kubernetes.io/storage-class")
    return str(written or (claim.get("spec") or {}).get("storageClassName") or "")


def _claims_in_use(kube: Kubernetes) -> set[str]:
    """The claims of pods: those that they mount by name, and those made for them alone (generic ephemeral volumes)."""
    found = set[str]()
    for pod in kube.list("pods"):
        name = objects.name_of(pod)
        for volume in pod["spec"].get("volumes") or ():
            if volume.get("persistentVolumeClaim"):
                found.add(f"{pod['metadata']['namespace']}/{volume['persistentVolumeClaim']['claimName']}")
            elif volume.get("ephemeral"):
                found.add(f"{name}-{volume['name']}")
    return found
