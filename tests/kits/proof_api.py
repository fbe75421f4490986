"""The Kubernetes API of the proofs: the recorded objects of a healthy cluster, modified by a case.

K05:
  fail:
  - kube: {nodes/atlas01: {spec: {unschedulable: true}}}   # merged into the object; a new one is added
    says: "spec.unschedulable"
  - kube: {pods/coredns-1: null}                            # the object is gone
  unknown:
  - kube: {/version: {rc: 500, out: "no leader"}}   # what a path answers, or `down`; `…` stands for any text
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from dlws.record.answer import Answer, ApiUnreachable
from dlws.remote.api_server import ApiRequest
from dlws.verdict import Unknown

STATUS = {200: "OK", 201: "Created", 404: "Not Found", 410: "Gone", 429: "Too Many Requests"}
PLACE = re.compile(r"/apis?(?:/[^/]+)?/v[^/]+(?:/namespaces/(?P<space>[^/]+))?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?")


class ApiError(Exception):
    """A check requested something from the API that neither the case nor the recording contains."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A way in which a request can fail; `says` is text that the message must contain."""

    says: str
    status: int = 0
    torn: bool = False
    error: type[Unknown] | None = None


FAILURES = (
    Broken("429", status=429),
    Broken("503", status=503),
    Broken("not JSON, or cut off", torn=True),
    Broken("the connection broke", error=Unknown),
    Broken("cannot be asked", error=ApiUnreachable),
)


@dataclass(slots=True)
class RecordedApi:
    """A Server with the objects of `kubernetes.yaml`, modified by a case. `failing` maps a command to its fault."""

    recording: Mapping[str, Any]
    changes: Mapping[str, Any]
    failing: Mapping[str, Broken] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    unasked: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.unasked = set(self.changes)

    def ask(self, request: ApiRequest, deadline: float) -> Answer:
        """The answer to a request, or the fault that the case specifies for it."""
        self.asked.append(request.command)
        fault = self.failing.get(request.command)
        if fault and fault.error:
            raise fault.error(f"{request.command}: {fault.says}")
        if fault and fault.status:
            return self._answer(request, fault.status, '{"kind":"Status","message":"try later"}')
        status, text = self._response(request)
        return self._answer(request, status, text[: len(text) // 2] if fault else text)

    def _answer(self, request: ApiRequest, status: int, text: str) -> Answer:
        headers = f"{status} {STATUS.get(status, '')}\nDate: {self.recording['date']}"
        return Answer(request.command, 0 if status < 300 else status, text.encode(), headers.encode(), self._seconds)

    @property
    def _seconds(self) -> float:
        self.unasked.discard("seconds")
        return float(self.changes.get("seconds", 0.01))

    def _response(self, request: ApiRequest) -> tuple[int, str]:
        for texts in (self.changes, self.recording["texts"]):
            for pattern, answer in texts.items():
                if re.fullmatch(".*".join(map(re.escape, pattern.split("…"))), _plain(request)):
                    self.unasked.discard(pattern)
                    if answer == "down":
                        raise ApiUnreachable("no API server at 192.168.3.2:6443: straight: Connection refused")
                    response = answer if isinstance(answer, dict) else {"out": answer}
                    return int(response.get("rc") or 200), str(response["out"])
        place = PLACE.fullmatch(urlsplit(request.path).path)
        if request.method != "GET" or place is None or place["plural"] not in self.recording["objects"]:
            raise ApiError(f"neither the case nor tests/proofs/healthy/kubernetes.yaml answers: {request.command}")
        return self._objects(place, parse_qs(urlsplit(request.path).query))

    def _objects(self, place: re.Match[str], query: Mapping[str, list[str]]) -> tuple[int, str]:
        objects = self._changed(place["plural"])
        if place["space"]:
            objects = [o for o in objects if o["metadata"].get("namespace") == place["space"]]
        if place["name"]:
            named = [o for o in objects if o["metadata"]["name"] == unquote(place["name"])]
            return (200, json.dumps(named[0])) if named else (404, '{"kind":"Status","message":"not found"}')
        selector = dict(pair.split("=") for text in query.get("labelSelector", ()) for pair in text.split(","))
        chosen = [o for o in objects if selector.items() <= (o["metadata"].get("labels") or {}).items()]
        return 200, json.dumps({"kind": "List", "metadata": {}, "items": chosen})

    def _changed(self, plural: str) -> list[Any]:
        by_name = {o["metadata"]["name"]: o for o in self.recording["objects"][plural]}  # `merged` modifies copies
        for key, change in self.changes.items():
            kind, _, name = key.partition("/")
            if kind == plural and change is None:
                self.unasked.discard(key)
                del by_name[name]
            elif kind == plural:
                self.unasked.discard(key)
                by_name[name] = merged(by_name.get(name, {"metadata": {"name": name}}), change)
        return list(by_name.values())


def merged(whole: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7396) as in the API; a mapping with numeric keys patches the items of a list."""
    if not isinstance(patch, dict):
        return patch
    if isinstance(whole, list):
        return [merged(item, patch[at]) if at in patch else item for at, item in enumerate(whole)]
    result = dict(whole) if isinstance(whole, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def _plain(request: ApiRequest) -> str:
    return request.path if request.method == "GET" else request.command
