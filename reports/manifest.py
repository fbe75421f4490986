"""The digest manifest of a run: the SHA-256 of every file that its reports are made from, as `sha256sum` writes it.

Its own SHA-256 stands on the cover and inside of every acceptance document: who signs the document signs the evidence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from dlws.record.run_folder import RunFolder, RunFolderError

FILE = "manifest.sha256"


def of(folder: RunFolder) -> dict[str, str]:
    """By path in the run's folder, the digests of ledger, inputs and all evidence. RunFolderError when unreadable."""
    try:
        return {str(path.relative_to(folder.path)): digest(path.read_bytes()) for path in _files(folder)}
    except OSError as error:
        raise RunFolderError(f"{folder.path}: cannot be read: {error}") from error


def text(digests: dict[str, str]) -> str:
    """The manifest's own text: `sha256sum -c` reads it in the run's folder."""
    return "".join(f"{digest}  {name}\n" for name, digest in digests.items())


def read(written: str) -> dict[str, str]:
    """The inverse of `text`. ValueError for anything else."""
    pairs = [line.partition("  ") for line in written.splitlines()]
    found = {name: digest for digest, _, name in pairs}
    if text(found) != written:
        raise ValueError("not a manifest of SHA-256 digests")
    return found


def differences(written: dict[str, str], found: dict[str, str]) -> Iterator[str]:
    """One sentence for every file that is not what the manifest says."""
    for name in sorted({*written, *found}):
        if name not in found:
            yield f"{name} is missing"
        elif name not in written:
            yield f"{name} was added: the manifest does not have it"
        elif written[name] != found[name]:
            yield f"{name} was changed"


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _files(folder: RunFolder) -> Iterator[Path]:
    yield folder.ledger
    if folder.inputs.exists():
        yield folder.inputs
    yield from sorted(path for path in folder.evidence.rglob("*") if path.is_file())
