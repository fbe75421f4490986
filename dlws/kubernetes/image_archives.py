"""Container images as files in the folder of archives (`suite.image_archives`), as `docker save` writes them.

An archive is a tar whose manifest.json lists its images: names, configuration, layers. An image's id is the SHA-256 of
its configuration, which the file's name repeats and which holds the architecture and the SHA-256 of each layer. Source:
moby, image/spec/v1.2.md and image/tarexport; `docker load` itself compares each layer with its digest there.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Final

from dlws.config import named_file
from dlws.inventory import Arch
from dlws.parse.tar import members as tar_members

SUMS = "SHA256SUMS"
"""Beside the archives, as `sha256sum *.tar` prints it: if it is there, it lists all of them."""
_KEYS: Final = frozenset({"Config", "RepoTags", "Layers", "Parent", "LayerSources"})
LARGEST_JSON = 16 << 20  # bytes; a configuration has a few KiB


class WrongArchive(Exception):
    """A file that must not be loaded as the image; the message says what it is instead."""


@dataclass(frozen=True, slots=True)
class ArchivedImage:
    """An image of an archive: its id, its names as Docker lists them, its architecture (`amd64`)."""

    id: str
    names: tuple[str, ...]
    architecture: str


def archive(folder: Path | None, image: str, arch: Arch) -> Path | None:
    """The `docker save` archive of an image, preferably the architecture's own; None if there is none.

    `k8s.gcr.io/pause:3.2` is `k8s.gcr.io-pause-3.2-arm64.tar` or, for any architecture, `k8s.gcr.io-pause-3.2.tar`.
    """
    candidates = [folder / file_name(image, arch), folder / f"{_flat(image)}.tar"] if folder else []
    return next((path for path in candidates if path.exists()), None)


def file_name(image: str, arch: Arch) -> str:
    """Where a folder of archives keeps an architecture's own: `k8s.gcr.io-pause-3.2-arm64.tar`."""
    return f"{_flat(image)}-{arch}.tar"


def _flat(image: str) -> str:
    return image.replace("/", "-").replace(":", "-")


def require(path: Path, image: str, arch: str | None) -> None:
    """Raise WrongArchive unless the file is a whole archive of this image alone, for the architecture if one is given.

    Where there is a SHA256SUMS beside it, all of the file is read; else its contents and its two small JSON files.
    """
    _require_sum(path)
    require_image(path, image, arch)


def require_image(path: Path, image: str, arch: str | None) -> None:
    """The same by the archive's contents and its two small JSON files alone, whose layers have their digests there."""
    images = contents(path)
    names = [name for found in images for name in found.names]
    if names != [with_tag(image)]:
        raise WrongArchive(f"it holds {', '.join(names) or 'no named image'}, not {with_tag(image)}")
    if arch is not None and images[0].architecture != arch:
        raise WrongArchive(f"{with_tag(image)} in it is for {images[0].architecture}, {arch} is needed")


def contents(path: Path) -> tuple[ArchivedImage, ...]:
    """The images of an archive. WrongArchive if it is none, is cut off, or is not what its own manifest says."""
    try:
        with named_file.opened(path) as file, tarfile.open(fileobj=file) as tar:
            members = _members(tar)
            return tuple(_image(tar, members, entry) for entry in _json(tar, members, "manifest.json"))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise WrongArchive(f"it cannot be read as a tar archive: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise WrongArchive("its manifest.json is not understood: make it with docker save") from None


def _members(tar: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """The members by name. WrongArchive for a name that Docker would take for another member's."""
    found: dict[str, tarfile.TarInfo] = {}
    for member in tar_members(tar):
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or (str(path) in found and not member.isdir()):
            raise WrongArchive(f"two files in it can be meant by {member.name!r:.80}")
        found[str(path)] = member
    return found


def _image(tar: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo], entry: Mapping[str, Any]) -> ArchivedImage:
    if strange := entry.keys() - _KEYS:  # Docker, in Go, reads `repotags` too
        raise WrongArchive(f"its manifest.json has an unknown key: {min(strange)!r:.80}")
    name = str(entry["Config"])
    data = _content(tar, members, name)
    found = hashlib.sha256(data).hexdigest()
    if PurePosixPath(name).name.removesuffix(".json") != found:
        raise WrongArchive(f"its configuration {name} has another digest: sha256:{found}")
    configuration = json.loads(data)
    layers, digests = entry["Layers"], configuration["rootfs"].get("diff_ids") or []
    if missing := [layer for layer in layers if layer not in members]:
        raise WrongArchive(f"it is cut off: {missing[0]} is missing")
    if len(layers) != len(digests):
        raise WrongArchive(f"its manifest lists {len(layers)} layers, its configuration {len(digests)}")
    names = tuple(with_tag(str(tag)) for tag in entry["RepoTags"] or ())
    return ArchivedImage(found, names, str(configuration["architecture"]))


def _json(tar: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo], name: str) -> Any:
    return json.loads(_content(tar, members, name))


def _content(tar: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo], name: str) -> bytes:
    member = members.get(name)
    if member is None:
        raise WrongArchive(f"it has no {name}: make it with docker save")
    if not member.isreg() or member.size > LARGEST_JSON:
        raise WrongArchive(f"{name} in it is not a small file")
    file = tar.extractfile(member)
    data = file.read() if file else b""
    if len(data) < member.size:
        raise WrongArchive(f"it is cut off in {name}")
    return data


def _require_sum(path: Path) -> None:
    try:
        text = named_file.text(path.parent / SUMS)
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise WrongArchive(f"{SUMS} beside it cannot be read: {error}") from None
    sums = {name: digest for digest, name in re.findall(r"^([0-9a-f]{64}) [ *](.+)$", text, re.M)}
    if path.name not in sums:
        raise WrongArchive(f"{SUMS} beside it does not list it")
    try:
        status = path.stat()
        found = _sha256(path, (status.st_ino, status.st_size, status.st_mtime_ns))
    except OSError as error:
        raise WrongArchive(f"it cannot be read: {error.strerror}") from None
    if found != sums[path.name]:
        raise WrongArchive(f"its SHA-256 is {found}, {SUMS} says {sums[path.name]}")


@lru_cache(maxsize=1000)
def _sha256(path: Path, state: tuple[int, int, int]) -> str:
    """A file's SHA-256, found once for each `state` of it: every host of a run loads the same archives."""
    with named_file.opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def with_tag(image: str) -> str:
    """The image's name as Docker lists it: with `latest` where it has no tag, without Docker Hub's own names."""
    name = image if ":" in image.rpartition("/")[2] else f"{image}:latest"
    return name.removeprefix("docker.io/").removeprefix("library/")
