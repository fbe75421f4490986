"""The way to the Kubernetes API server: TLS with admin.conf's certificate, straight or through the master's SSH.

One request at a time, each with a deadline from its first byte to the last of its answer. A change is sent once.
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
from typing import Any, NamedTuple, Protocol

from dlws.config.validation import is_secret
from dlws.parse.kubernetes import kubeconfig
from dlws.record.answer import Answer, ApiUnreachable, Unreachable
from dlws.remote.connection import Connection
from dlws.remote.watch import Watch
from dlws.verdict import Unknown

CONNECT_TIMEOUT = 3.0  # seconds for TCP: the API server is on the same site
CAP = 1 << 26  # bytes of one answer; a page of 500 large pods is a tenth of it
JSON = "application/json"
SECRET = "***"
PUBLIC = ("expiration", "usage-bootstrap-authentication", "usage-bootstrap-signing", "description")
"""Keys of a bootstrap token's Secret that hold no secret (kubeadm writes them)."""
_VARIABLE = re.compile(
    rb'"name":"(?P<name>[^"\\]*)","value":"(?P<value>(?:[^"\\]|\\.)*)"'
    rb'|\\"name\\":\\"(?P<copied>[^"\\]*)\\",\\"value\\":\\"(?P<copy>(?:[^"\\]|\\\\\\.)*)\\"'
)
"""A container's variable, as the API writes it; and in the copy of an object that `kubectl apply` keeps in it."""

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request. `path` begins with / and holds its query."""

    method: str
    path: str
    body: Body | None = None
    content_type: str = JSON

    @property
    def is_read(self) -> bool:
        """Whether it alters nothing, so that it may be asked again."""
        return self.method == "GET" or "dryRun=All" in self.path

    @property
    def command(self) -> str:
        """How it is written down: `GET /api/v1/nodes`, behind it what was sent, without secrets."""
        sent = json.dumps(without_secrets(self.path, self.body), separators=(",", ":")) if self.body is not None else ""
        return f"{self.method} {self.path} {sent}".rstrip()


class Server(Protocol):
    """Whoever answers requests: an API server, or the recording of one.

    `rc` of the answer is 0 for a status of 2xx and the HTTP status otherwise; `err` is the status and the server's
    `Date`. Raises ApiUnreachable when nothing can be asked, Unknown when this answer did not come whole.
    """

    def ask(self, request: ApiRequest, deadline: float) -> Answer:
        """One request and its answer; `deadline` in seconds."""


class _Stamp(NamedTuple):
    """Which admin.conf was read."""

    modified: int
    size: int


class ApiServer:
    """A real API server. Thread-safe; opens nothing before the first request."""

    def __init__(self, admin_conf: Path, address: str, master: Callable[[], Connection]) -> None:
        """`address` is the master's; the port and the name in the certificate are those of admin.conf.

        `master` opens the connection to the master that is used where the address cannot be reached from here.
        """
        self._admin_conf, self._address, self._master = admin_conf, address, master
        self._routes = [self._straight, self._through_the_master]
        self._lock = threading.Lock()
        self._stamp: _Stamp | None = None
        self._config: kubeconfig.Kubeconfig | None = None
        self._client: Any = None
        self._socket: socket.socket | None = None

    def ask(self, request: ApiRequest, deadline: float) -> Answer:
        """See `Server.ask`. A read whose connection breaks is asked once more."""
        until = time.monotonic() + deadline
        with self._lock:
            try:
                return self._ask(request, deadline)
            except ApiUnreachable:
                raise
            except Unknown:
                left = until - time.monotonic()
                if not request.is_read or left <= 0:
                    raise
                return self._ask(request, left)

    def close(self) -> None:
        """End the connections."""
        with self._lock:
            self._drop()

    def _ask(self, request: ApiRequest, deadline: float) -> Answer:
        client, config = self._opened()
        from kubernetes.client import ApiException  # here: half a second and 40 MB, for processes that ask
        from urllib3.exceptions import HTTPError

        started = time.monotonic()
        headers = {"Accept": JSON, "Content-Type": request.content_type, "User-Agent": "dlws-suite"}
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
            self._drop()
            raise
        except (HTTPError, ApiException, OSError) as error:
            self._drop()
            raise self._explained(error, request, deadline, watch.expired) from None
        if watch.expired:
            self._drop()
            raise self._explained(TimeoutError(), request, deadline, True)
        if len(data) > CAP:
            self._drop()
            raise Unknown(f"{request.method} {request.path}: more than {CAP >> 20} MiB came")
        status = int(response.status)
        said = f"{status} {response.reason or ''}".rstrip() + f"\nDate: {response.headers.get('Date', '')}"
        rc = 0 if 200 <= status < 300 else status
        seconds = time.monotonic() - started
        return Answer(request.command, rc, hidden(request.path, data), said.encode(), seconds)

    def _explained(self, error: Exception, request: ApiRequest, deadline: float, late: bool) -> Unknown:
        """What an error means: nothing can be asked at all, or only this answer did not come."""
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
        """The client with the credentials that are there now: kubeadm init may have written new ones."""
        try:
            status = self._admin_conf.stat()
            stamp = _Stamp(status.st_mtime_ns, status.st_size)
            if self._client is None or self._config is None or stamp != self._stamp:
                self._drop()
                self._config = kubeconfig.parse(self._admin_conf.read_text("utf-8"))
                self._client = self._new_client(self._config)
                self._stamp = stamp
        except FileNotFoundError:
            raise ApiUnreachable(f"no {self._admin_conf}: no cluster yet, or its credentials were lost") from None
        except (OSError, ValueError, Unknown) as error:
            raise ApiUnreachable(f"{self._admin_conf} cannot be used: {error}") from None
        return self._client, self._config

    def _new_client(self, config: kubeconfig.Kubeconfig) -> Any:
        import urllib3
        from kubernetes.client import ApiClient, Configuration

        dial = self._dial

        class Dialled(urllib3.connection.HTTPSConnection):
            """Comes by our own ways: the name in the URL is the one in the certificate, no resolver knows it here."""

            def _new_conn(self) -> socket.socket:
                return dial(config.port)

        class Pool(urllib3.HTTPSConnectionPool):
            """Of those."""

            ConnectionCls = Dialled

        settings = Configuration(host=f"https://{config.name}:{config.port}")
        settings.proxy = None  # whatever the environment says: the hosts of the cluster are near
        settings.retries = False
        client = ApiClient(settings)
        manager = client.rest_client.pool_manager
        manager.connection_pool_kw["ssl_context"] = trusting(config)
        manager.pool_classes_by_scheme = {"https": Pool}
        return client

    def _dial(self, port: int) -> socket.socket:
        """A connection by the first way that works; that one is tried first the next time."""
        failures: list[str] = []
        for route in list(self._routes):
            try:
                found = route(port)
            except (OSError, Unreachable) as error:
                failures.append(f"{route.__name__.strip('_').replace('_', ' ')}: {_words(error)}")
                continue
            self._routes.remove(route)
            self._routes.insert(0, route)
            self._socket = found.dup()  # TLS takes the other one over: this is the handle to hang up with
            return found
        raise ApiUnreachable(f"no API server at {self._address}:{port}: {'; '.join(failures)}")

    def _straight(self, port: int) -> socket.socket:
        found = socket.create_connection((self._address, port), CONNECT_TIMEOUT)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found

    def _through_the_master(self, port: int) -> socket.socket:
        return self._master().tunnel(self._address, port, CONNECT_TIMEOUT)

    def _hang_up(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def trusting(config: kubeconfig.Kubeconfig) -> ssl.SSLContext:
    """TLS that trusts this cluster's CA alone and shows our certificate. The key is never in a file of ours."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=config.ca.decode("ascii"))
    descriptor = os.memfd_create("admin.conf", os.MFD_CLOEXEC)  # ssl reads files only; this one is memory
    try:
        os.write(descriptor, config.certificate + b"\n" + config.key)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    return context


def hidden(path: str, data: bytes) -> bytes:
    """An answer without the values of Secrets: nobody above gets them, so nobody can write them down.

    What cannot be read as JSON is dropped if it may be a Secret.
    """
    if not _may_hold_secrets(path) and b'"kind":"Secret' not in data.replace(b" ", b""):
        return data
    try:
        whole = json.loads(data)
    except ValueError:
        return b""
    return json.dumps(without_secrets(path, whole), separators=(",", ":")).encode()


def without_secrets(path: str, whole: Any) -> Any:
    """A Secret or a list of them, its values masked; anything else as it is."""
    if not isinstance(whole, dict) or not (
        _may_hold_secrets(path) or str(whole.get("kind")) in ("Secret", "SecretList", "List")
    ):
        return whole
    if isinstance(whole.get("items"), list):
        return {**whole, "items": [without_secrets(path, item) for item in whole["items"]]}
    if whole.get("kind") == "Status":
        return whole
    masked = dict(whole)
    for key in ("data", "stringData"):
        if isinstance(whole.get(key), dict):
            masked[key] = {name: value if name in PUBLIC else SECRET for name, value in whole[key].items()}
    annotations = (whole.get("metadata") or {}).get("annotations")
    if isinstance(annotations, dict):  # `kubectl apply` keeps a copy of the whole object there
        hidden_ones = {n: v if "last-applied" not in n else SECRET for n, v in annotations.items()}
        masked["metadata"] = {**whole["metadata"], "annotations": hidden_ones}
    return masked


def without_passwords(data: bytes) -> bytes:
    """An answer as it may be written down: variables of containers that a password's name have lose their value."""
    return _VARIABLE.sub(_masked, data)


def _masked(found: re.Match[bytes]) -> bytes:
    name, value = ("name", "value") if found["name"] is not None else ("copied", "copy")
    if not is_secret((found[name].decode("utf-8", "replace"),)):
        return found[0]
    begin, end = (at - found.start() for at in found.span(value))
    return found[0][:begin] + SECRET.encode() + found[0][end:]


def _may_hold_secrets(path: str) -> bool:
    return "secrets" in path.partition("?")[0].split("/")


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_TIMEOUT:g} s"
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
