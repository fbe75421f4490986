"""`kube`: the Kubernetes API for checks and stages. Objects are the API's own JSON, as plain dicts.

    kube.list("pods", namespace="kube-system")        kube.get("configmaps", "kubeadm-config", namespace="kube-system")
    kube.answer("/readyz?verbose")                     kube.document("/version")

Secrets come without their values. The methods that change objects are called by `change` only.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlencode

from dlws.kubernetes.apply_plan import FIELD_MANAGER
from dlws.kubernetes.objects import Object
from dlws.record.answer import Answer, ApiUnreachable
from dlws.remote.api_server import JSON, METADATA, ApiRequest, Server, without_passwords
from dlws.verdict import Unknown, Unparsable

NAME = "kubernetes"  # the host under which the API's answers are recorded
DEADLINE = 20.0  # seconds for one read
CHANGE_DEADLINE = 60.0  # seconds for one change: etcd may be slow to write
PAGE = 500  # objects per request
PAGES = 400  # of one list: 200,000 objects, as many as Kubernetes supports pods and more
LIST_DEADLINE = 60.0  # seconds after which no further page of a list is asked for
LIST_CAP = 1 << 28  # bytes of all pages of a list
RESTARTS = 3  # times a list is started over because the API server no longer has the snapshot (410 Gone)
DECISION = 10.0  # seconds for admission to decide on a dry run: a webhook may be waited for 30 s, longer than DEADLINE
RETRY = 60.0  # seconds for which an unreachable API is not tried again in an audit
REFUSALS = (400, 403, 404, 409, 422)
"""The statuses of a request that is understood and not granted."""
APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"

GROUPS: Mapping[str, str] = {
    "": "configmaps endpoints events namespaces nodes persistentvolumeclaims persistentvolumes pods secrets"
    " serviceaccounts services",
    "admissionregistration.k8s.io": "mutatingwebhookconfigurations validatingwebhookconfigurations",
    "apps": "daemonsets deployments replicasets statefulsets",
    "batch": "jobs",
    "coordination.k8s.io": "leases",
    "networking.k8s.io": "networkpolicies",
    "rbac.authorization.k8s.io": "clusterrolebindings clusterroles rolebindings roles",
    "storage.k8s.io": "storageclasses",
}
"""API groups whose version is v1 on every server from 1.16 on. The version of other groups is read from the server."""
GROUP_OF = {resource: group for group, names in GROUPS.items() for resource in names.split()}
GROUP_OF |= {"certificatesigningrequests": "certificates.k8s.io", "apiservices": "apiregistration.k8s.io"}
GROUP_OF |= {"customresourcedefinitions": "apiextensions.k8s.io"}

T = TypeVar("T")


class Refused(Exception):
    """The API server rejected the request (4xx): the object is invalid, in conflict or forbidden."""


class Listing(list[Object]):
    """The objects of a list. `at` is the API server's clock when it answered."""

    def __init__(self, objects: list[Object], clock: datetime | None) -> None:
        super().__init__(objects)
        self._clock = clock
        self._named: dict[str, Object] | None = None
        self._placed: dict[str, list[Object]] | None = None

    @property
    def by_name(self) -> Mapping[str, Object]:
        """The objects by their names; for a resource without namespaces."""
        if self._named is None:
            self._named = {str(one["metadata"]["name"]): one for one in self}
        return self._named

    def on(self, node: str) -> Sequence[Object]:
        """The pods that are placed on a node. Each pod is looked at once, not once for each node that asks."""
        if self._placed is None:
            self._placed = {}
            for pod in self:
                self._placed.setdefault(str(pod["spec"].get("nodeName") or ""), []).append(pod)
        return self._placed.get(node, ())

    @property
    def at(self) -> datetime:
        """When the API server answered, by its own clock. Unknown when the answer had no date."""
        if self._clock is None:
            raise Unknown("the API server's answer has no Date")
        return self._clock


class Evidence(Protocol):
    """The part of a transcript that is needed here."""

    def record(self, host: str, answer: Answer, kind: Any) -> str:
        """Record an answer and count it as used now; returns its reference."""

    def record_failure(self, host: str, command: str, error: Unknown) -> str:
        """Record a failed request and count it as used now; returns its reference."""

    def use(self, reference: str) -> None:
        """Count a recorded line as used once more."""


@dataclass(slots=True)
class _Remembered:
    """The value or the error of one question in an audit, and the references of its answers."""

    value: Any = None
    error: Unknown | None = None
    at: float = 0.0
    references: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Kubernetes:
    """The API of one cluster. With a `memory` (audits) each question is asked once, and failures are remembered too."""

    server: Server
    evidence: Evidence
    memory: dict[str, _Remembered] | None = None
    _references: list[str] = field(default_factory=list)
    _lost: _Remembered | None = None

    def list(self, resource: str, *, namespace: str = "", labels: str = "") -> Listing:
        """All objects of a resource (`pods`; `plural.group` for one not in GROUP_OF), of all namespaces or one.

        `labels` is a label selector, `app=nginx`. Unknown when any page of the list fails, and when it
        has no end within PAGES, LIST_DEADLINE and LIST_CAP.
        """
        path = self._path(resource, namespace)
        return self._once(f"list {path} {labels}", lambda: self._pages(path, labels))

    def metadata(self, resource: str) -> Listing:
        """The metadata of all objects of a custom resource, `things.example.com/v1`; their content may be anything.

        Unknown as `list`.
        """
        plural, _, version = resource.partition(".")
        path = f"/apis/{version}/{plural}"
        return self._once(f"metadata {path}", lambda: self._pages(path, "", METADATA))

    def get(self, resource: str, name: str, *, namespace: str = "") -> Object | None:
        """One object, or None when there is none (404). Unknown when that cannot be said."""
        path = f"{self._path(resource, namespace)}/{quote(name)}"
        return self._once(path, lambda: self._fetch(path))

    def find(self, manifest: Mapping[str, Any]) -> Object | None:
        """The object that a manifest names; None if there is no such object, or no such kind yet. Unknown as `get`."""
        path = self._place(manifest, named=True)
        return None if path is None else self._once(path, lambda: self._fetch(path))

    def answer(self, path: str) -> Answer:
        """The answer at a path, whatever its status: `rc` is 0 for 2xx, the HTTP status otherwise."""
        return self._once(f"raw {path}", lambda: self._read(ApiRequest("GET", path)))

    def document(self, path: str) -> Object:
        """The JSON object at a path. Unknown for any status but 2xx, Unparsable for anything but a JSON object."""
        return json_object(require_success(self.answer(path), path), path)

    def refusal(self, resource: str, manifest: Mapping[str, Any], user: str = "") -> str:
        """Why the API server would not create an object now, in its own words; empty if it would.

        A dry run: the request passes authorization and admission, webhooks and quotas included, and nothing is stored
        (a webhook that would leave a trace elsewhere is not called: Unknown). `user` is whom to create it as.
        """
        path = f"{self._path(resource, manifest['metadata'].get('namespace', ''))}?dryRun=All&timeout={DECISION:g}s"
        request = ApiRequest("POST", path, manifest, user=user)
        answer = self._once(request.command, lambda: self._read(request))
        words = complaint(answer) if answer.rc else ""
        if "does not support dry run" in words:
            raise Unknown(f"whether {manifest['kind']}s can be created: {words}")
        if answer.rc in REFUSALS or "failed calling webhook" in words:
            return words
        json_object(require_success(answer, path), path)
        return ""

    def apply(self, manifest: Mapping[str, Any]) -> None:
        """Server-side apply; takes over fields that others manage. Only for `change.apply`. Raises Refused, Unknown."""
        path = f"{self.path_of(manifest)}?fieldManager={FIELD_MANAGER}&force=true"
        self._alter(ApiRequest("PATCH", path, manifest, APPLY))

    def create(self, manifest: Mapping[str, Any]) -> None:
        """Create an object. Only for `change.create`. Raises Refused (also if it exists), Unknown."""
        self._alter(ApiRequest("POST", f"{self.path_of(manifest, named=False)}?fieldManager={FIELD_MANAGER}", manifest))

    def merge(self, manifest: Mapping[str, Any]) -> None:
        """Merge a manifest into the object it names (RFC 7396). Only for `change.merge`. Raises Refused, Unknown."""
        self._alter(ApiRequest("PATCH", f"{self.path_of(manifest)}?fieldManager={FIELD_MANAGER}", manifest, MERGE))

    def patch(self, resource: str, name: str, patch: Mapping[str, Any], *, namespace: str = "") -> None:
        """Merge patch (RFC 7396): null removes a key, a list replaces the list. Only for `change.patch`."""
        path = f"{self._path(resource, namespace)}/{quote(name)}?fieldManager={FIELD_MANAGER}"
        self._alter(ApiRequest("PATCH", path, patch, MERGE))

    def delete(self, resource: str, name: str, *, namespace: str = "") -> None:
        """Delete one object and its dependents; does nothing if it is missing. Only for `change.delete`."""
        path = f"{self._path(resource, namespace)}/{quote(name)}?propagationPolicy=Background"
        self._alter(ApiRequest("DELETE", path), fine=(404,))

    def path_of(self, manifest: Mapping[str, Any], *, named: bool = True) -> str:
        """The path of a manifest's object; the plural of its kind is read from the server. Refused for an unknown kind.

        >>> kube.path_of({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}})
        '/api/v1/namespaces/default/pods/a'
        """
        path = self._place(manifest, named=named)
        if path is None:
            raise Refused(f"the API server knows no {manifest['kind']} of {manifest['apiVersion']}")
        return path

    def _place(self, manifest: Mapping[str, Any], *, named: bool) -> str | None:
        version, kind = str(manifest["apiVersion"]), str(manifest["kind"])
        base = f"/api/{version}" if "/" not in version else f"/apis/{version}"
        group = self._once(base, lambda: self._fetch(base))
        for resource in (group or {}).get("resources", ()):
            if resource["kind"] == kind and "/" not in resource["name"]:
                break
        else:
            return None
        metadata = manifest["metadata"]
        if resource["namespaced"]:
            base += f"/namespaces/{quote(str(metadata.get('namespace', 'default')))}"
        return f"{base}/{resource['name']}" + (f"/{quote(str(metadata['name']))}" if named else "")

    def _path(self, resource: str, namespace: str) -> str:
        plural, _, group = resource.partition(".")
        group = group or GROUP_OF[resource]
        if group in GROUPS:
            base = f"/apis/{group}/v1" if group else "/api/v1"
        else:
            api_group = self._once(f"/apis/{group}", lambda: self._fetch(f"/apis/{group}"))
            if api_group is None:
                raise Unknown(f"the API server has no group {group}")
            base = f"/apis/{api_group['preferredVersion']['groupVersion']}"
        return f"{base}/namespaces/{quote(namespace)}/{plural}" if namespace else f"{base}/{plural}"

    def _pages(self, path: str, labels: str, accept: str = JSON) -> Listing:
        until = time.monotonic() + LIST_DEADLINE
        for _ in range(RESTARTS):
            objects: list[Object] = []
            parts: dict[str, Any] = {}
            clock: datetime | None = None
            token, size = "", 0
            for _ in range(PAGES):
                if time.monotonic() > until:
                    raise Unknown(f"GET {path}: the whole list did not come within {LIST_DEADLINE:g} s")
                query = {"limit": PAGE} | ({"labelSelector": labels} if labels else {})
                where = f"{path}?{urlencode(query | ({'continue': token} if token else {}))}"
                answer = self._read(ApiRequest("GET", where, accept=accept))
                if answer.rc == 410:
                    break
                size += len(answer.out)
                if size > LIST_CAP:
                    raise Unknown(f"GET {path}: more than {LIST_CAP >> 20} MiB came")
                page = json_object(require_success(answer, where), where)
                if not isinstance(page.get("items", 0), list | None):
                    raise Unparsable(f"GET {where}: a list without items")
                these = _without_owners(page["items"] or [])
                objects += these if self.memory is None else _sharing(these, parts)
                clock = clock or clock_of(answer)
                token = (page.get("metadata") or {}).get("continue", "")
                if not token:
                    return Listing(objects, clock)
            else:
                raise Unknown(f"GET {path}: no end after {PAGES} pages")
        raise Unknown(f"GET {path}: the API server forgot its place in the list {RESTARTS} times (410 Gone)")

    def _fetch(self, path: str) -> Object | None:
        answer = self._read(ApiRequest("GET", path))
        return None if answer.rc == 404 else json_object(require_success(answer, path), path)

    def _read(self, request: ApiRequest) -> Answer:
        try:
            answer = self.server.ask(request, DEADLINE)
        except Unknown as error:
            self._references.append(self.evidence.record_failure(NAME, request.command, error))
            raise
        kept = replace(answer, out=without_passwords(answer.out))
        self._references.append(self.evidence.record(NAME, kept, "read"))
        return answer

    def _alter(self, request: ApiRequest, fine: tuple[int, ...] = ()) -> None:
        try:
            answer = self.server.ask(request, CHANGE_DEADLINE)
        except Unknown as error:
            self.evidence.record(NAME, Answer(request.command, None, b"", str(error).encode(), 0.0), "change")
            raise
        self.evidence.record(NAME, answer, "change")
        if answer.rc in fine:
            return
        if answer.rc and 400 <= answer.rc < 500 and answer.rc != 429:
            raise Refused(complaint(answer))
        require_success(answer, request.path)

    def _once(self, question: str, ask: Callable[[], T]) -> T:
        if self.memory is None:
            return ask()
        remembered = self.memory.get(question)
        if remembered is None or (remembered.error is not None and time.monotonic() - remembered.at > RETRY):
            remembered = self.memory[question] = self._ask_now(ask)
        else:
            for reference in remembered.references:
                self.evidence.use(reference)
        if remembered.error is not None:
            raise remembered.error.again()
        return remembered.value  # type: ignore[no-any-return]

    def _ask_now(self, ask: Callable[[], Any]) -> _Remembered:
        """Ask, and remember the outcome. While the API is known to be lost, nothing is sent."""
        if self._lost is not None and time.monotonic() - self._lost.at < RETRY:
            for reference in self._lost.references:
                self.evidence.use(reference)
            return self._lost
        self._references = []
        try:
            return _Remembered(ask(), references=self._references)
        except ApiUnreachable as error:
            self._lost = _Remembered(error=error, at=time.monotonic(), references=self._references[-1:])
            return self._lost
        except Unknown as error:
            return _Remembered(error=error, at=time.monotonic(), references=self._references)


def _without_owners(objects: list[Object]) -> list[Object]:
    """The objects without the names of the owners of each of their fields: half of what they take in memory.

    Who asks for one object (`get`, `find`) has them: a plan compares them.
    """
    for one in objects:
        if isinstance(one, dict) and isinstance(about := one.get("metadata"), dict):
            about.pop("managedFields", None)
    return objects


def _sharing(objects: list[Object], parts: dict[str, Any]) -> list[Object]:
    """The objects with their equal parts kept once: the containers of a DaemonSet's pods, the images of like nodes.

    An audit remembers what it lists of a thousand hosts, and changes none of it. `parts` has those of the pages before.
    """
    for one in objects:
        for about in one.values() if isinstance(one, dict) else ():
            for name, part in about.items() if isinstance(about, dict) else ():
                about[name] = parts.setdefault(repr(part), part)
    return objects


def require_success(answer: Answer, path: str) -> Answer:
    """The answer itself if its status is 2xx. Unknown otherwise, with the server's message."""
    if answer.rc == 0:
        return answer
    meaning = {401: "admin.conf is not accepted", 403: "admin.conf may not do this", 429: "too many requests"}
    hint = f" ({meaning[answer.rc]})" if answer.rc in meaning else ""
    raise Unknown(f"the API server answered {answer.rc}{hint} to {path}: {complaint(answer)}")


def complaint(answer: Answer) -> str:
    """The message of a Status object, or the beginning of whatever was answered instead."""
    try:
        message = json.loads(answer.out)["message"]
    except (ValueError, KeyError, TypeError):
        message = answer.text.strip()[:300]
    return str(message) or answer.error_text.partition("\n")[0]


def json_object(answer: Answer, path: str) -> Object:
    """The JSON object in an answer. Unparsable if it is cut off or something else."""
    try:
        document = json.loads(answer.out)
    except ValueError:
        raise Unparsable(f"GET {path}: not JSON, or cut off, after {len(answer.out)} bytes") from None
    if not isinstance(document, dict):
        raise Unparsable(f"GET {path}: no JSON object: {answer.text[:80]!r}")
    return document


def clock_of(answer: Answer) -> datetime | None:
    """When the API server answered, by its own clock; None if the answer has no valid date."""
    date = re.search(r"^Date: (.+)$", answer.error_text, re.MULTILINE)
    try:
        return parsedate_to_datetime(date[1]).astimezone(UTC) if date else None
    except ValueError:
        return None
