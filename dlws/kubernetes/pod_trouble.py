"""Why a pod does not come up, in words, and whether waiting can help."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from dlws.kubernetes.objects import ERRORS, Object, containers, ended_well, instant, is_being_deleted, is_ready

ON_ITS_WAY: Final = frozenset({"ContainerCreating", "PodInitializing"})
"""Reasons for waiting that are normal and explain nothing."""
ENOUGH_CRASHES: Final = 4
"""Restarts after which a crash counts as recurring; with kubelet's back-off they take two minutes."""
STEADY: Final = 30
"""Seconds that a container must have run since its last crash to count as running."""
_NO_SUCH_IMAGE: Final = re.compile(
    r"not found|manifest unknown|no matching manifest|access denied|does not exist|name unknown", re.IGNORECASE
)
_LONGEST: Final = 240
"""Characters of a message from kubelet or the scheduler that are shown."""


def why(pod: Object) -> list[str]:
    """Why a pod is not ready, one line for each container that is not; empty for a ready pod."""
    if is_ready(pod):
        return []
    if is_being_deleted(pod):
        return ["is being deleted"]
    reasons = [line for container in containers(pod) if (line := _container_trouble(container))]
    if reasons:
        return reasons
    placed = _condition(pod, "PodScheduled")
    if placed.get("status") == "False":
        return [f"is placed nowhere: {_short(placed.get('message') or placed.get('reason') or 'no reason given')}"]
    waiting = [_probed(pod, str(c["name"])) for c in containers(pod) if not c.get("ready") and not ended_well(c)]
    phase = str(pod["status"].get("phase", "Unknown"))
    message = _short(pod["status"].get("message") or pod["status"].get("reason") or "")
    return [f"{phase}: {message}" if message else f"{phase}, {', '.join(waiting) or 'its containers'} not ready"]


def _probed(pod: Object, name: str) -> str:
    """A container's name, and the URL with which the kubelet asks whether it is ready."""
    probes = [c.get("readinessProbe") or {} for c in (pod.get("spec") or {}).get("containers", ()) if c["name"] == name]
    asked = probes[0].get("httpGet") if probes else None
    return f"{name} (asked for :{asked.get('port')}{asked.get('path', '/')})" if asked else name


def crashed(pod: Object) -> list[str]:
    """The names of the containers that crashed and are not ready again, so that their log is worth reading."""
    return [str(c["name"]) for c in containers(pod) if _died(c) and not c.get("ready")]


def comes_and_goes(pod: Object) -> list[Object]:
    """The containers that are ready but have crashed; a program that exits at once is ready for a moment each time."""
    return [c for c in containers(pod) if _died(c) and c.get("ready")]


def just_restarted(pod: Object, now: datetime) -> list[str]:
    """A line for each container that has crashed and has run again for less than half a minute."""
    restarted = []
    for container in comes_and_goes(pod):
        since = (now - instant((container["state"].get("running") or {}).get("startedAt"))).total_seconds()
        if since < STEADY:
            died = (container.get("lastState") or {}).get("terminated") or {}
            restarts = int(container.get("restartCount", 0))
            restarted.append(f"{container['name']} runs again since {since:.0f} s, restart {restarts}: {_death(died)}")
    return restarted


def is_hopeless(pod: Object) -> bool:
    """Whether waiting will not help: the image does not exist, its name or the pod's configuration is invalid, or a
    container keeps crashing. Never of a pod that is on its way out, whose trouble is over."""
    if is_being_deleted(pod):
        return False
    for container in containers(pod):
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason, message = waiting.get("reason", ""), str(waiting.get("message", ""))
        if reason in ("InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"):
            return True
        if reason in ("ErrImagePull", "ImagePullBackOff") and _NO_SUCH_IMAGE.search(message):
            return True
        if reason == "CrashLoopBackOff" and int(container.get("restartCount", 0)) >= ENOUGH_CRASHES:
            return True
    return False


def _container_trouble(container: Object) -> str:
    state = container.get("state") or {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    name, reason = container["name"], waiting.get("reason", "")
    if reason == "CrashLoopBackOff":
        died = (container.get("lastState") or {}).get("terminated") or {}
        return f"{name} CrashLoopBackOff" + (f": {_death(died)}" if died else "")
    if reason and reason not in ON_ITS_WAY:
        message = _short(waiting.get("message") or "")
        return f"{name} {reason}" + (f": {message}" if message and reason in ERRORS else "")
    if ended and int(ended.get("exitCode", 0)):
        return f"{name}: {_death(ended)}"
    return ""


def _death(ended: Object) -> str:
    message = _short(ended.get("message") or "")
    words = f"{ended.get('reason') or 'ended'} (exit status {ended.get('exitCode', 'unknown')})"
    return f"{words}: {message}" if message else words


def _died(container: Object) -> bool:
    state, last = container.get("state") or {}, container.get("lastState") or {}
    ended = state.get("terminated") or last.get("terminated") or {}
    return bool(ended) and int(ended.get("exitCode", 0)) != 0


def _condition(pod: Object, kind: str) -> Object:
    return next((c for c in pod["status"].get("conditions") or () if c["type"] == kind), {})


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}…"
