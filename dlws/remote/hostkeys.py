"""Pinned host keys: the key that a host presents on first contact is saved, and must be the same from then on."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from dlws.record.answer import HostKeyChanged, Unreachable


@dataclass(frozen=True, slots=True)
class HostKey:
    """One line of the file. `kind` is the SSH name of the key's type (`ssh-ed25519`), `blob` the public key itself."""

    address: str
    kind: str
    blob: bytes
    line: int

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it: `SHA256:...`."""
        return fingerprint(self.blob)


def fingerprint(blob: bytes) -> str:
    """`SHA256:` and the unpadded base64 of the key's hash, as OpenSSH prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def address_of(host: str, port: int) -> str:
    """How OpenSSH names a host in known_hosts: `addr`, or `[addr]:port` when the port is not 22."""
    return host if port == 22 else f"[{host}]:{port}"


class HostKeys:
    """The known_hosts file of one cluster. Safe to use from several threads and processes; it cannot be turned off."""

    def __init__(self, path: Path) -> None:
        """`path` need not exist yet."""
        self.path = path
        self._lock = threading.Lock()
        self._parsed: tuple[tuple[int, int, int], list[HostKey]] | None = None

    def pinned(self, host: str, port: int = 22) -> list[HostKey]:
        """The keys pinned for a host; empty before first contact. Raises Unreachable if the file cannot be parsed."""
        address = address_of(host, port)
        return [key for key in self._read() if key.address == address]

    def check(self, host: str, port: int, kind: str, blob: bytes, name: str) -> None:
        """Pin the key on first contact; HostKeyChanged if another is pinned. Call this before sending a credential."""
        with self._lock, self._locked() as descriptor:
            pinned = self.pinned(host, port)
            if any((key.kind, key.blob) == (kind, blob) for key in pinned):
                return
            if pinned:
                shows = f"shows {kind} {fingerprint(blob)}{self._other_owners(kind, blob)}"
                raise HostKeyChanged(self._changed(name, host, port, pinned, shows))
            line = f"{address_of(host, port)} {kind} {base64.b64encode(blob).decode()} {name}\n"
            os.write(descriptor, line.encode())
            os.fsync(descriptor)

    def missing(self, host: str, port: int, name: str) -> HostKeyChanged:
        """The error for a host that no longer has a key of the pinned type."""
        return HostKeyChanged(
            self._changed(name, host, port, self.pinned(host, port), "has no key of that type any more")
        )

    def fingerprints(self) -> dict[str, str]:
        """Address to fingerprint, for every pinned host."""
        return {key.address: key.fingerprint for key in self._read()}

    def _other_owners(self, kind: str, blob: bytes) -> str:
        """A remark for a key that is pinned for another address: two hosts may have swapped theirs. Else empty."""
        owners = [key.address for key in self._read() if (key.kind, key.blob) == (kind, blob)]
        return f" (the key of {', '.join(owners)}: have they swapped their addresses?)" if owners else ""

    def _changed(self, name: str, host: str, port: int, pinned: list[HostKey], shows: str) -> str:
        was = " or ".join(f"{key.kind} {key.fingerprint} ({self.path}, line {key.line})" for key in pinned)
        return (
            f"{name}: host key changed: {address_of(host, port)} {shows}, pinned is {was}. Nothing secret was sent. "
            "If the machine was truly reinstalled, compare the new fingerprint on its console and delete that line."
        )

    def _locked(self) -> _Locked:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return _Locked(self.path)

    def _read(self) -> list[HostKey]:
        """All keys of the file. It is parsed again only when it has changed, because a thousand hosts look it up."""
        try:
            status = self.path.stat()
            state = status.st_ino, status.st_size, status.st_mtime_ns
            parsed = self._parsed
            if parsed is not None and parsed[0] == state:
                return parsed[1]
            text = self.path.read_text("utf-8")
        except FileNotFoundError:
            return []
        keys = []
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            try:
                addresses, kind, blob = line.split()[:3]
                if addresses.startswith(("|", "@")):
                    raise ValueError("hashed names and markers are not used in this file")
                keys += [HostKey(a, kind, base64.b64decode(blob, validate=True), number) for a in addresses.split(",")]
            except ValueError as error:
                raise Unreachable(f"{self.path}, line {number}: not a host key ({error})") from None
        self._parsed = state, keys
        return keys


class _Locked:
    """The file, opened for appending and locked against other processes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> int:
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        return self._descriptor

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
