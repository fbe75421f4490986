"""One file of a folder: the same folder always gives the same bytes."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Mapping
from pathlib import Path

from bundle.process import BundleError, output_of

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
    pack_entries(entries(folder, f"{top}/"), target, {})


def entries(folder: Path, top: str = "") -> list[tuple[tarfile.TarInfo, Path]]:
    """The folder's files as members of a tar, with `top` before their names, and each with its source."""
    return [(_file(top + name, path, 0o755 if is_program(name) else 0o644), path) for name, path in _files(folder)]


def pack_entries(files: list[tuple[tarfile.TarInfo, Path]], target: Path, folders: Mapping[str, int]) -> None:
    """Write a tar of these files with the folders they are in; `folders` has the modes of more."""
    with tarfile.open(target, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, mode in folders.items():
            tar.addfile(_member(name, tarfile.DIRTYPE, mode))
        made = {*folders}
        for member, path in files:
            for parent in reversed(Path(member.name).parents[:-1]):
                if str(parent) not in made:
                    tar.addfile(_member(str(parent), tarfile.DIRTYPE, 0o755))
                    made.add(str(parent))
            with path.open("rb") as content:
                tar.addfile(member, content)


def _files(folder: Path) -> list[tuple[str, Path]]:
    return sorted((str(path.relative_to(folder)), path) for path in folder.rglob("*") if path.is_file())


def _file(name: str, path: Path, mode: int) -> tarfile.TarInfo:
    member = _member(name, tarfile.REGTYPE, mode)
    member.size = path.stat().st_size
    return member


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


def signer(target: Path, signers: Path) -> str:
    """Who of the allowed signers signed the file as it is now. BundleError if nobody did."""
    signature = target.with_name(f"{target.name}.sig")
    if absent := [path for path in (signature, signers) if not path.is_file()]:
        raise BundleError(f"{absent[0]} is missing")
    where = ["-s", str(signature), "-f", str(signers)]
    found = output_of(["ssh-keygen", "-Y", "find-principals", *where]).decode("utf-8", "backslashreplace")
    principal = found.partition("\n")[0].strip()
    words = ["ssh-keygen", "-Y", "verify", "-n", NAMESPACE, "-I", principal, *where]
    output_of(words, stdin=target.read_bytes())
    return principal
