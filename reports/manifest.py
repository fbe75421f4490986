"""The manifest of a run: the SHA-256 of every file that its reports are made from, in the format of `sha256sum`.

Its own SHA-256 is on the cover and inside every acceptance document, so signing the document signs the evidence.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

from dlws.record import evidence, regular_file
from dlws.record.run_folder import MOST_INPUTS, MOST_LEDGER, RunFolder, RunFolderError

FILE = "manifest.sha256"


def digests(folder: RunFolder) -> dict[str, str]:
    """The digests of ledger, inputs and all evidence, by path in the run's folder. Raises RunFolderError."""
    try:
        return {name: _digest_of(folder, name, most) for name, most in _files(folder)}
    except OSError as error:
        raise RunFolderError(f"{folder.path}: cannot be read: {error}") from error


def text(digests: dict[str, str]) -> str:
    """The manifest as text, to be checked by `sha256sum -c` in the run's folder."""
    return "".join(f"{digest}  {name}\n" for name, digest in digests.items())


def read(written: str) -> dict[str, str]:
    """The inverse of `text`. Raises ValueError for anything else."""
    pairs = [line.partition("  ") for line in written.splitlines()]
    digests = {name: digest for digest, _, name in pairs}
    if text(digests) != written:
        raise ValueError("not a manifest of SHA-256 digests")
    return digests


def differences(written: dict[str, str], actual: dict[str, str]) -> Iterator[str]:
    """One sentence for every file that differs from the manifest."""
    for name in sorted({*written, *actual}):
        if name not in actual:
            yield f"{name} is missing"
        elif name not in written:
            yield f"{name} was added: it is not in the manifest"
        elif written[name] != actual[name]:
            yield f"{name} was changed"


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _digest_of(folder: RunFolder, name: str, most: int) -> str:
    with regular_file.opened(folder.path, name, most) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: RunFolder) -> Iterator[tuple[str, int]]:
    """The files by their path in the folder, with the most bytes that each may have."""
    yield folder.ledger.name, MOST_LEDGER
    if os.path.lexists(folder.inputs):
        yield folder.inputs.name, MOST_INPUTS
    yield from ((f"{folder.evidence.name}/{name}", evidence.MOST) for name in folder.transcripts())
