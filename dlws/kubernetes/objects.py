"""Pure functions on the JSON of Kubernetes objects."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import zip_longest
from typing import Any, Final

from dlws.kubernetes.selectors import fits
from dlws.parse.text import unparsable

Object = Mapping[str, Any]
"""An object of the Kubernetes API as JSON. It must not be modified, because several callers share it."""

PATIENCE: Final = timedelta(minutes=5)
"""How long a pod may take to start or to end."""
ERRORS: Final = frozenset(
    {"CrashLoopBackOff", "StartError", "RunContainerError", "RunInitContainerError", "VerifyNonRootError"}
    | {"ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable"}
    | {"ImageInspectError", "SignatureValidationFailed"}
    | {"CreateContainerConfigError", "CreateContainerError"}
    | {"PreCreateHookError", "PreStartHookError", "PostStartHookError"}
)
"""kubelet's reasons for a container that will not start by itself (its container/sync_result.go, images/types.go and
kuberuntime/kuberuntime_container.go)."""

_SUFFIXES: Final[Mapping[str, int | Decimal]] = {
    "": 1,
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "P": 10**15,
    "E": 10**18,
    "Ki": 1 << 10,
    "Mi": 1 << 20,
    "Gi": 1 << 30,
    "Ti": 1 << 40,
    "Pi": 1 << 50,
    "Ei": 1 << 60,
}
_ACCOUNT: Final = re.compile(r"system:serviceaccount:([^:]+):([^:]+)")
_QUANTITY: Final = re.compile(r"([+-]?[0-9.]{1,30}(?:[eE][+-]?[0-9]{1,3})?)([a-zA-Z]{0,2})")


def name_of(thing: Object) -> str:
    """`kube-system/coredns-74ff55c5b-x2x7k`; without a namespace the name alone."""
    about = thing["metadata"]
    return f"{about['namespace']}/{about['name']}" if about.get("namespace") else str(about["name"])


def title(thing: Object) -> str:
    """An object in words: `DaemonSet kube-system/kube-proxy`."""
    return f"{thing['kind']} {name_of(thing)}"


def instant(text: object) -> datetime:
    """A time as the API writes it: 2026-11-24T07:34:47Z, with or without microseconds."""
    try:
        time = datetime.fromisoformat(str(text))
    except ValueError:
        raise unparsable("API time", str(text or ""), "not understood" if text else "missing") from None
    if time.tzinfo is None:
        raise unparsable("API time", str(text), "no time zone in")
    return time


def quantity(text: object) -> Decimal:
    """A resource quantity: 100m, 1500Mi, 2, 1e3, 128974848."""
    parts = _QUANTITY.fullmatch(str(text))
    try:
        return Decimal(parts[1]) * _SUFFIXES[parts[2]]  # type: ignore[index]
    except (InvalidOperation, KeyError, TypeError):
        raise unparsable("API quantity", str(text)) from None


def status_of(thing: Object) -> Object:
    """What the cluster says of an object; nothing as long as nobody has said anything."""
    return thing.get("status") or {}


def condition(thing: Object, kind: str) -> str:
    """The status of a condition (`Ready`): True, False or Unknown; empty when the object has no such condition."""
    conditions = status_of(thing).get("conditions") or ()
    return next((str(c["status"]) for c in conditions if c["type"] == kind), "")


def condition_in_words(thing: Object, kind: str) -> str:
    """A condition with its reason and message, for people."""
    conditions = status_of(thing).get("conditions") or ()
    found = next((c for c in conditions if c["type"] == kind), dict[str, str]())
    words = [str(found[key]) for key in ("status", "reason", "message") if found.get(key)]
    return ": ".join(words) or "no such condition"


def is_ready(thing: Object) -> bool:
    """Whether a node or a pod is ready."""
    return condition(thing, "Ready") == "True"


def is_finished(pod: Object) -> bool:
    """Whether a pod has succeeded, as a job's pod does."""
    return bool(pod["status"].get("phase") == "Succeeded")


def has_failed(pod: Object) -> bool:
    """Whether a pod has ended, and not well."""
    return bool(pod["status"].get("phase") == "Failed")


def texts_of(config_map: Object) -> list[tuple[str, str]]:
    """What a ConfigMap holds, by key; `kubectl create configmap` puts a file that is not UTF-8 into `binaryData`."""
    binary = config_map.get("binaryData") or {}
    decoded = [(key, base64.b64decode(value).decode("utf-8", "replace")) for key, value in binary.items()]
    return [*(config_map.get("data") or {}).items(), *decoded]


def job_of(pod: Object) -> str:
    """The Job that a pod belongs to, `default/train`; empty for a pod of none."""
    return _controller(pod, "Job")


def cron_job_of(job: Object) -> str:
    """The CronJob that a Job is a run of, `default/backup`; empty for a Job of none."""
    return _controller(job, "CronJob")


def _controller(thing: Object, kind: str) -> str:
    owners = thing["metadata"].get("ownerReferences") or ()
    name = next((str(o["name"]) for o in owners if o.get("kind") == kind and o.get("controller")), "")
    return f"{thing['metadata']['namespace']}/{name}" if name else ""


def is_being_deleted(thing: Object) -> bool:
    """Whether an object is being deleted."""
    return "deletionTimestamp" in thing["metadata"]


def containers(pod: Object) -> list[Object]:
    """The statuses of a pod's containers, init containers first."""
    status = pod["status"]
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def errors(pod: Object) -> list[str]:
    """Containers that do not start: `coredns CrashLoopBackOff after OOMKilled`, with the reason of the last exit.

    Old kubelets write what ails a hook into the reason: `PostStartHookError: command '...' exited with 126: ...`
    (kubernetes/kube-state-metrics#849).
    """
    failing = []
    for container in containers(pod):
        reason = str(_state(container, "waiting").get("reason", "")).partition(":")[0]
        if reason in ERRORS:
            died = _last_end(container).get("reason", "")
            failing.append(f"{container['name']} {reason}" + (f" after {died}" if died else ""))
    return failing


def out_of_memory(pod: Object, since: datetime) -> list[str]:
    """Containers that were killed for lack of memory since then, as they last ended, with the time if it is known.

    One that is not started again, or not yet, has ended now; of one that runs again its last run has.
    """
    ended = ((c["name"], _state(c, "terminated") or _last_end(c)) for c in containers(pod))
    killed = [(name, last.get("finishedAt")) for name, last in ended if last.get("reason") == "OOMKilled"]
    return [f"{name} at {at}" if at else str(name) for name, at in killed if not at or instant(at) >= since]


def _state(container: Object, kind: str) -> Object:
    """What a container `running`, `waiting` or `terminated` is; nothing unless it is so now."""
    return (container.get("state") or {}).get(kind) or {}


def _last_end(container: Object) -> Object:
    """How the run before this one ended; nothing where there was none."""
    return (container.get("lastState") or {}).get("terminated") or {}


def is_unready(pod: Object) -> bool:
    """Whether a pod runs and is not ready, for another reason than that some of its containers have done their work.

    Those of a pod that is not restarted (a job's) end one by one.
    """
    if pod["status"].get("phase") != "Running" or is_ready(pod):
        return False
    if pod["spec"].get("restartPolicy", "Always") == "Always":
        return True
    statuses = pod["status"].get("containerStatuses") or ()
    working = [container for container in statuses if not ended_well(container)]
    return len(working) == len(statuses) or not all(container.get("ready") for container in working)


def ended_well(container: Object) -> bool:
    """Whether a container has ended with status 0."""
    ended = (container.get("state") or {}).get("terminated")  # with the status 0 alone it may be empty
    return ended is not None and int(ended.get("exitCode", 0)) == 0


def restarts(pod: Object) -> int:
    """The highest restart count of its containers."""
    return max((int(c["restartCount"]) for c in containers(pod)), default=0)


def stuck(pod: Object, now: datetime) -> str:
    """Why a pod is taking too long to start or to end, by the API server's clock; empty if it is not."""
    about, status = pod["metadata"], pod["status"]
    if is_being_deleted(pod):  # the stamp already includes its grace period
        late = now - instant(about["deletionTimestamp"])
        return f"Terminating for {_minutes(late)} more than granted" if late > PATIENCE else ""
    if has_failed(pod):
        return "" if _was_done_before(pod) else f"Failed ({_reason(pod)})"
    if status.get("phase") == "Unknown":
        return f"phase Unknown ({_reason(pod)})"
    waited = now - instant(about["creationTimestamp"])
    if status.get("phase") != "Pending" or waited <= PATIENCE:
        return ""
    placed = next((c for c in status.get("conditions") or () if c["type"] == "PodScheduled"), dict[str, str]())
    why = (
        str(placed["message"])
        if placed.get("status") == "False" and placed.get("message")
        else (_exits(pod) or _waits(pod))
    )
    return f"Pending for {_minutes(waited)}" + (f": {why}" if why else "")


def _reason(pod: Object) -> str:
    """Why a pod failed: by its own reason and message, or by what its containers ended with."""
    status = pod["status"]
    words = [str(status[key]) for key in ("reason", "message") if status.get(key)] or [_exits(pod)]
    return ": ".join(word for word in words if word) or "no reason given"


def _exits(pod: Object) -> str:
    """The containers that ended badly: `init ended with 1 (Error)`."""
    ended = [(c["name"], _state(c, "terminated") or _last_end(c)) for c in containers(pod)]
    return ", ".join(f"{n} ended with {e['exitCode']} ({e.get('reason', '')})" for n, e in ended if e.get("exitCode"))


def _waits(pod: Object) -> str:
    """What its containers wait for: `main: ImageInspectError`."""
    waiting = [(c["name"], _state(c, "waiting")) for c in containers(pod)]
    return ", ".join(f"{name}: {wait['reason']}" for name, wait in waiting if wait.get("reason"))


def _was_done_before(pod: Object) -> bool:
    """A finished pod that a restarted kubelet refused again (kubernetes/kubernetes#117955)."""
    own = pod["status"].get("containerStatuses") or ()
    return bool(own) and pod["status"].get("reason") == "UnexpectedAdmissionError" and all(map(ended_well, own))


def on_nodes(pods: Iterable[Object], names: Iterable[str]) -> list[Object]:
    """The pods that are placed on one of these nodes, or on none yet."""
    nodes = {*names, ""}
    return [pod for pod in pods if (pod["spec"].get("nodeName") or "") in nodes]


def ready_names(nodes: Iterable[Object]) -> list[str]:
    """The names of the ready nodes; a pod on any other node is covered by that node's own finding."""
    return [str(node["metadata"]["name"]) for node in nodes if is_ready(node)]


def selected(pods: Iterable[Object], workload: Object) -> list[Object]:
    """The pods of a DaemonSet, Deployment or StatefulSet, by its label selector."""
    selector, namespace = workload["spec"]["selector"], workload["metadata"]["namespace"]
    own = (pod for pod in pods if pod["metadata"]["namespace"] == namespace)
    return [pod for pod in own if fits(selector, pod["metadata"].get("labels") or {})]


def installs_network_plugins(workload: Object) -> bool:
    """Whether its pods have the host's folder of network plugins, or one above it: cilium has, cilium-envoy has not."""
    volumes = workload["spec"]["template"]["spec"].get("volumes") or ()
    paths = [str((volume.get("hostPath") or {}).get("path", "")).rstrip("/") for volume in volumes]
    return any(path in ("/etc", "/etc/cni", "/etc/cni/net.d", "/opt", "/opt/cni", "/opt/cni/bin") for path in paths)


def _left_behind(workload: Object, desired: int) -> int:
    """How many pods may have an older revision: all with `OnDelete`, else a StatefulSet's partition."""
    strategy = workload["spec"].get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return desired
    return int((strategy.get("rollingUpdate") or {}).get("partition") or 0)


def shortfall(workload: Object) -> tuple[str, int, int]:
    """For a DaemonSet, Deployment or StatefulSet: what is counted, the number desired, the number ready.

    If the controller has not observed the last change yet, none counts as ready. A Deployment that rolls out may have
    more pods than desired (maxSurge): those of them that are old are taken to be ready.
    """
    status, about = workload.get("status") or {}, workload["metadata"]
    if "desiredNumberScheduled" in status:
        keys = ("desiredNumberScheduled", "updatedNumberScheduled", "numberReady")
        desired, updated, ready = (int(status.get(key, 0)) for key in keys)
        there = desired
    else:
        desired = int(workload["spec"].get("replicas", 1))
        updated, ready, there = (int(status.get(key, 0)) for key in ("updatedReplicas", "readyReplicas", "replicas"))
    if int(status.get("observedGeneration", 0)) < int(about.get("generation", 0)):
        return "ready of the latest generation", desired, 0
    current = updated + _left_behind(workload, desired)
    surplus = max(0, there - max(desired, current))
    return "updated and ready", desired, max(0, min(current, ready - surplus))


def flags(pod: Object) -> dict[str, str]:
    """The flags of a static control-plane pod: {"service-cluster-ip-range": "10.3.0.0/16"}.

    Without a `=` the next word is the value, unless it is a flag, too: then this one is a switch, and is on (pflag, and
    Go's flag in etcd, which takes a single dash, too).
    """
    words = [str(w) for c in pod["spec"]["containers"] for w in [*(c.get("command") or ()), *(c.get("args") or ())]]
    found = {}
    for word, following in zip_longest(words, words[1:], fillvalue="-"):
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-") and name:
            found[name] = value if equals else "true" if following.startswith("-") else following
    return found


def subjects(binding: Object) -> list[Object]:
    """To whom a binding gives its role: service accounts as such, also where they are named as the user that each is.

    It is `system:serviceaccount:NAMESPACE:NAME` (kubernetes.io, Using RBAC Authorization).
    """
    return [_account(subject) for subject in binding.get("subjects") or ()]


def _account(subject: Object) -> Object:
    own = _ACCOUNT.fullmatch(str(subject["name"])) if subject["kind"] == "User" else None
    return {"kind": "ServiceAccount", "namespace": own[1], "name": own[2]} if own else subject


def requested(pods: Iterable[Object], resource: str) -> Decimal:
    """What the scheduler keeps for pods of `cpu` (cores) or `memory` (bytes)."""
    return sum((_request(pod["spec"], resource) for pod in pods), Decimal(0))


def _request(spec: Object, resource: str) -> Decimal:
    """A pod's: of its containers and sidecars together, or of an init container that wants more; and its overhead.

    An init container that is restarted, a sidecar, goes on beside those after it. From Kubernetes 1.32 on a pod may ask
    for itself as a whole, in the place of its containers (component-helpers' PodRequests).
    """
    whole = (spec.get("resources") or {}).get("requests") or {}
    if resource in whole:
        return quantity(whole[resource]) + _amount(spec.get("overhead"), resource)
    lasting = peak = Decimal(0)
    for container in spec.get("initContainers") or ():
        own = _amount((container.get("resources") or {}).get("requests"), resource)
        peak = max(peak, lasting + own)
        lasting += own if container.get("restartPolicy") == "Always" else 0
    lasting += sum(_amount((c.get("resources") or {}).get("requests"), resource) for c in spec["containers"])
    return max(lasting, peak) + _amount(spec.get("overhead"), resource)


def _amount(resources: Object | None, resource: str) -> Decimal:
    return quantity((resources or {}).get(resource, "0"))


def _minutes(span: timedelta) -> str:
    return f"{int(span.total_seconds() // 60)} min"
