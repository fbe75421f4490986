"""`dlws bundle`: see docs/bundle.md."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from bundle import archive, debian, folder, wheels
from bundle.process import BundleError
from dlws.cli import Failed
from dlws.inventory import Arch

PATH = click.Path(path_type=Path)


@click.group()
def bundle() -> None:
    """Make the suite as one folder that starts on any machine, without a network."""


@bundle.command()
@click.option("--arch", type=click.Choice([str(arch) for arch in Arch]), required=True, help="The control host's.")
@click.option("--output", type=PATH, default=Path(), metavar="DIR", help="Where the files are written (default: here).")
@click.option("--key", type=PATH, metavar="FILE", help="Sign with this SSH key, or the agent's of this public key.")
def build(arch: str, output: Path, key: Path | None) -> None:
    """Make dlws-VERSION-ARCH.tar and its SHA-256; with --key also its signature.

    Packages and libraries are those of the locks. The same inputs give the same bytes.
    """
    try:
        for made in built(Arch(arch), output, key):
            click.echo(made)
    except BundleError as error:
        raise Failed(f"dlws bundle build: {error}") from None


def built(arch: Arch, output: Path, key: Path | None) -> list[Path]:
    """Build a bundle; the files that were written. BundleError."""
    kept = cache() / arch
    kept.mkdir(parents=True, exist_ok=True)
    output.mkdir(parents=True, exist_ok=True)
    name = f"dlws-{folder.version()}-{arch}"
    debs, libraries = debian.fetch(arch, kept), wheels.fetch(arch, kept)
    with tempfile.TemporaryDirectory(dir=kept) as work:
        folder.fill(Path(work), arch, debs, libraries)
        archive.write_manifest(Path(work))
        tar = output / f"{name}.tar"
        archive.pack(Path(work), tar, name)
    digest = tar.with_name(f"{tar.name}.sha256")
    digest.write_text(f"{archive.digest_of(tar)}  {tar.name}\n", encoding="ascii")
    return [tar, digest, *([archive.sign(tar, key)] if key else [])]


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
