"""A registry on loopback that has every image it is asked for, for both architectures, and counts what it sends."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"


@dataclass
class SmallRegistry:
    """What it has, what it was asked, and how it misbehaves."""

    archs: tuple[str, ...] = ("amd64", "arm64")
    lacks: tuple[str, ...] = ()
    """Repositories that it does not have."""
    cuts: bool = False
    """Blobs end too early, as when a line breaks."""
    lies: bool = False
    """Blobs are something else."""
    token: str = ""
    """The token that it demands; its own service gives it to the login `user:word`."""
    token_answer: bytes = b""
    """What its token service says to anybody instead."""
    address: str = ""
    asked: Counter[str] = field(default_factory=Counter)

    def layer(self, shared: str) -> bytes:
        """A layer of an image, not compressed; `base` is the same for all."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            entry = tarfile.TarInfo(f"etc/{shared}")
            entry.size = len(shared)
            tar.addfile(entry, io.BytesIO(shared.encode()))
        return buffer.getvalue()

    def blobs(self, repository: str, arch: str) -> tuple[bytes, list[bytes]]:
        """The configuration of an image and its layers as they are sent."""
        layers = [self.layer("base"), self.layer(repository.replace("/", "-"))]
        diff_ids = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
        config = {"architecture": arch, "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
        return json.dumps(config).encode(), [gzip.compress(layer, mtime=0) for layer in layers]

    def manifest(self, repository: str, arch: str) -> bytes:
        config, layers = self.blobs(repository, arch)
        entries = [{"mediaType": "layer", "size": len(b), "digest": digest(b)} for b in (config, *layers)]
        return json.dumps({"schemaVersion": 2, "config": entries[0], "layers": entries[1:]}).encode()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, media type and body for a path below /v2/."""
        kind = "manifests" if "/manifests/" in path else "blobs"
        repository, _, reference = path.removeprefix("/v2/").partition(f"/{kind}/")
        self.asked[kind if kind == "manifests" else reference] += 1
        if repository in self.lacks:
            return 404, "text/plain", b""
        manifests = {arch: self.manifest(repository, arch) for arch in self.archs}
        if kind == "manifests" and not reference.startswith("sha256:"):
            listed = [
                {"digest": digest(body), "platform": {"os": "linux", "architecture": arch}}
                for arch, body in manifests.items()
            ]
            return 200, INDEX, json.dumps({"schemaVersion": 2, "manifests": listed}).encode()
        found = {digest(body): (MANIFEST, body) for body in manifests.values()}
        for arch in self.archs:
            config, layers = self.blobs(repository, arch)
            found |= {digest(config): ("config", config)}
            found |= {digest(b): ("layer", b"something else" if self.lies else b) for b in layers}
        media, body = found.get(reference, ("", b""))
        return (200, media, body) if media else (404, "text/plain", b"")


def digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


@contextmanager
def serving(registry: SmallRegistry) -> Iterator[SmallRegistry]:
    """Serve it; `address` is then its host and port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/token"):
                good = self.headers["Authorization"] == "Basic dXNlcjp3b3Jk"
                body = registry.token_answer or json.dumps({"token": registry.token}).encode()
                return self.send(200 if good or registry.token_answer else 401, "json", body)
            if registry.token and self.headers["Authorization"] != f"Bearer {registry.token}":
                realm = f'Bearer realm="http://{registry.address}/token",service="small"'
                return self.send(401, "text/plain", b"", {"WWW-Authenticate": realm})
            status, media, body = registry.answer(self.path)
            return self.send(status, media, body)

        def send(self, status: int, media: str, body: bytes, more: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": media, "Content-Length": str(len(body)), **(more or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if registry.cuts and media == "layer" else body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
