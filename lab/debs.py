"""Distribution packages as a source of files: fetched with the machine's own apt, unpacked, never installed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lab.process import LabError, run

_LEFT_OUT = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")


def extract(folder: Path, *packages: str) -> Path:
    """Unpack binary packages (apt's candidates) below `folder`, and return it. Raises LabError if apt cannot."""
    for archive in _download(folder, *packages):
        run("dpkg-deb", "--extract", str(archive), str(folder))
        archive.unlink()
    return folder


def unpack(folder: Path, package: str) -> Path:
    """Unpack one binary package with its control files (DEBIAN/) into `folder`, made anew; return it."""
    shutil.rmtree(folder, ignore_errors=True)
    (archive,) = _download(folder, package)
    run("dpkg-deb", "--raw-extract", str(archive), str(folder))
    archive.unlink()
    return folder


def _download(folder: Path, *packages: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    before = Path.cwd()
    os.chdir(folder)  # apt-get download knows no other way
    try:
        run("apt-get", "-o", "APT::Sandbox::User=root", "download", *packages, timeout=300)
    finally:
        os.chdir(before)
    return sorted(folder.glob("*.deb"))


def closure(*packages: str) -> list[str]:
    """The packages and all that they depend on."""
    lines = run(
        "apt-cache", "depends", "--recurse", *(f"--no-{kind}" for kind in _LEFT_OUT), *packages, timeout=120
    ).splitlines()
    return sorted({line for line in lines if line and line[0] not in " <|"})


def source(folder: Path, package: str, deb_src: list[str]) -> Path:
    """Fetch and unpack a source package, with lists and a sources.list of its own; return the unpacked tree."""
    lists = folder / "lists"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    sources = folder / "sources.list"
    sources.write_text("".join(f"{line}\n" for line in deb_src))
    options = [f"Dir::Etc::sourcelist={sources}", "Dir::Etc::sourceparts=-", f"Dir::State::lists={lists}"]
    apt = ["apt-get", *(word for option in [*options, "APT::Sandbox::User=root"] for word in ("-o", option))]
    before = Path.cwd()
    os.chdir(folder)
    try:
        run(*apt, "update", timeout=300)
        run(*apt, "source", package, timeout=600)
    finally:
        os.chdir(before)
    trees = [path for path in folder.glob(f"{package}-*") if path.is_dir()]
    if len(trees) != 1:
        raise LabError(f"apt-get source {package} left {len(trees)} trees in {folder}")
    return trees[0]
