"""The user's DLWorkspace / Apulis-AI-Platform checkout: its templates, defaults and image contexts.

It is only read: none of its scripts is run, and params.py is read as text (`dlws.upstream.default_parameters`).
Paths in messages are relative to the checkout. Its layout is that of branch V0.1.6.1, which matches the runbook.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dlws.inventory import Arch
from dlws.upstream import default_parameters

BOOTSTRAP: Final = "src/ClusterBootstrap"
PARAMS: Final = f"{BOOTSTRAP}/params.py"
SERVICES: Final = f"{BOOTSTRAP}/services"
IMAGES: Final = "src/docker-images"
LAUNCH_ORDER: Final = "launch_order"
_NEEDED: Final = (PARAMS, SERVICES, f"{BOOTSTRAP}/template", IMAGES)
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
LARGEST: Final = 4 << 20
"""Bytes of one template; the largest of V0.1.6.1 is 0.2 MiB."""


class CheckoutError(Exception):
    """A file of the checkout is missing or unusable; the message is one line that names the file."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A DLWorkspace source tree, made by `open_checkout`. Nothing is cached: every call reads the tree."""

    root: Path

    def read(self, name: str) -> str:
        """The text of a file of the tree. CheckoutError if it is missing, a link, too large, or not UTF-8."""
        path = self.path(name)
        try:
            if path.exists() and not path.is_file():
                raise CheckoutError(f"{name}: not a regular file")
            with path.open("rb") as file:
                content = file.read(LARGEST + 1)
            if len(content) > LARGEST:
                raise CheckoutError(f"{name}: larger than {LARGEST >> 20} MiB")
            return content.decode("utf-8")
        except FileNotFoundError:
            raise CheckoutError(f"{name}: no such file in the checkout {self.root}") from None
        except UnicodeDecodeError as error:
            raise CheckoutError(f"{name}: not UTF-8 text at byte {error.start}") from None
        except (OSError, ValueError) as error:
            raise CheckoutError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from None

    def path(self, name: str) -> Path:
        """Where a file or folder of the tree is. CheckoutError if it, or a folder above it in the tree, is a link."""
        path = self.root / name
        for place in (path, *path.parents):
            if place == self.root and ".." not in path.parts:
                return path
            if place.is_symlink():
                raise CheckoutError(f"{place.relative_to(self.root)}: a link; put the file or folder itself there")
        raise CheckoutError(f"{name}: not in the checkout {self.root}")

    def files(self, folder: str) -> tuple[str, ...]:
        """The sorted names of the files in a folder of the tree, without hidden ones; empty without such a folder."""
        where = self.path(folder)
        if not where.is_dir():
            return ()
        return tuple(sorted(p.name for p in where.iterdir() if p.is_file() and not p.name.startswith(".")))

    def defaults(self) -> dict[str, Any]:
        """The default parameters. CheckoutError names the line of params.py that is not a plain value."""
        try:
            return default_parameters.read(self.read(PARAMS))
        except default_parameters.NotPlain as error:
            raise CheckoutError(f"{PARAMS}:{error.line}: {error}") from None

    def services(self) -> tuple[str, ...]:
        """The names of all services that have a launch order, sorted."""
        return tuple(sorted(p.parent.name for p in (self.root / SERVICES).glob(f"*/{LAUNCH_ORDER}")))

    def launch_order(self, service: str, arch: Arch) -> str | None:
        """The file that lists the service's manifests for an architecture; None if there is none for it.

        `launch_order` is amd64's and includes the objects that exist once; `launch_order_arm64` adds to it.
        """
        suffix = "" if arch is Arch.AMD64 else f"_{arch}"
        name = f"{SERVICES}/{service}/{LAUNCH_ORDER}{suffix}"
        return name if (self.root / name).is_file() else None

    def image_folders(self) -> tuple[str, ...]:
        """The names of the image contexts, as they are spelt in the tree."""
        return tuple(sorted(p.name for p in (self.root / IMAGES).iterdir() if p.is_dir()))

    def image_folder(self, name: str) -> str:
        """The context of an image by its name, ignoring case: RepairManager2, repairmanager2. Raises CheckoutError."""
        for folder in self.image_folders():
            if folder.lower() == name.lower():
                return f"{IMAGES}/{folder}"
        raise CheckoutError(f"{IMAGES}/{name}: no such image in the checkout {self.root}")

    def dockerfile(self, name: str, arch: Arch) -> str:
        """The Dockerfile of an image, relative to its context; the architecture's own if there is one."""
        folder = self.image_folder(name)
        own = "Dockerfile" if arch is Arch.AMD64 else f"Dockerfile-{arch}"
        for candidate in (own, "Dockerfile"):
            if (self.root / folder / candidate).is_file():
                return candidate
        raise CheckoutError(f"{folder}/Dockerfile: no such file in the checkout {self.root}")


def open_checkout(path: Path) -> Checkout:
    """The checkout at `path`. CheckoutError if that is not a DLWorkspace checkout."""
    if not path.is_dir():
        raise CheckoutError(f"{path}: no such folder; clone DLWorkspace (branch V0.1.6.1) there")
    missing = [name for name in _NEEDED if not (path / name).exists()]
    if missing:
        above = next((p for p in path.resolve().parents if all((p / name).exists() for name in _NEEDED)), None)
        hint = f"name {above}, the top of the checkout" if above else "name a clone of DLWorkspace (branch V0.1.6.1)"
        raise CheckoutError(f"{path}: not a DLWorkspace checkout, {missing[0]} is missing; {hint}")
    return Checkout(path.resolve())


def plain_name(name: str, where: str) -> str:
    """The file name itself, if it cannot lead out of its folder. CheckoutError otherwise, naming `where`."""
    if not _FILE_NAME.fullmatch(name):
        raise CheckoutError(f"{where}: {name!r} is no plain file name")
    return name
