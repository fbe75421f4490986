"""The lab's image registry: Debian's docker-registry on the gateway, filled from archives.

It is the registry mirror of the hosts' Docker (rootfs: docker.service.d), so images are pulled by upstream's names. It
also has a name of its own: 192.168.3.1:5010/apulistech/nginx:1.9.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPMessage
from pathlib import Path
from typing import IO, Any

from lab.plan import GATEWAY, REGISTRY, REGISTRY_PORT, RUN, cache
from lab.process import LabError, pid_of, say, start_daemon, stop_daemon, wait_for

COMMAND = "docker-registry"
PID = RUN / "docker-registry.pid"
CONF = RUN / "docker-registry.json"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar"


def running() -> bool:
    """Whether the registry started by the lab is running."""
    return pid_of(PID, str(CONF)) is not None


def start() -> None:
    """Start the registry unless it is running."""
    if running():
        return
    folder = cache() / "registry"
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder)}, "delete": {"enabled": True}},
        "http": {"addr": f"{GATEWAY}:{REGISTRY_PORT}"},
    }
    CONF.write_text(json.dumps(settings))
    pid = start_daemon([COMMAND, "serve", str(CONF)], cache() / "log" / "docker-registry.log")
    PID.write_text(f"{pid}\n")
    say(f"starting a registry on {REGISTRY}")
    wait_for("the registry to answer", _answers, 30)


def stop() -> None:
    """Stop the registry; its content is kept."""
    stop_daemon("the registry", PID, str(CONF), 20)


def push(archive: Path, for_arch: str | None = None) -> bool:
    """Push the image in a `docker save` archive; False if it was already there. Raises LabError if rejected.

    `for_arch` makes the image claim to be for another architecture.
    """
    with tarfile.open(archive) as tar:
        (entry,) = json.load(_member(tar, "manifest.json"))
        (reference,) = entry["RepoTags"]
        config = _member(tar, entry["Config"]).read()
        if for_arch:
            config = json.dumps(json.loads(config) | {"architecture": for_arch}, sort_keys=True).encode()
        manifest = _manifest(tar, entry, config)
        repository, tag = place_of(reference)
        if digest_of(reference) == _digest(manifest):
            return False
        say(f"pushing {reference}")
        _upload(repository, _digest(config), config)
        for layer, name in zip(json.loads(manifest)["layers"], entry["Layers"], strict=True):
            _upload(repository, layer["digest"], _member(tar, name), layer["size"])
    _ask("PUT", f"{repository}/manifests/{tag}", manifest, {"Content-Type": MANIFEST})
    return True


def push_index(archive: Path, below: str, archs: Sequence[str]) -> None:
    """Push the image in an archive below a path of the registry, once for each architecture, under one tag."""
    with tarfile.open(archive) as tar:
        (entry,) = json.load(_member(tar, "manifest.json"))
        (reference,) = entry["RepoTags"]
        content = _member(tar, entry["Config"]).read()
        repository, tag = place_of(reference)
        repository = f"{below}/{repository}"
        configs = {arch: json.dumps(json.loads(content) | {"architecture": arch}, sort_keys=True) for arch in archs}
        manifests = {arch: _manifest(tar, entry, config.encode()) for arch, config in configs.items()}
        index = _index(manifests)
        headers = _ask("HEAD", f"{repository}/manifests/{tag}", headers={"Accept": INDEX}, missing=True)
        if headers is not None and headers["Docker-Content-Digest"] == _digest(index):
            return
        say(f"pushing {reference} for {' and '.join(archs)}")
        for arch, config in configs.items():
            _upload(repository, _digest(config.encode()), config.encode())
            for layer, name in zip(json.loads(manifests[arch])["layers"], entry["Layers"], strict=True):
                _upload(repository, layer["digest"], _member(tar, name), layer["size"])
            _ask(
                "PUT", f"{repository}/manifests/{_digest(manifests[arch])}", manifests[arch], {"Content-Type": MANIFEST}
            )
    _ask("PUT", f"{repository}/manifests/{tag}", index, {"Content-Type": INDEX})


def _index(manifests: Mapping[str, bytes]) -> bytes:
    entries = [
        {
            "mediaType": MANIFEST,
            "size": len(manifest),
            "digest": _digest(manifest),
            "platform": {"os": "linux", "architecture": arch},
        }
        for arch, manifest in manifests.items()
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, sort_keys=True).encode()


def place_of(reference: str) -> tuple[str, str]:
    """The repository and tag of an image in the registry; Docker Hub's official images are below `library/`."""
    name, _, tag = reference.removeprefix(f"{REGISTRY}/").rpartition(":")
    return (name if "/" in name else f"library/{name}"), tag


def digest_of(reference: str) -> str | None:
    """The digest of an image's manifest; None if the registry does not have the image."""
    repository, tag = place_of(reference)
    headers = _ask("HEAD", f"{repository}/manifests/{tag}", headers={"Accept": MANIFEST}, missing=True)
    return None if headers is None else headers["Docker-Content-Digest"]


def remove(reference: str) -> None:
    """Delete an image. Raises LabError if the registry does not have it."""
    digest = digest_of(reference)
    if digest is None:
        raise LabError(f"the registry has no {reference}")
    _ask("DELETE", f"{place_of(reference)[0]}/manifests/{digest}")


def _manifest(tar: tarfile.TarFile, entry: dict[str, Any], config: bytes) -> bytes:
    """The manifest. Layers are uploaded uncompressed, so their digests are those in the configuration."""
    digests = json.loads(config)["rootfs"]["diff_ids"]
    layers = [
        {"mediaType": LAYER, "size": _resolved(tar, name).size, "digest": digest}
        for name, digest in zip(entry["Layers"], digests, strict=True)
    ]
    head = {"mediaType": CONFIG, "size": len(config), "digest": _digest(config)}
    content = {"schemaVersion": 2, "mediaType": MANIFEST, "config": head, "layers": layers}
    return json.dumps(content, sort_keys=True).encode()


def _resolved(tar: tarfile.TarFile, name: str) -> tarfile.TarInfo:
    """The member behind a name: `docker save` writes a repeated layer as a symbolic link."""
    entry = tar.getmember(name)
    if entry.issym():
        folder = Path(name).parent
        parts: list[str] = []
        for part in (folder / entry.linkname).parts:
            parts = parts[:-1] if part == ".." else [*parts, part]
        return tar.getmember("/".join(parts))
    return entry


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    member = tar.extractfile(_resolved(tar, name))
    if member is None:
        raise LabError(f"{name}: not a file in the archive")
    return member


def _upload(repository: str, digest: str, content: bytes | IO[bytes], size: int | None = None) -> None:
    if _ask("HEAD", f"{repository}/blobs/{digest}", missing=True) is not None:
        return
    begun = _ask("POST", f"{repository}/blobs/uploads/")
    if begun is None:
        raise LabError(f"{repository}: the registry accepts no uploads")
    place = begun["Location"]
    separator = "&" if "?" in place else "?"
    length = len(content) if isinstance(content, bytes) else size
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(length)}
    _request("PUT", f"{place}{separator}digest={digest}", content, headers)


def _ask(
    method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, missing: bool = False
) -> HTTPMessage | None:
    try:
        return _request(method, f"http://{REGISTRY}/v2/{path}", body, headers or {})
    except urllib.error.HTTPError as error:
        if missing and error.code == 404:
            return None
        raise LabError(f"the registry answers {error.code} to {method} {path}") from error
    except OSError as error:
        raise LabError(f"the registry {REGISTRY} does not answer: {error}") from error


def _request(method: str, url: str, body: bytes | IO[bytes], headers: dict[str, str]) -> HTTPMessage:
    question = urllib.request.Request(url, data=body or None, headers=headers, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(question, timeout=300) as answer:
        return answer.headers  # type: ignore[no-any-return]


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _answers() -> bool:
    try:
        _ask("GET", "")
    except LabError:
        return False
    return True
