"""Writes an image of a registry as the archive that `docker load` reads; the same image is the same bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
import zlib
from pathlib import Path
from typing import IO, Final

from bundle.content.registry import Blob, Client, RemoteImage
from dlws.content.lock import ContentError
from dlws.kubernetes.image_archives import with_tag

PIECE: Final = 1 << 20  # bytes


def write(client: Client, image: RemoteImage, name: str, target: Path, blobs: Path) -> None:
    """Write the archive of an image, whole or not at all. `blobs` keeps layers, each fetched once. ContentError."""
    digests = _diff_ids(image, name)
    identity = hashlib.sha256(image.config).hexdigest()
    members = [f"{digest.removeprefix('sha256:')}/layer.tar" for digest in digests]
    new = target.with_name(f".{target.name}.new")
    with tarfile.open(new, "w", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, f"{identity}.json", io.BytesIO(image.config), len(image.config))
        for member, (layer, digest) in dict(zip(members, zip(image.layers, digests, strict=True), strict=True)).items():
            layer_file = _unpacked(_fetched(client, image, layer, blobs), digest, name)
            with layer_file.open("rb") as file:
                _add(tar, member, file, layer_file.stat().st_size)
            layer_file.unlink()
        manifest = [{"Config": f"{identity}.json", "RepoTags": [with_tag(name)], "Layers": members}]
        text = json.dumps(manifest).encode()
        _add(tar, "manifest.json", io.BytesIO(text), len(text))
    new.replace(target)


def _diff_ids(image: RemoteImage, name: str) -> list[str]:
    try:
        digests = [str(digest) for digest in json.loads(image.config)["rootfs"]["diff_ids"]]
    except (ValueError, KeyError, TypeError):
        raise ContentError(f"{name}: its configuration names no layers") from None
    if len(digests) != len(image.layers):
        raise ContentError(f"{name}: its manifest has {len(image.layers)} layers, its configuration {len(digests)}")
    return digests


def _fetched(client: Client, image: RemoteImage, layer: Blob, blobs: Path) -> Path:
    path = blobs / layer.digest.removeprefix("sha256:")
    if not path.exists():
        client.download(image, layer, path)
    return path


def _unpacked(path: Path, digest: str, name: str) -> Path:
    """The layer without its compression, as a file, held to its digest in the image's configuration."""
    plain, found = path.with_name(f"{path.name}.tar"), hashlib.sha256()
    try:
        with _opened(path) as source, plain.open("wb") as target:
            while piece := source.read(PIECE):
                found.update(piece)
                target.write(piece)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ContentError(f"{name}: a layer cannot be unpacked: {error}") from None
    if f"sha256:{found.hexdigest()}" != digest:
        plain.unlink()
        raise ContentError(f"{name}: a layer is not what its configuration says, or is compressed with zstd")
    return plain


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if is_gzip else path.open("rb")  # type: ignore[return-value]


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o644
    tar.addfile(entry, content)


def forget(blobs: Path) -> None:
    """Remove the layers that were kept for this fetch, once all archives are written."""
    shutil.rmtree(blobs, ignore_errors=True)
