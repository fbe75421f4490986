"""Detached signatures (`ssh-keygen -Y`, OpenSSH 8.1 or newer) of acceptance documents and of a run's manifest.

A signature is good if one of the allowed signers made it for this namespace, and the run's folder still matches the
manifest whose digest is in the signed file.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlws.record import regular_file
from dlws.record.run_folder import RunFolder
from dlws.record.whole_file import HANDED_OVER
from reports import manifest, write
from reports.acceptance import digest_of

NAMESPACE = "dlws-acceptance"
MOST = 1 << 30
"""Bytes of a document."""


class SignatureError(Exception):
    """Nothing was signed, or a signature could not be checked; the message says why."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a check. `signer` is empty unless the signature is good; `faults` has one sentence per problem."""

    file: Path
    signer: str
    files: int
    faults: tuple[str, ...]


def sign(target: Path, key: Path) -> Path:
    """Sign a document, or the manifest of a run, which is written first; returns the signature file `<signed>.sig`.

    Raises SignatureError.
    """
    file = target
    if target.is_dir():
        file = write(target / manifest.FILE, manifest.text(manifest.digests(RunFolder(target))))
    made = _keygen(["-Y", "sign", "-q", "-n", NAMESPACE, "-f", str(key)], _bytes(file))
    if made.returncode or not made.stdout.startswith(b"-----BEGIN SSH SIGNATURE"):
        raise SignatureError(f"{file} was not signed: {_output(made) or 'ssh-keygen gave no reason'}")
    readers = file.stat().st_mode & HANDED_OVER  # who may read the document may check it
    return write(_signature(file), made.stdout.decode("ascii"), readers)


def check(target: Path, signers: Path, run: Path | None = None) -> Checked:
    """Check the signature of a document, or of a run's manifest, against the allowed signers; then the evidence.

    `run` is the folder of the run (default: the folder of the file). Raises SignatureError if a file is missing.
    """
    file = target / manifest.FILE if target.is_dir() else target
    folder = RunFolder(run or file.parent)
    if not folder.ledger.is_file():
        raise SignatureError(f"{folder.path} is not the folder of a run; name it: --run RUN")
    digests = manifest.digests(folder)
    signer, faults = _signer(file, signers)
    faults += [*_altered(file, folder, digests)]
    return Checked(file, signer, len(digests), tuple(faults))


def _altered(file: Path, folder: RunFolder, digests: dict[str, str]) -> list[str]:
    """What differs between the run as it was signed and the run in the folder."""
    data = _bytes(file)
    digest = manifest.digest(data) if file.name == manifest.FILE else digest_of(file.name, data)
    if not digest:
        return [f"{file.name} holds no digest of a manifest: it is not an acceptance document, or it was edited"]
    if digest == manifest.digest(manifest.text(digests).encode()):
        return []
    manifests = [place / manifest.FILE for place in (file.parent, folder.path) if (place / manifest.FILE).exists()]
    written = next((text for path in manifests if manifest.digest(text := _bytes(path)) == digest), None)
    if written is None:
        problem = "was changed" if manifests else "is missing"
        return [f"{manifest.FILE} {problem}, and the run's folder is not the one that {file.name} was made from"]
    return [*manifest.differences(manifest.read(written.decode()), digests)]


def _signer(file: Path, signers: Path) -> tuple[str, list[str]]:
    signature = _signature(file)
    for needed in (signature, signers):
        if not needed.is_file():
            raise SignatureError(f"{needed} is missing")
    where = ["-s", str(signature), "-f", str(signers)]
    who = _keygen(["-Y", "find-principals", *where], b"")
    principal = who.stdout.decode("utf-8", "backslashreplace").partition("\n")[0].strip()
    if who.returncode or not principal:
        return "", [f"{signature.name} was not made by a signer that {signers} allows"]
    verified = _keygen(["-Y", "verify", "-n", NAMESPACE, "-I", principal, *where], _bytes(file))
    if verified.returncode:
        return "", [f"{file.name} is not what was signed: {_output(verified)}"]
    return principal, []


def _signature(file: Path) -> Path:
    return file.with_name(f"{file.name}.sig")


def _bytes(file: Path) -> bytes:
    try:
        return regular_file.content(file.parent, file.name, MOST)
    except OSError as error:
        raise SignatureError(f"{file}: cannot be read: {error.strerror or error}") from error


def _keygen(arguments: Sequence[str], data: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["ssh-keygen", *arguments], input=data, capture_output=True, check=False)
    except FileNotFoundError:
        raise SignatureError("ssh-keygen is not installed: apt-get install openssh-client (8.1 or newer)") from None


def _output(run: subprocess.CompletedProcess[bytes]) -> str:
    return " ".join((run.stderr + run.stdout).decode("utf-8", "backslashreplace").split())
