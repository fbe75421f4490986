"""Python's libraries of the run-time lock, for either architecture, as files of a `dist-packages` folder."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from bundle import archive
from bundle.process import BundleError, output_of
from dlws.facts.control_host import LOCK
from dlws.inventory import Arch

PYTHON = (3, 11)
"""The Python that the bundle brings: Debian 12's. Its wheels, and the byte code, are made for it."""
GLIBC = range(17, 37)
"""Minor versions of glibc 2 that wheels may ask for; the bundle brings 2.36. PEP 600 names no platform below 2.17."""
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
_ALONE = ("--no-deps", "--no-build-isolation")


def fetch(arch: Arch, kept: Path, built: Path) -> list[Path]:
    """The wheels of the run-time lock: files in `kept`, each checked with the lock's hashes, and what is built of them.

    What comes as source is built into `built`, each time, by the locked setuptools of this environment. BundleError.
    """
    folder = kept / f"wheels-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=kept) as work:
            _download(arch, Path(work, "wheels"))
            Path(work, "wheels").rename(folder)
    pinned = LOCK.read_text("utf-8")
    files = sorted(folder.iterdir())
    if wrong := [file.name for file in files if f"sha256:{archive.digest_of(file)}" not in pinned]:
        raise BundleError(f"not as {LOCK.name} has them: {', '.join(wrong)}; remove {folder} and build again")
    for source in (file for file in files if file.suffix != ".whl"):
        # Dates in a wheel are those of its files, or this one if it is set.
        env = {**os.environ, "SOURCE_DATE_EPOCH": str(archive.EPOCH)}
        output_of([*_PIP, "wheel", *_ALONE, "--no-index", "-w", str(built), str(source)], env=env, timeout=600)
    return sorted(file for place in (folder, built) for file in place.glob("*.whl"))


def _download(arch: Arch, folder: Path) -> None:
    platforms = [f"manylinux_2_{minor}_{arch.machine}" for minor in GLIBC] + [f"manylinux2014_{arch.machine}"]
    fit = [word for platform in platforms for word in ("--platform", platform)]
    fit += [word for abi in ("cp311", "abi3", "none") for word in ("--abi", abi)]
    wanted = ["--python-version", ".".join(map(str, PYTHON)), "--implementation", "cp", *fit]
    output_of(
        [*_PIP, "download", *_ALONE, "--require-hashes", *wanted, "-d", str(folder), "-r", str(LOCK)], timeout=3000
    )


def files_of(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a wheel that are imported, with their paths below `dist-packages` (the binary distribution format).

    Scripts, headers and data are left out: nothing calls them.
    """
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            top, _, rest = name.partition("/")
            kind, _, inside = rest.partition("/")
            if name.endswith("/"):
                continue
            if not top.endswith(".data"):
                yield name, archive.read(name)
            elif kind in ("purelib", "platlib"):
                yield inside, archive.read(name)
