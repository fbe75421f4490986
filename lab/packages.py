"""The lab's own apt repository: packages whose real ones are nobody's to ship here, built from lab/packages/."""

from __future__ import annotations

import gzip
import hashlib
from email.utils import formatdate
from pathlib import Path

from lab.image import digest, folder_parts
from lab.plan import LAB, cache
from lab.process import run, say

SOURCES = LAB / "packages"


def ensure() -> None:
    """Build the repository that apt-cacher-ng serves as /lab, unless it was built from these very sources."""
    repository = cache() / "packages"
    recipe = digest(Path(__file__).read_bytes(), *folder_parts(SOURCES))
    mark = repository / "recipe"
    if mark.exists() and mark.read_text() == recipe:
        return
    say("building the lab's apt repository")
    repository.mkdir(parents=True, exist_ok=True)
    for source in sorted(path for path in SOURCES.iterdir() if path.is_dir()):
        run("dpkg-deb", "--root-owner-group", "--build", str(source), str(repository))
    index = "".join(stanza(deb) for deb in sorted(repository.glob("*.deb")))
    (repository / "Packages").write_text(index)
    (repository / "Packages.gz").write_bytes(gzip.compress(index.encode(), mtime=0))
    sums = "".join(_sum_line(repository / name) for name in ("Packages", "Packages.gz"))
    head = f"Origin: dlws-lab\nLabel: dlws-lab\nSuite: lab\nDate: {formatdate(usegmt=True)}\n"
    (repository / "Release").write_text(f"{head}SHA256:\n{sums}")
    mark.write_text(recipe)


def stanza(deb: Path) -> str:
    """A package's paragraph in the index: its control file, and where and what the archive is."""
    control = run("dpkg-deb", "--field", str(deb)).rstrip("\n")
    content = deb.read_bytes()
    where = f"Filename: ./{deb.name}\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}"
    return f"{control}\n{where}\n\n"


def _sum_line(path: Path) -> str:
    content = path.read_bytes()
    return f" {hashlib.sha256(content).hexdigest()} {len(content)} {path.name}\n"
