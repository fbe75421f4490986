"""An in-memory Kubernetes API that starts what is applied, and a scripted host that accepts stdin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fixtures.plugin  # noqa: F401  registers what stages ask for
from dlws.config.cluster import Cluster
from dlws.engine.proving import run_stage
from dlws.engine.site import Context, Site
from dlws.engine.stage import Stage, Step
from dlws.engine.waivers import Waivers
from dlws.inventory import Target
from dlws.record.answer import Answer
from dlws.record.evidence import Transcript
from dlws.record.ledger import ActionRow, Outcome
from dlws.record.redaction import Redactor
from dlws.remote.api_server import ApiRequest
from dlws.remote.change import Applier, Change, Planner
from dlws.remote.fleet import Fleet
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from tests.kits.proof_api import merged
from tests.kits.proof_platform import with_owner, with_platform
from tests.kits.scripted import Scripted

EMPTY: Any = {"objects": {"nodes": [], "pods": []}, "texts": {}}


@dataclass
class Fed(Scripted):
    """Records the stdin of its commands."""

    fed: list[tuple[str, bytes]] = field(default_factory=list)

    def run_active(self, command: str, *, stdin: bytes = b"", deadline: float = 30.0) -> Answer:
        if stdin:
            self.fed.append((command, stdin))
        return self._answer(command)


@dataclass
class MemoryApi:
    """Holds objects by path. An object that is applied gets, with its pods, the status that Kubernetes would give it.

    `broken` maps a pod's name to what is otherwise in it.
    """

    cluster: Cluster
    objects: dict[str, Any] = field(default_factory=dict)
    broken: dict[str, Any] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Set `whole`, the objects that would exist if everything were applied."""
        self.whole = with_platform(EMPTY, self.cluster)

    def ask(self, request: ApiRequest, deadline: float) -> Answer:
        path = request.path.partition("?")[0]
        if request.method in ("PATCH", "POST"):
            self._change(request, path)
            return self._answer(request, 200, {})
        if request.method == "DELETE":
            self.changed.append(f"DELETE {path}")
            self.objects.pop(path, None)
            return self._answer(request, 200, {})
        if path in self.whole["texts"]:
            return self._answer(request, 200, json.loads(self.whole["texts"][path]))
        if path in ("/api/v1/nodes", "/api/v1/pods"):
            return self._answer(request, 200, {"items": self._nodes() if "nodes" in path else self._pods()})
        if path in self.objects:
            return self._answer(request, 200, self.objects[path])
        return self._answer(request, 404, {"kind": "Status", "message": "not found"})

    def _change(self, request: ApiRequest, path: str) -> None:
        body = dict(request.body or {})
        if "kind" not in body:  # a patch of an object that is there
            self.changed.append(f"PATCH {path}")
            self.objects[path] = merged(self.objects[path], body)
            return
        name, space = body["metadata"]["name"], body["metadata"].get("namespace", "default")
        path = path if request.method == "PATCH" else f"{path}/{name}"
        self.changed.append(f"{request.method} {body['kind']} {name}")
        live = with_owner(merged(self.objects.get(path, {}), body))
        live["metadata"].setdefault("namespace", space)
        healthy = [o for objects in self.whole["objects"].values() for o in objects if o.get("kind") == body["kind"]]
        status = next((o["status"] for o in healthy if o["metadata"]["name"] == name and "status" in o), None)
        self.objects[path] = live | ({"status": status} if status else {})
        if any(pod.startswith(f"{name}-") for pod in self.broken):
            self.objects[path] = merged(self.objects[path], {"status": {"numberReady": 0}})

    def _pods(self) -> list[Any]:
        applied = {path.rpartition("/")[2] for path in self.objects if path.startswith("/apis/apps/")}
        pods = [p for p in self.whole["objects"]["pods"] if any(p["metadata"]["name"].startswith(n) for n in applied)]
        return [merged(pod, self.broken.get(pod["metadata"]["name"], {})) for pod in pods]

    def _nodes(self) -> list[Any]:
        return [{"metadata": {"name": node.name}} for node in self.cluster.nodes]

    def _answer(self, request: ApiRequest, status: int, body: Mapping[str, Any]) -> Answer:
        headers = f"{status}\nDate: Tue, 24 Nov 2026 07:55:03 GMT"
        return Answer(request.command, 0 if status < 300 else status, json.dumps(body).encode(), headers.encode(), 0.0)


class NoEvidence:
    """A transcript that discards everything."""

    def record(self, host: str, answer: Answer, kind: Any) -> str:
        return ""

    def record_failure(self, host: str, command: str, error: Any) -> str:
        return ""

    def use(self, reference: str) -> None:
        pass


def kube_of(api: MemoryApi) -> Kubernetes:
    """The client for an API, as used by stages."""
    return Kubernetes(api, NoEvidence())


def change_of(connection: Scripted, kube: Kubernetes | None = None) -> tuple[Host, Change]:
    """A host, and a change that is performed on it."""
    host = Host(connection)
    return host, Change(host, Applier(host, lambda: connection), kube=kube)


def plan_of(connection: Scripted, kube: Kubernetes | None = None) -> tuple[Host, Change]:
    """A host, and a change that is only planned."""
    host = Host(connection)
    return host, Change(host, Planner(), kube=kube)


def said(change: Change) -> list[str]:
    """The actions, in words."""
    return [action.text for action in change.actions]


def site_of(cluster: Cluster, api: MemoryApi | None, folder: Path) -> Site:
    """The site of an install whose hosts do not answer and whose API is in memory; the cluster's own for None."""
    context = Context(
        run="x",
        folder=folder,
        resumed=None,
        command="install",
        plan=False,
        strict=False,
        root_user="root",
        root_password=None,
    )
    fleet = Fleet(cluster.nodes, lambda node: Fed(node.name), Transcript(folder / "evidence", Redactor([])))
    return Site(cluster, context, fleet, Waivers(), lambda label, text: None, api)


def run(stage: Stage, target: Target, site: Site) -> tuple[Outcome, str, list[str]]:
    """Run a stage as the engine does; returns its outcome, the message and the actions."""
    actions: list[ActionRow] = []
    step = Step(stage, target, "x", (), ())
    course = run_stage(site, step, missing=[], earlier=[], actions=actions, on_action=lambda text: None)
    return course.outcome, course.message, [action.text for action in actions]
