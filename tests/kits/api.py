"""A small HTTPS server that acts as an API server, with its own CA and admin.conf. It can misbehave."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAME = "atlas02.sigsus.cn"  # in the certificate, but not resolvable


class Authority:
    """A CA that issues certificates as PEM: (certificate, key)."""

    def __init__(self, name: str = "kubernetes") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self.pem = _pem(self._issue(self._name, self._key.public_key(), is_ca=True))

    def issue(self, name: str, *sans: str) -> tuple[bytes, bytes]:
        """A certificate valid for a day, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._issue(_name(name), key.public_key(), *sans)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        return _pem(certificate), private

    def _issue(self, name: x509.Name, key: Any, *sans: str, is_ca: bool = False) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if sans:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(s) for s in sans]), False)
        return builder.sign(self._key, hashes.SHA256())


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that arrived."""

    method: str
    path: str
    body: Any
    content_type: str


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Ignore clients that hang up, as some tests do so on purpose."""


class FakeApi:
    """Answers as set by `on(path, answer, ...)`, repeating the last one; other paths are 404. A context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.authority = folder, Authority()
        self.asked: list[Asked] = []
        self.connections = 0
        self._answers: dict[str, list[Callable[[BaseHTTPRequestHandler], None]]] = {}
        self._other = _answering((404, status("not found")))
        certificate, key = self.authority.issue("kube-apiserver", NAME)
        (folder / "server.pem").write_bytes(certificate + key)
        (folder / "ca.pem").write_bytes(self.authority.pem)
        self._server = _Quiet(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        context.load_verify_locations(folder / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = int(self._server.server_address[1])
        self.admin_conf = folder / "admin.conf"
        self.write_admin_conf(self.authority)

    def write_admin_conf(self, authority: Authority) -> None:
        """Write an admin.conf with credentials issued by `authority`."""
        certificate, key = authority.issue("kubernetes-admin")
        self.admin_conf.write_text(admin_conf(self.port, authority.pem, certificate, key))
        self.admin_conf.chmod(0o600)

    def on(self, path: str, *answers: Any) -> None:
        """Set the successive answers of a path: an object, (status, object), or a function of the handler."""
        self._answers[path] = [a if callable(a) else _answering(a) for a in answers]

    def on_any(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        """Set the answer of every path that has none of its own."""
        self._other = answer

    def __enter__(self) -> FakeApi:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                api.connections += 1

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                sent = json.loads(body) if body else None
                api.asked.append(Asked(self.command, self.path, sent, self.headers.get("Content-Type", "")))
                answers = api._answers.get(self.path, [api._other])
                (answers.pop(0) if len(answers) > 1 else answers[0])(self)

            do_POST = do_PATCH = do_DELETE = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


def status(message: str) -> dict[str, str]:
    """A Status object, as returned by an API server with an error."""
    return {"kind": "Status", "apiVersion": "v1", "message": message}


def nodes(*names: str, more: str = "") -> dict[str, Any]:
    """A page of nodes; `more` is the token of the next one."""
    items = [{"metadata": {"name": name}} for name in names]
    return {"kind": "NodeList", "apiVersion": "v1", "metadata": {"continue": more} if more else {}, "items": items}


def cut_short(handler: BaseHTTPRequestHandler) -> None:
    """Promises more bytes than it sends."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"kind":"NodeList","items":[')
    handler.close_connection = True


def torn_json(handler: BaseHTTPRequestHandler) -> None:
    """Sends a complete HTTP response with truncated JSON."""
    send(handler, 200, b'{"kind":"NodeList","items":[{"metadata":{"name":"atl')


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Resets the connection."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    socket.socket.close(handler.connection)
    handler.close_connection = True


def silent(handler: BaseHTTPRequestHandler) -> None:
    """Accepts the request and stays silent for longer than any test waits."""
    time.sleep(5)


def dripping(handler: BaseHTTPRequestHandler) -> None:
    """Sends its answer byte by byte, so each read succeeds but the answer is never complete."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b" ")
        time.sleep(0.05)


def send(handler: BaseHTTPRequestHandler, code: int, data: bytes) -> None:
    """Send a complete answer."""
    handler.send_response(code)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def send_json(handler: BaseHTTPRequestHandler, document: Any) -> None:
    """Send an object."""
    send(handler, 200, json.dumps(document).encode())


def admin_conf(port: int, ca: bytes, certificate: bytes, key: bytes) -> str:
    """A kubeconfig as kubeadm writes it."""
    in_base64 = [base64.b64encode(pem).decode() for pem in (ca, certificate, key)]
    return f"""\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {in_base64[0]}
    server: https://{NAME}:{port}
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: kubernetes-admin
  name: kubernetes-admin@kubernetes
current-context: kubernetes-admin@kubernetes
kind: Config
preferences: {{}}
users:
- name: kubernetes-admin
  user:
    client-certificate-data: {in_base64[1]}
    client-key-data: {in_base64[2]}
"""


@contextmanager
def mute_port() -> Iterator[int]:
    """A port that accepts connections and then sends nothing, not even a TLS handshake."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def _answering(answer: Any) -> Callable[[BaseHTTPRequestHandler], None]:
    code, whole = answer if isinstance(answer, tuple) else (200, answer)
    data = whole.encode() if isinstance(whole, str) else json.dumps(whole).encode()
    return lambda handler: send(handler, code, data)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
