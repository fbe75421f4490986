"""Python's libraries of the run-time lock, for either architecture, as files of a `dist-packages` folder."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from bundle.process import output_of
from dlws.facts.control_host import BUILD_LOCK, LOCK
from dlws.inventory import Arch

PYTHON = (3, 11)
"""The Python that the bundle brings: Debian 12's. Its wheels, and the byte code, are made for it."""
GLIBC = range(17, 37)
"""Minor versions of glibc 2 that wheels may ask for; the bundle brings 2.36. PEP 600 names no platform below 2.17."""


def fetch(arch: Arch, kept: Path) -> list[Path]:
    """The wheels of the run-time lock, each checked with its hashes; kept by the digest of the locks. BundleError."""
    locks = hashlib.sha256(BUILD_LOCK.read_bytes() + LOCK.read_bytes()).hexdigest()
    folder = kept / f"wheels-{locks[:12]}"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=kept) as work:
            _download(arch, Path(work))
            Path(work).rename(folder)
            Path(work).mkdir()
    return sorted(folder.glob("*.whl"))


def _download(arch: Arch, folder: Path) -> None:
    """What comes as source is built here, without isolation: by the locked setuptools of this environment."""
    platforms = [f"manylinux_2_{minor}_{arch.machine}" for minor in GLIBC] + [f"manylinux2014_{arch.machine}"]
    fit = [word for platform in platforms for word in ("--platform", platform)]
    fit += [word for abi in ("cp311", "abi3", "none") for word in ("--abi", abi)]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    only = ["--no-deps", "--no-build-isolation"]
    wanted = ["--python-version", ".".join(map(str, PYTHON)), "--implementation", "cp", *fit]
    output_of([*pip, "download", *only, "--require-hashes", *wanted, "-d", str(folder), "-r", str(LOCK)], timeout=1200)
    for source in sorted(folder.glob("*.tar.gz")):
        # Dates in a wheel are those of its files, or this one if it is set.
        env = {**os.environ, "SOURCE_DATE_EPOCH": "946684800"}
        output_of([*pip, "wheel", *only, "--no-index", "-w", str(folder), str(source)], env=env, timeout=300)
        source.unlink()


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
