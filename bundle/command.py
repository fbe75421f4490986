"""`dlws bundle`: see docs/bundle.md."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from bundle import archive, debian, folder, image, wheels
from bundle.content import command as content
from bundle.process import BundleError
from dlws.cli import Failed
from dlws.inventory import Arch

PATH = click.Path(path_type=Path)


@click.group()
def bundle() -> None:
    """Make the suite as one folder that starts on any machine, and the content that a configuration needs."""


for command in (content.list_, content.fetch, content.check):
    bundle.add_command(command)


@bundle.command()
@click.option("--arch", type=click.Choice([str(arch) for arch in Arch]), required=True, help="The control host's.")
@click.option("--output", type=PATH, default=Path(), metavar="DIR", help="Where the files are written (default: here).")
@click.option("--key", type=PATH, metavar="FILE", help="Sign with this SSH key, or the agent's of this public key.")
@click.option("--image", "as_image", is_flag=True, help="Also make a container image for `docker load`.")
def build(arch: str, output: Path, key: Path | None, as_image: bool) -> None:
    """Make dlws-VERSION-ARCH.tar and its SHA-256; with --key also its signature.

    Packages and libraries are those of the locks. The same inputs give the same bytes.
    """
    try:
        for tar in built(Arch(arch), output, [packed, *([imaged] if as_image else [])]):
            digest = tar.with_name(f"{tar.name}.sha256")
            digest.write_text(f"{archive.digest_of(tar)}  {tar.name}\n", encoding="ascii")
            for made in [tar, digest, *([archive.sign(tar, key)] if key else [])]:
                click.echo(made)
    except BundleError as error:
        raise Failed(f"dlws bundle build: {error}") from None


@dataclass(frozen=True, slots=True)
class Filled:
    """A bundle's folder that is complete, the name of the bundle, and the packages it is made of."""

    arch: Arch
    name: str
    folder: Path
    debs: list[tuple[debian.Package, Path]]


def built(arch: Arch, output: Path, forms: Sequence[Callable[[Filled, Path], Path]]) -> list[Path]:
    """Build a bundle in each of the forms below `output`; the files that were written. BundleError."""
    folder.check_possible()
    kept = cache() / arch
    kept.mkdir(parents=True, exist_ok=True)
    output.mkdir(parents=True, exist_ok=True)
    debs = debian.fetch(arch, kept)
    with tempfile.TemporaryDirectory(dir=kept) as work:
        libraries = wheels.fetch(arch, kept, Path(work) / "wheels")
        filled = Filled(arch, f"dlws-{folder.version()}-{arch}", Path(work) / "bundle", debs)
        folder.fill(filled.folder, arch, debs, libraries)
        archive.write_manifest(filled.folder)
        return [form(filled, output) for form in forms]


def packed(filled: Filled, output: Path) -> Path:
    """Write the bundle as the tar that is unpacked on a control host."""
    tar = output / f"{filled.name}.tar"
    archive.pack(filled.folder, tar, filled.name)
    return tar


def imaged(filled: Filled, output: Path) -> Path:
    """Write the bundle as the tar that `docker load` reads. BundleError."""
    tar = output / f"{filled.name}-image.tar"
    image.write(filled.folder, filled.debs, tar, filled.arch, f"dlws-suite:{folder.version()}-{filled.arch}")
    return tar


@bundle.command()
def lock() -> None:
    """Look up the newest of Debian's packages for both architectures, and write bundle/packages.lock.

    Review the difference before it is committed.
    """
    head = "# Made by `dlws bundle lock`: architecture, package, version, SHA-256 of the file.\n"
    try:
        found = [package for arch in Arch for package in debian.newest(arch, cache() / arch / "apt")]
    except BundleError as error:
        raise Failed(f"dlws bundle lock: {error}") from None
    debian.LOCK.write_text(head + "".join(package.line() for package in found), encoding="ascii")
    click.echo(f"{debian.LOCK}: {len(found)} packages")


def cache() -> Path:
    """The folder for what is fetched: packages are kept by their digests."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dlws" / "bundle"
