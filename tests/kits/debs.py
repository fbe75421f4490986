"""Small Debian packages, and an apt source that has them, without a signature."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def package(
    folder: Path, name: str, version: str, arch: str, *, depends: str = "", files: Mapping[str, str] | None = None
) -> Path:
    """Write a package; its paragraph is what dpkg demands and no more."""
    lines = [f"Package: {name}", f"Version: {version}", f"Architecture: {arch}", "Maintainer: lab <lab@lab.example>"]
    lines += [f"Depends: {depends}"] if depends else []
    lines += ["Description: made for a test"]
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.gz": _tar({"./control": "\n".join(lines) + "\n"}),
        "data.tar.gz": _tar({f"./{path}": text for path, text in (files or {}).items()}),
    }
    path = folder / f"{name}_{version.rpartition(':')[2]}_{arch}.deb"
    path.parent.mkdir(parents=True, exist_ok=True)
    archive = b"!<arch>\n"
    for member, data in members.items():
        archive += (
            f"{member:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) % 2)
        )
    path.write_bytes(archive)
    return path


def _tar(files: Mapping[str, str]) -> bytes:
    """As stored blocks without a time: a package of the same content has the same digest."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, text in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(text.encode()), 0o755
            tar.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(buffer.getvalue(), compresslevel=0, mtime=0)


def source(folder: Path, packages: Sequence[tuple[str, str, str, str]], files: Mapping[str, Mapping[str, str]]) -> str:
    """A flat source of packages (name, version, architecture, depends); its line of sources.list."""
    index = []
    for name, version, arch, depends in packages:
        deb = package(folder, name, version, arch, depends=depends, files=files.get(name))
        paragraph = [f"Package: {name}", f"Version: {version}", f"Architecture: {arch}"]
        paragraph += [f"Depends: {depends}"] if depends else []
        data = deb.read_bytes()
        paragraph += [f"Filename: ./{deb.name}", f"Size: {len(data)}", f"SHA256: {hashlib.sha256(data).hexdigest()}"]
        index.append("\n".join(paragraph) + "\n")
    (folder / "Packages").write_text("\n".join(index))
    return f"deb [trusted=yes] file:{folder} ./"
