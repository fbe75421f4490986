"""One file of a folder: the same folder always gives the same bytes."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path
from typing import IO

from bundle.process import output_of

MANIFEST = "MANIFEST"
EPOCH = 946684800
"""The time of every file, seconds since 1970: the beginning of 2000. What a file is, its digest says."""
NAMESPACE = "dlws-bundle"


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path) -> None:
    """Write MANIFEST, with the SHA-256 of every other file, in order of their paths."""
    lines = [f"{digest_of(path)}  {name}\n" for name, path in _files(folder) if name != MANIFEST]
    (folder / MANIFEST).write_text("".join(lines), encoding="utf-8")


def pack(folder: Path, target: Path, top: str) -> None:
    """Write a tar of the folder's files below a folder `top`: sorted, root's, with one date and two modes."""
    with target.open("wb") as out:
        _pack(_files(folder), out, f"{top}/")


def _files(folder: Path) -> list[tuple[str, Path]]:
    files = [(str(path.relative_to(folder)), path) for path in folder.rglob("*") if path.is_file()]
    return sorted(files)


def _pack(files: list[tuple[str, Path]], out: IO[bytes], top: str) -> None:
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        made: set[str] = set()
        for name, path in files:
            for parent in reversed(Path(top + name).parents[:-1]):
                if str(parent) not in made:
                    tar.addfile(_member(str(parent), tarfile.DIRTYPE, 0o755))
                    made.add(str(parent))
            member = _member(top + name, tarfile.REGTYPE, 0o755 if is_program(name) else 0o644)
            member.size = path.stat().st_size
            with path.open("rb") as content:
                tar.addfile(member, content)


def _member(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.mtime = kind, mode, EPOCH
    return member


def is_program(name: str) -> bool:
    """Whether a file of a bundle is executed."""
    return name == "dlws" or name.startswith(("bin/", "libexec/", "lib/ld-linux-"))


def sign(target: Path, key: Path) -> Path:
    """Sign a file with an SSH key; returns `<file>.sig`, which is replaced. BundleError."""
    signature = target.with_name(f"{target.name}.sig")
    signature.unlink(missing_ok=True)
    output_of(["ssh-keygen", "-Y", "sign", "-q", "-n", NAMESPACE, "-f", str(key), str(target)], timeout=300)
    return signature
