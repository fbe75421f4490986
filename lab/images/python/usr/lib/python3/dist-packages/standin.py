"""What the stand-ins of DLWS's applications share: HTTP answers, metrics, strict configuration, the cluster's API.

Lies in the image dlws-lab/python:1, from which their images are built.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import ssl
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
JSON, HTML, TEXT = "application/json", "text/html; charset=utf-8", "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """What was asked: path without query, its parameters (the first of each name), headers, body."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    method: str = "GET"
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """What is answered; `content` is text, bytes, or anything that JSON can say."""

    content: Any
    status: int = 200
    kind: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    def payload(self) -> bytes:
        """The bytes of the body."""
        if isinstance(self.content, bytes):
            return self.content
        text = self.content if isinstance(self.content, str) else json.dumps(self.content)
        return text.encode()


Handler = Callable[[Request], Answer]


def fatal(message: str) -> NoReturn:
    """Say why this cannot run and end, as a server with a wrong configuration does."""
    print(f"fatal: {message}", file=sys.stderr, flush=True)
    sys.exit(1)


def say(message: str) -> None:
    """One line of the log."""
    print(message, flush=True)


def serve(routes: Mapping[str, Handler], *ports: int, tls: tuple[str, str] | None = None) -> NoReturn:
    """Answer on all ports until SIGTERM. A route that ends in `/` takes what is below it too; the longest wins."""
    servers = [_server(routes, port, tls) for port in ports]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    say(f"listening on {', '.join(map(str, ports))}")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    stop.wait()
    sys.exit(0)


def _server(routes: Mapping[str, Handler], port: int, tls: tuple[str, str] | None) -> ThreadingHTTPServer:
    class Respond(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            split = urllib.parse.urlsplit(self.path)
            query = {name: values[0] for name, values in urllib.parse.parse_qs(split.query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = answer_of(routes, Request(split.path, query, dict(self.headers.items()), self.command, body))
            payload = answer.payload()
            self.send_response(answer.status)
            for name, value in {"Content-Type": answer.kind, "Content-Length": len(payload), **answer.headers}.items():
                self.send_header(name, str(value))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(payload)

        do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

        def log_message(self, format: str, *args: object) -> None:
            say(f"{self.address_string()} {format % args}")

    try:
        server = ThreadingHTTPServer(("0.0.0.0", port), Respond)
    except OSError as error:
        fatal(f"port {port}: {error.strerror}")
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    return server


def answer_of(routes: Mapping[str, Handler], request: Request) -> Answer:
    """The answer of the longest route that fits; 404 without one, 500 with the error's words if it fails."""
    fitting = [r for r in routes if request.path == r or (r.endswith("/") and request.path.startswith(r))]
    if not fitting:
        return Answer({"error": "not found"}, 404)
    try:
        return routes[max(fitting, key=len)](request)
    except Exception as error:
        say(f"error: {request.path}: {error!r}")
        return Answer({"error": str(error)}, 500)


def metrics(*lines: str) -> Answer:
    """Samples in Prometheus' text format."""
    return Answer("".join(f"{line}\n" for line in lines), kind="text/plain; version=0.0.4; charset=utf-8")


def healthy(request: Request) -> Answer:
    """`ok`."""
    return Answer("ok", kind=TEXT)


def settings(path: str, *needed: str) -> Any:
    """The mapping of a YAML file; the end if there is none, or if one of the keys (`mysql.hostname`) is missing."""
    import yaml

    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        fatal(f"{path}: {error}")
    for key in needed:
        value: Any = content
        for word in key.split("."):
            value = value.get(word) if isinstance(value, dict) else None
        if value in (None, ""):
            fatal(f"{path}: {key} is missing")
    return content


def option(name: str, default: str | None = None) -> str:
    """The word behind `--name` on the command line."""
    words = sys.argv[1:]
    flag = f"--{name}"
    if flag in words[:-1]:
        return words[words.index(flag) + 1]
    if default is None:
        fatal(f"{flag} is missing")
    return default


def claims_of(token: str, key: str) -> Any | None:
    """The claims of a JWT that is signed with `key` (HS256) and has not expired; None for any other."""
    head, _, signature = token.rpartition(".")
    try:
        kind, claims = (json.loads(_decoded(part)) for part in head.split("."))
        wanted = hmac.new(key.encode(), head.encode(), hashlib.sha256).digest()
        good = kind["alg"] == "HS256" and hmac.compare_digest(wanted, _decoded(signature))
        return claims if good and claims.get("exp", time.time() + 1) > time.time() else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def ask(url: str, headers: Mapping[str, str] | None = None, seconds: float = 5) -> Any:
    """The JSON of an HTTP server. OSError (urllib's too) if it has none to give."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers or {})), timeout=seconds) as answer:
        return json.load(answer)


def api(path: str, method: str = "GET", content: Any = None, server: str = "") -> Any:
    """Ask the cluster's API server as this pod's service account. OSError (urllib's too) if it refuses."""
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    headers = {"Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}", "Content-Type": JSON}
    body = None if content is None else json.dumps(content).encode()
    url = (server or f"https://{host}:{port}") + path
    question = urllib.request.Request(url, data=body, headers=headers, method=method)
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    with urllib.request.urlopen(question, timeout=10, context=context) as answer:
        return json.loads(answer.read() or b"null") if answer.headers.get("Content-Type", "").startswith(JSON) else None


def every(seconds: float, task: Callable[[], None]) -> None:
    """Do a task now and again every so often, in the background; a failure is logged and the next try comes."""

    def loop() -> None:
        while True:
            try:
                task()
            except Exception as error:
                say(f"error: {error!r}")
            time.sleep(seconds)

    threading.Thread(target=loop, daemon=True).start()
