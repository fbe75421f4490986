"""The lab's own apt repository: packages whose real ones are nobody's to ship here, built from lab/packages/."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

from lab.image import digest, folder_parts
from lab.plan import LAB, cache
from lab.process import run, say
from lab.record import read_json

SOURCES = LAB / "packages"


def _as_it_is(folder: Path) -> None:
    """The folder holds the whole package."""


@dataclass(frozen=True, slots=True)
class Package:
    """A folder of lab/packages. `fill` adds to a copy of it what is not kept here, made of what `made_of` names."""

    name: str
    made_of: str = ""
    fill: Callable[[Path], None] = _as_it_is

    def recipe(self) -> str:
        """The hash of all that the package is made of."""
        parts = folder_parts(SOURCES / self.name)
        return digest(Path(__file__).read_bytes(), self.made_of.encode(), *parts)


OWN = (Package("nvidia-docker2"),)


def ensure(packages: Sequence[Package] = OWN) -> None:
    """Have the packages in the repository that apt-cacher-ng serves as /lab; build those that another recipe made."""
    repository = cache() / "packages"
    repository.mkdir(parents=True, exist_ok=True)
    record = repository / "recipes.json"
    recipes: dict[str, str] = read_json(record) or {}
    for package in packages:
        if recipes.get(package.name) != package.recipe():
            say(f"building package {package.name}")
            _build(package, repository)
            recipes[package.name] = package.recipe()
            write_index(repository)
            record.write_text(json.dumps(recipes, indent=1) + "\n")


def _build(package: Package, repository: Path) -> None:
    (cache() / "build").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache() / "build") as work:
        folder = Path(work) / package.name
        shutil.copytree(SOURCES / package.name, folder, symlinks=True)
        package.fill(folder)
        for old in repository.glob(f"{package.name}_*.deb"):
            old.unlink()
        run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(folder), str(repository), timeout=300)


def write_index(repository: Path) -> None:
    """Write apt's index of the packages in a folder."""
    index = "".join(stanza(deb) for deb in sorted(repository.glob("*.deb")))
    (repository / "Packages").write_text(index)
    (repository / "Packages.gz").write_bytes(gzip.compress(index.encode(), mtime=0))
    sums = "".join(_sum_line(repository / name) for name in ("Packages", "Packages.gz"))
    head = f"Origin: dlws-lab\nLabel: dlws-lab\nSuite: lab\nDate: {formatdate(usegmt=True)}\n"
    (repository / "Release").write_text(f"{head}SHA256:\n{sums}")


def stanza(deb: Path) -> str:
    """A package's paragraph in the index: its control file, and where and what the archive is."""
    control = run("dpkg-deb", "--field", str(deb)).rstrip("\n")
    content = deb.read_bytes()
    where = f"Filename: ./{deb.name}\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}"
    return f"{control}\n{where}\n\n"


def _sum_line(path: Path) -> str:
    content = path.read_bytes()
    return f" {hashlib.sha256(content).hexdigest()} {len(content)} {path.name}\n"
