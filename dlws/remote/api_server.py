"""The connection to the Kubernetes API server: TLS with admin.conf's certificate, direct or through the master's SSH.

Each request has a deadline from the first byte sent to the last one received. A change is sent once.
"""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import LifoQueue
from typing import Any, NamedTuple, Protocol

from dlws.config import named_file
from dlws.config.validation import is_secret
from dlws.parse.kubernetes import kubeconfig
from dlws.record.answer import Answer, ApiUnreachable, Unreachable
from dlws.remote.connection import Connection
from dlws.remote.watch import Watch
from dlws.verdict import Unknown

CONNECT_TIMEOUT = 3.0  # seconds for TCP: the API server is on the same site
WIDTH = 8
"""Requests at a time: stages of many hosts ask, and admission may keep one of them waiting for ten seconds."""
CAP = 1 << 26  # bytes of one answer; a page of 500 large pods is a tenth of it
JSON = "application/json"
SECRET = "***"
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""Asks for a list of what objects say of themselves, without their content (Kubernetes 1.15 and newer)."""
_MAY_BE_SECRETS = ("Secret", "SecretList", "List", "PartialObjectMetadata", "PartialObjectMetadataList")
_OF_SECRETS = re.compile(rb'"kind" *: *"(?:Secret|PartialObjectMetadata)')
PUBLIC = ("expiration", "usage-bootstrap-authentication", "usage-bootstrap-signing", "description")
"""The keys of a bootstrap token's Secret whose values are not secret (kubeadm writes them)."""
_VARIABLE = re.compile(
    rb'"name(?:":"(?P<name>[^"\\]*)","value":"(?P<value>(?:[^"\\]|\\.)*)"'
    rb'|\\":\\"(?P<copied>[^"\\]*)\\",\\"value\\":\\"(?P<copy>(?:[^"\\]|\\\\\\.)*)\\")'
)
"""A container's variable as the API writes it, and as it appears in the annotation in which `kubectl apply` keeps a
copy of the object. Both begin alike: a list of all pods, megabytes of it, is searched for that beginning first."""

Body = Mapping[str, Any]

_LOADING = threading.Lock()


def library() -> Any:
    """The module `kubernetes.client`. Loaded when first asked for: it takes half a second and 40 MB.

    One thread at a time: it loads its parts upon their first use, in a circle. Python lets two threads which wait for
    each other's parts go on with half a module, and then no thread of the process finds ApiClient again.
    """
    with _LOADING:
        import kubernetes.client
        from kubernetes.client import ApiClient, ApiException, Configuration  # noqa: F401  (loads these parts)
    return kubernetes.client


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request. `path` begins with / and includes the query."""

    method: str
    path: str
    body: Body | None = None
    content_type: str = JSON
    user: str = ""
    """On whose behalf (`Impersonate-User`); empty for the administrator of admin.conf."""
    accept: str = JSON

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing, so that it may be sent again."""
        return self.method == "GET" or "dryRun=All" in self.path

    @property
    def command(self) -> str:
        """The name under which it is recorded: `GET /api/v1/nodes`, followed by the body without secrets."""
        sent = json.dumps(without_secrets(self.path, self.body), separators=(",", ":")) if self.body is not None else ""
        whom = f"as {self.user} " if self.user else ""
        return f"{self.method} {self.path} {whom}{sent}".rstrip()


class Server(Protocol):
    """An API server, or the recording of one.

    `rc` of the answer is 0 for a status of 2xx and the HTTP status otherwise; `err` is the status and the server's
    `Date`. Raises ApiUnreachable when the server cannot be reached, Unknown when only this answer is incomplete.
    """

    def ask(self, request: ApiRequest, deadline: float) -> Answer:
        """One request and its answer; `deadline` in seconds."""


class _Stamp(NamedTuple):
    """Identifies the version of admin.conf that was read."""

    modified: int
    size: int


class ApiServer:
    """A real API server. Thread-safe: up to WIDTH requests at a time. Opens nothing before the first one."""

    def __init__(self, admin_conf: Path, address: str, master: Callable[[], Connection]) -> None:
        """`address` is the master's; the port and the name in the certificate are those of admin.conf.

        `master` opens the connection to the master that is used if the address cannot be reached from here.
        """
        self._address, self._master = address, master
        self._routes = [self._straight, self._through_the_master]
        self._idle: LifoQueue[_Line] = LifoQueue()  # the last used first: one after the other, requests share one line
        for _ in range(WIDTH):
            self._idle.put(_Line(admin_conf, address, self._dial))

    def ask(self, request: ApiRequest, deadline: float) -> Answer:
        """See `Server.ask`. A read whose connection breaks is sent once more."""
        line = self._idle.get()
        until = time.monotonic() + deadline  # not before: a wait for the requests of others is not the server's
        try:
            return line.ask(request, deadline)
        except ApiUnreachable:
            raise
        except Unknown:
            left = until - time.monotonic()
            if not request.is_read or left <= 0:
                raise
            return line.ask(request, left)
        finally:
            self._idle.put(line)

    def close(self) -> None:
        """End the connections, each when the request that it serves has ended."""
        for line in [self._idle.get() for _ in range(WIDTH)]:
            line.drop()
            self._idle.put(line)

    def _dial(self, port: int) -> socket.socket:
        """A connection by the first route that works; it is tried first the next time. ApiUnreachable if none does."""
        failures: list[str] = []
        routes = self._routes
        for route in routes:
            try:
                connected = route(port)
            except (OSError, Unreachable) as error:
                failures.append(f"{route.__name__.strip('_').replace('_', ' ')}: {_words(error)}")
                continue
            self._routes = [route, *(other for other in routes if other != route)]
            return connected
        raise ApiUnreachable(f"no API server at {self._address}:{port}: {'; '.join(failures)}")

    def _straight(self, port: int) -> socket.socket:
        connected = socket.create_connection((self._address, port), CONNECT_TIMEOUT)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connected

    def _through_the_master(self, port: int) -> socket.socket:
        return self._master().tunnel(self._address, port, CONNECT_TIMEOUT)


class _Line:
    """A connection to the API server, which is kept: one request at a time."""

    def __init__(self, admin_conf: Path, address: str, dial: Callable[[int], socket.socket]) -> None:
        self._admin_conf, self._address, self._reach = admin_conf, address, dial
        self._stamp: _Stamp | None = None
        self._config: kubeconfig.Kubeconfig | None = None
        self._client: Any = None
        self._socket: socket.socket | None = None

    def ask(self, request: ApiRequest, deadline: float) -> Answer:
        """One request and its answer. Raises as `Server.ask` does."""
        client, config = self._opened()
        from urllib3.exceptions import HTTPError

        started = time.monotonic()
        headers = {"Accept": request.accept, "Content-Type": request.content_type, "User-Agent": "dlws-suite"}
        headers |= {"Impersonate-User": request.user} if request.user else {}
        watch = Watch(deadline, self._hang_up)
        try:
            with watch:
                response = client.call_api(
                    request.method,
                    f"https://{config.name}:{config.port}{request.path}",
                    header_params=headers,
                    body=request.body,
                    _request_timeout=deadline,
                ).response
                data = response.read(CAP + 1)
        except ApiUnreachable:
            self.drop()
            raise
        except (HTTPError, library().ApiException, OSError) as error:
            self.drop()
            raise self._explained(error, request, deadline, watch.expired) from None
        if watch.expired:
            self.drop()
            raise self._explained(TimeoutError(), request, deadline, True)
        if len(data) > CAP:
            self.drop()
            raise Unknown(f"{request.method} {request.path}: more than {CAP >> 20} MiB came")
        status = int(response.status)
        head = f"{status} {response.reason or ''}".rstrip() + f"\nDate: {response.headers.get('Date', '')}"
        rc = 0 if 200 <= status < 300 else status
        seconds = time.monotonic() - started
        return Answer(request.command, rc, hidden(request.path, data), head.encode(), seconds)

    def _explained(self, error: Exception, request: ApiRequest, deadline: float, late: bool) -> Unknown:
        """The error to raise: ApiUnreachable if the server cannot be asked at all, Unknown if this answer failed."""
        what = f"{request.method} {request.path}"
        if late or "timed out" in str(error):
            sent = "" if request.is_read else " (sent once, not again)"
            return ApiUnreachable(f"the API server gave no whole answer within {deadline:.3g} s to {what}{sent}")
        if "SSLError" in str(error) or isinstance(error, ssl.SSLError):
            words = str(error).replace("\n", ": ")
            return ApiUnreachable(f"no trust between {self._admin_conf} and the server at {self._address}: {words}")
        sent = "" if request.is_read else " (sent once, not again)"
        return Unknown(f"{what}: the connection broke{sent}: {str(error) or type(error).__name__}")

    def _opened(self) -> tuple[Any, kubeconfig.Kubeconfig]:
        """The client with the current credentials; kubeadm init may have written new ones."""
        try:
            status = self._admin_conf.stat()
            stamp = _Stamp(status.st_mtime_ns, status.st_size)
            if self._client is None or self._config is None or stamp != self._stamp:
                self.drop()
                self._config = kubeconfig.parse(named_file.text(self._admin_conf))
                self._client = self._new_client(self._config)
                self._stamp = stamp
        except FileNotFoundError:
            raise ApiUnreachable(f"no {self._admin_conf}: no cluster yet, or its credentials were lost") from None
        except (OSError, ValueError, Unknown) as error:
            raise ApiUnreachable(f"{self._admin_conf} cannot be used: {error}") from None
        return self._client, self._config

    def _new_client(self, config: kubeconfig.Kubeconfig) -> Any:
        kubernetes_client = library()
        import urllib3

        dial = self._dial

        class Dialled(urllib3.connection.HTTPSConnection):
            """Connects through `dial`: the URL has the name in the certificate, which DNS may not resolve here."""

            def _new_conn(self) -> socket.socket:
                return dial(config.port)

        class Pool(urllib3.HTTPSConnectionPool):
            """A pool of such connections."""

            ConnectionCls = Dialled

        settings = kubernetes_client.Configuration(host=f"https://{config.name}:{config.port}")
        settings.proxy = None  # whatever the environment says: the cluster's hosts are on the same site
        settings.retries = False
        client = kubernetes_client.ApiClient(settings)
        manager = client.rest_client.pool_manager
        manager.connection_pool_kw["ssl_context"] = trusting(config)
        manager.pool_classes_by_scheme = {"https": Pool}
        return client

    def _dial(self, port: int) -> socket.socket:
        connected = self._reach(port)
        self._socket = connected.dup()  # TLS takes over the other one; this one serves to hang up
        return connected

    def _hang_up(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def drop(self) -> None:
        """End the connection; the next request opens another."""
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def trusting(config: kubeconfig.Kubeconfig) -> ssl.SSLContext:
    """A TLS context that trusts this cluster's CA alone and presents our certificate. The key is never put on disk."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=config.ca.decode("ascii"))
    descriptor = os.memfd_create("admin.conf", os.MFD_CLOEXEC)  # ssl reads only files; this one is in memory
    try:
        os.write(descriptor, config.certificate + b"\n" + config.key)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    return context


def hidden(path: str, data: bytes) -> bytes:
    """An answer without the values of Secrets. No caller gets them, so that none can record them.

    An answer that may be a Secret but is not JSON is dropped.
    """
    if not _may_hold_secrets(path) and not _OF_SECRETS.search(data):
        return data
    try:
        answer = json.loads(data)
    except ValueError:
        return b""
    return json.dumps(without_secrets(path, answer), separators=(",", ":")).encode()


def without_secrets(path: str, document: Any) -> Any:
    """A Secret or a list of them with its values masked; anything else unchanged."""
    if not isinstance(document, dict) or not (_may_hold_secrets(path) or str(document.get("kind")) in _MAY_BE_SECRETS):
        return document
    if isinstance(document.get("items"), list):
        return {**document, "items": [without_secrets(path, item) for item in document["items"]]}
    if document.get("kind") == "Status":
        return document
    masked = dict(document)
    for key in ("data", "stringData"):
        if isinstance(document.get(key), dict):
            masked[key] = {name: value if name in PUBLIC else SECRET for name, value in document[key].items()}
    annotations = (document.get("metadata") or {}).get("annotations")
    if isinstance(annotations, dict):  # `kubectl apply` keeps a copy of the object there
        masked_annotations = {n: v if "last-applied" not in n else SECRET for n, v in annotations.items()}
        masked["metadata"] = {**document["metadata"], "annotations": masked_annotations}
    return masked


def without_passwords(data: bytes) -> bytes:
    """An answer with the values of secret-looking container variables (`MYSQL_PASSWORD`) masked, for recording."""
    return _VARIABLE.sub(_masked, data)


def _masked(variable: re.Match[bytes]) -> bytes:
    name, value = ("name", "value") if variable["name"] is not None else ("copied", "copy")
    if not is_secret((variable[name].decode("utf-8", "replace"),)):
        return variable[0]
    begin, end = (at - variable.start() for at in variable.span(value))
    return variable[0][:begin] + SECRET.encode() + variable[0][end:]


def _may_hold_secrets(path: str) -> bool:
    return "secrets" in path.partition("?")[0].split("/")


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_TIMEOUT:g} s"
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
