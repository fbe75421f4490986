"""content.lock: the files of a content folder, each with its SHA-256, its size and what it is.

A folder comes on a stick or over a network: what its lock says is read strictly, and no path leads out of the folder.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from dlws.config.cluster import CONTENT_IMAGES, Cluster
from dlws.inventory import Arch

NAME: Final = "content.lock"
FORMAT: Final = "dlws-content/1"
IMAGES: Final = CONTENT_IMAGES
PACKAGES: Final = "packages"
FILES: Final = "files"
INDEX: Final = "Packages"
"""apt's index of a folder of packages."""
LARGEST: Final = 64 << 20  # bytes of a lock; 10,000 files need 4 MiB


class ContentError(Exception):
    """A content folder that cannot be used, or made; the message says why."""


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or str(PurePosixPath(path)) != path:
        raise ValueError("is no path below the folder")
    return path


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class LockedFile(_Strict):
    """A file: where it lies, its bytes, and what it is for which architecture (`all`: each)."""

    path: Annotated[str, AfterValidator(_inside)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0)]
    kind: Literal["package", "image", "file", "index"]
    name: str = ""
    """An image's full name, a package's, or the path of a file as the configuration writes it."""
    arch: Literal["amd64", "arm64", "all", ""] = ""
    version: str = ""
    """A package's."""
    digest: str = ""
    """The digest under which a registry has an image for this architecture."""
    id: str = ""
    """An image's id, as Docker on a host shows it: the SHA-256 of its configuration."""

    @property
    def title(self) -> str:
        """How a message names it."""
        return f"{self.name} for {self.arch}" if self.kind == "image" else self.path


class Lock(_Strict):
    """All of a content folder."""

    format: Literal["dlws-content/1"]
    kubeadm: str = ""
    """What `kubeadm_images` are for (`kubeadm_settings`)."""
    kubeadm_images: tuple[str, ...] = ()
    """What `kubeadm config images list` printed, where kubeadm could be asked."""
    files: tuple[LockedFile, ...]


def read(folder: Path) -> Lock:
    """The lock of a content folder. ContentError if there is none or it is not understood."""
    path = folder / NAME
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for, a device has no end
            raise ContentError(f"{path} is no plain file; put the file itself there")
        if status.st_size > LARGEST:
            raise ContentError(f"{path} is larger than {LARGEST >> 20} MiB")
        lock = Lock.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ContentError(f"{path}: {error.strerror}; dlws bundle fetch makes it") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ContentError(f"{path}: {where}: {first['msg']}; make it again with dlws bundle fetch") from None
    if twice := [name for name, count in Counter(one.path for one in lock.files).items() if count > 1]:
        raise ContentError(f"{path} lists {min(twice)} twice")
    return lock


def write(folder: Path, lock: Lock) -> None:
    """Write the lock, whole or not at all; the same lock is the same bytes."""
    ordered = lock.model_copy(update={"files": tuple(sorted(lock.files, key=lambda one: one.path))})
    new = folder / f".{NAME}.new"
    new.write_text(json.dumps(ordered.model_dump(exclude_defaults=True), indent=1) + "\n", encoding="utf-8")
    new.replace(folder / NAME)


def packages_folder(platform: str, arch: Arch) -> str:
    """Where the packages of a release and an architecture lie: `packages/ubuntu-18.04-arm64`."""
    return f"{PACKAGES}/{platform.replace(' ', '-')}-{arch}"


def platform_name(system: str, release: str) -> str:
    """A release without its point release, whose packages it has: `ubuntu 18.04`, `debian 12`."""
    return f"{system} {'.'.join(release.split('.')[: 2 if system == 'ubuntu' else 1])}"


def sha256_of(path: Path) -> str:
    """A file's SHA-256, read in pieces. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def kubeadm_settings(cluster: Cluster) -> str:
    """What decides which images kubeadm lists: its version, the repository, and settings of its own."""
    settings = cluster.suite.kubernetes
    own = json.dumps(settings.kubeadm.get("ClusterConfiguration", {}), sort_keys=True, default=str)
    digest = hashlib.sha256(own.encode()).hexdigest()[:12]
    return f"{cluster.kubernetes_version} {settings.image_repository or 'its own repository'} {digest}"


def listed(lock: Lock, cluster: Cluster) -> tuple[str, ...]:
    """kubeadm's images as it listed them itself for this configuration; none if it was never asked."""
    return lock.kubeadm_images if lock.kubeadm == kubeadm_settings(cluster) else ()


def safe_name(text: str) -> str:
    """A text as part of a file's name."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)
