"""Container images written straight into the archive that `docker load` reads: one layer, the same bytes each time."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Image:
    """An image: its reference, its content (path in the image -> a file or folder here, or text), how it starts.

    `links` maps a path to what a symbolic link there points at; `folders` are made empty, open to everybody.
    """

    reference: str
    content: Mapping[str, Path | str]
    links: Mapping[str, str] = field(default_factory=dict)
    folders: Sequence[str] = ("tmp",)
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """Where a folder of archives keeps it."""
        return file_name(self.reference)


def file_name(reference: str) -> str:
    """`k8s.gcr.io/pause:3.2` -> `k8s.gcr.io-pause-3.2.tar`: where a folder of archives keeps an image."""
    return reference.replace("/", "-").replace(":", "-") + ".tar"


def write(image: Image, folder: Path, architecture: str = "amd64") -> Path:
    """Write the image's archive into `folder`, complete or not at all; return its path."""
    layer = folder / f".{image.file_name}.layer"
    _write_layer(image, layer)
    checksum = hashlib.sha256(layer.read_bytes()).hexdigest()
    config = json.dumps(_config(image, architecture, checksum), sort_keys=True).encode()
    identity = hashlib.sha256(config).hexdigest()
    manifest = [{"Config": f"{identity}.json", "RepoTags": [image.reference], "Layers": [f"{checksum}/layer.tar"]}]
    new = folder / f".{image.file_name}.new"
    with tarfile.open(new, "w") as tar:
        _add_text(tar, f"{identity}.json", config)
        tar.add(layer, f"{checksum}/layer.tar", filter=_plain)
        _add_text(tar, "manifest.json", json.dumps(manifest).encode())
    layer.unlink()
    new.chmod(0o644)
    return new.rename(folder / image.file_name)


def _config(image: Image, architecture: str, checksum: str) -> dict[str, object]:
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    start = {
        "Env": [path, *(f"{name}={value}" for name, value in image.environment.items())],
        "Entrypoint": list(image.entrypoint) or None,
        "Cmd": list(image.command) or None,
        "WorkingDir": "/",
    }
    root = {"type": "layers", "diff_ids": [f"sha256:{checksum}"]}
    history = [{"created": EPOCH, "created_by": "dlws lab"}]
    return {
        "architecture": architecture,
        "os": "linux",
        "created": EPOCH,
        "config": start,
        "rootfs": root,
        "history": history,
    }


def _write_layer(image: Image, path: Path) -> None:
    with tarfile.open(path, "w") as tar:
        for name, source in sorted(image.content.items()):
            _add_parents(tar, name)
            if isinstance(source, str):
                _add_text(tar, name, source.encode(), 0o755 if source.startswith("#!") else 0o644)
            else:
                tar.add(source, name, filter=_plain)
        for name, target in sorted(image.links.items()):
            _add_parents(tar, name)
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
        for name in image.folders:
            if name not in tar.getnames():
                _add_folder(tar, name, 0o1777)


def _add_parents(tar: tarfile.TarFile, name: str) -> None:
    """`docker load` refuses a path that occurs twice."""
    for parent in reversed(list(Path(name).parents)[:-1]):
        if str(parent) not in tar.getnames():
            _add_folder(tar, str(parent), 0o755)


def _add_folder(tar: tarfile.TarFile, name: str, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    tar.addfile(entry)


def _add_text(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mtime = 0
    return entry
