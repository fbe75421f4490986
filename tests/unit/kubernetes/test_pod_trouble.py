"""Why a pod does not come up, in words, and when waiting no longer helps."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from dlws.kubernetes import pod_trouble


def pod(state: dict[str, Any], last: dict[str, Any] | None = None, restarts: int = 0) -> dict[str, Any]:
    container = {"name": "web", "ready": False, "restartCount": restarts, "state": state, "lastState": last or {}}
    return {"metadata": {"name": "web-1"}, "status": {"phase": "Pending", "containerStatuses": [container]}}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


DIED = {"terminated": {"exitCode": 1, "reason": "Error"}}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (pod(waiting("ErrImagePull", "manifest  unknown\n")), "web ErrImagePull: manifest unknown"),
        (pod(waiting("CrashLoopBackOff", "back-off"), DIED), "web CrashLoopBackOff: Error (exit status 1)"),
        (pod({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}), "web: OOMKilled (exit status 137)"),
        (pod(waiting("ContainerCreating")), "Pending, web not ready"),
        (pod({"running": {}}), "Pending, web not ready"),
    ],
)
def test_a_container_says_why(found: dict[str, Any], said: str) -> None:
    assert pod_trouble.why(found) == [said]


AGAIN = "web runs again since 12 s, restart 3: Error (exit status 1)"


@pytest.mark.parametrize(("second", "said"), [(12, [AGAIN]), (31, [])])
def test_a_restarted_container_must_run_for_half_a_minute(second: int, said: list[str]) -> None:
    found = pod({"running": {"startedAt": "2026-11-27T14:00:00Z"}}, DIED, restarts=3)
    found["status"]["containerStatuses"][0]["ready"] = True
    assert [container["name"] for container in pod_trouble.comes_and_goes(found)] == ["web"]
    assert pod_trouble.just_restarted(found, datetime(2026, 11, 27, 14, 0, second, tzinfo=UTC)) == said


def test_a_pod_that_is_placed_nowhere_says_what_the_scheduler_says() -> None:
    condition = {"type": "PodScheduled", "status": "False", "message": "0/4 nodes are available"}
    found = {"metadata": {"name": "x"}, "status": {"phase": "Pending", "conditions": [condition]}}
    assert pod_trouble.why(found) == ["is placed nowhere: 0/4 nodes are available"]


def test_a_pod_that_is_ready_has_no_trouble() -> None:
    ready = {"metadata": {"name": "x"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    assert pod_trouble.why(ready) == []


@pytest.mark.parametrize(
    ("found", "hopeless"),
    [
        (pod(waiting("ErrImagePull", "manifest for x not found")), True),
        (pod(waiting("ErrImagePull", "dial tcp: connection refused")), False),
        (pod(waiting("InvalidImageName")), True),
        (pod(waiting("CrashLoopBackOff"), DIED, restarts=2), False),
        (pod(waiting("CrashLoopBackOff"), DIED, restarts=4), True),
        (pod(waiting("ContainerCreating")), False),
    ],
)
def test_waiting_helps_or_not(found: dict[str, Any], hopeless: bool) -> None:
    assert pod_trouble.is_hopeless(found) is hopeless


def test_a_pod_that_is_on_its_way_out_is_no_reason_to_give_up() -> None:
    found = pod(waiting("CrashLoopBackOff"), DIED, restarts=9)
    found["metadata"]["deletionTimestamp"] = "2026-11-27T05:30:00Z"
    assert not pod_trouble.is_hopeless(found)


def test_what_the_kubelet_asks_a_container_that_runs_for_is_named() -> None:
    found = pod({"running": {}})
    probe = {"httpGet": {"path": "/html/index.html", "port": 80}}
    found["spec"] = {"containers": [{"name": "web", "readinessProbe": probe}]}
    assert pod_trouble.why(found) == ["Pending, web (asked for :80/html/index.html) not ready"]
