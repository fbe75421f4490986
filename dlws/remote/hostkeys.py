"""Pinned host keys: which key is a machine's, who vouched for it, and whether a password may be sent to it.

The file is OpenSSH's known_hosts. The comment of a line is the machine's name, because a pin belongs to the machine
and not to its address. Remarks, which OpenSSH ignores, follow where they are due. They name the key itself:

    192.168.3.10 ssh-ed25519 AAAAC3Nza... atlas01
    # first contact 2026-11-29T02:31:05Z: atlas01 SHA256:o3fD...
    # key login 2026-11-29T02:31:06Z: atlas01 SHA256:o3fD...
"""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import re
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from dlws.config import named_file
from dlws.config.cluster import Cluster
from dlws.config.kept import kept
from dlws.inventory import Node
from dlws.record.answer import HostKeyChanged, Unreachable
from dlws.remote import flock

LOCK_PATIENCE = 30.0  # seconds for which other processes may be pinning; each takes milliseconds
CONFIGURED = "suite.host_keys"
"""The section of config.yaml with the fingerprints that the operator has compared."""
_REMARK = re.compile(
    r"# (?P<what>first contact|confirmed|key login) (?P<when>\S+): (?P<name>\S+) (?P<fingerprint>SHA256:\S+)"
)
_LIKE_A_REMARK = re.compile(r"#\s*(first contact|confirmed|key login)\b", re.IGNORECASE)
_WITH_A_PORT = re.compile(r"\[(?P<host>[^\[\]]+)\]:[0-9]{1,5}")


class Remark(StrEnum):
    """What is remembered of a pinned key."""

    FIRST_CONTACT = "first contact"
    """It was accepted unseen: nobody has compared it with the machine's console."""
    CONFIRMED = "confirmed"
    """The operator has compared it since."""
    KEY_LOGIN = "key login"
    """Behind it a login with an SSH key gave root, so the machine needs no password any more."""


@dataclass(frozen=True, slots=True)
class HostKey:
    """A public host key. `kind` is the SSH name of its type: `ssh-ed25519`."""

    kind: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """`SHA256:` and the unpadded base64 of the key's hash, as `ssh-keygen -l` prints it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    def __str__(self) -> str:
        return f"{self.kind} {self.fingerprint}"


@dataclass(frozen=True, slots=True)
class Pin:
    """One line of the file. `addresses` are those of the line, `name` its comment: the machine's name, or empty."""

    key: HostKey
    addresses: tuple[str, ...]
    name: str
    line: int

    def is_of(self, node: Node) -> bool:
        """Whether the line names the machine, whatever its address."""
        return not {node.name.lower(), node.fqdn.lower()}.isdisjoint(self.names)

    @property
    def names(self) -> list[str]:
        """What the line calls the machine: its name and its addresses without a port, in lower case."""
        return [_WITH_A_PORT.sub(r"\g<host>", address).lower() for address in (self.name, *self.addresses)]


@dataclass(slots=True)
class _Contents:
    """The file as read. `remarks` are their times, by what they say about which machine's fingerprint."""

    pins: list[Pin] = field(default_factory=list)
    remarks: dict[tuple[Remark, str, str], str] = field(default_factory=dict)
    named: defaultdict[str, list[Pin]] = field(default_factory=lambda: defaultdict(list))
    """The pins by each of their names: a thousand hosts are looked up, each several times."""
    placed: defaultdict[str, list[Pin]] = field(default_factory=lambda: defaultdict(list))
    """The pins by each of their addresses."""

    def add(self, pin: Pin) -> None:
        """Add the pin of one more line."""
        self.pins.append(pin)
        for name in dict.fromkeys(pin.names):
            self.named[name].append(pin)
        for address in dict.fromkeys(pin.addresses):
            self.placed[address].append(pin)


def address_of(node: Node) -> str:
    """How known_hosts writes a machine's address: `addr`, or `[addr]:port` when the port is not 22."""
    return node.address if node.ssh_port == 22 else f"[{node.address}]:{node.ssh_port}"


class HostKeys:
    """The host keys of one cluster. Safe to use from several threads and processes; it cannot be turned off."""

    def __init__(self, path: Path, confirmed: Mapping[str, str] | None = None) -> None:
        """`path` is the known_hosts file, which need not exist yet; `confirmed` the fingerprints by machine that the
        operator has compared (suite.host_keys)."""
        self.path, self.confirmed = path, confirmed or {}
        self._lock = threading.Lock()
        self._parsed: tuple[tuple[int, int, int], _Contents] | None = None

    def pins(self, node: Node) -> list[Pin]:
        """The machine's pins: those with its name and, if there are none, those of its address.

        Raises Unreachable if the file cannot be parsed.
        """
        contents, names = self._read(), {node.name.lower(), node.fqdn.lower()}
        named = {pin.line: pin for name in names for pin in contents.named.get(name, ())}
        return [named[line] for line in sorted(named)] or [*contents.placed.get(address_of(node), ())]

    def check(self, node: Node, key: HostKey) -> None:
        """HostKeyChanged unless this may be the machine's key. Call this before sending a credential."""
        confirmed = self.confirmed.get(node.name, key.fingerprint)
        if key.fingerprint != confirmed:
            raise HostKeyChanged(
                f"{node.name}: not the confirmed host key: {address_of(node)} shows {key}, and {confirmed} "
                f"was confirmed ({CONFIGURED}, or a table's column host_key). Nothing secret was sent. Compare both "
                f"with {console(key.kind)}."
            )
        pins = self.pins(node)
        if pins and key not in [pin.key for pin in pins]:
            raise HostKeyChanged(self._changed(node, pins, f"shows {key}{self._other_owners(key)}"))

    def missing(self, node: Node) -> HostKeyChanged:
        """The error for a machine that no longer has a key of the pinned type."""
        return HostKeyChanged(self._changed(node, self.pins(node), "has no key of that type any more"))

    def why_no_password(self, node: Node, key: HostKey) -> str:
        """Why no password may be sent to the machine that shows this key; empty if one may."""
        if since := self.remarked(Remark.KEY_LOGIN, node, key):
            return (
                f"not sent, because {node.name} has accepted an SSH key since {since}. If the machine was truly reset, "
                f"delete its remark `# {Remark.KEY_LOGIN}` from {self.path}"
            )
        if self.voucher(node, key):
            return ""
        return (
            f"not sent, because nobody has confirmed the host key: {address_of(node)} shows {key}. Compare it with "
            f"{console(key.kind)}; then run `dlws host-keys --pin`, or add `{node.name}: {key.fingerprint}` "
            f"to {CONFIGURED}"
        )

    def voucher(self, node: Node, key: HostKey) -> str:
        """Who has confirmed this key: `suite.host_keys`, the operator's line in the file, or nobody (empty)."""
        if node.name in self.confirmed:
            return CONFIGURED if self.confirmed[node.name] == key.fingerprint else ""
        if not any(pin.key == key for pin in self.pins(node)):
            return ""
        unseen = self.remarked(Remark.FIRST_CONTACT, node, key) and not self.remarked(Remark.CONFIRMED, node, key)
        return "" if unseen else self.path.name

    def described(self, node: Node) -> str:
        """What is known of the machine's key, in words: `ssh-ed25519 SHA256:..., confirmed: suite.host_keys`."""
        try:
            vouchers = {str(pin.key): self.voucher(node, pin.key) for pin in self.pins(node)}
        except Unreachable as error:
            return str(error)
        if not vouchers:
            named = self.confirmed.get(node.name)
            return f"{named}, confirmed: {CONFIGURED}" if named else "not known before this run"
        return "; ".join(f"{key}, {f'confirmed: {who}' if who else 'accepted unseen'}" for key, who in vouchers.items())

    def remarked(self, what: Remark, node: Node, key: HostKey) -> str:
        """When this was remarked of the machine's key, in ISO 8601; empty if it was not.

        Clones may share a key, so a remark is about one machine; one that was renamed keeps what its pin's name had.
        """
        names = {node.name, *(pin.name for pin in self.pins(node) if pin.key == key)}
        times = (self._read().remarks.get((what, name, key.fingerprint)) for name in sorted(names))
        return next((time for time in times if time), "")

    def pin(self, node: Node, key: HostKey, *remarks: Remark) -> None:
        """Add the machine's key and the remarks, so far as the file lacks them. Raises HostKeyChanged as `check` does.

        Call it once a login has succeeded, or when the operator has confirmed the key.
        """
        with self._lock, self._locked() as descriptor:
            self.check(node, key)
            lines, address = [], address_of(node)
            same = [pin for pin in self.pins(node) if pin.key == key and address in pin.addresses]
            if not any(pin.is_of(node) for pin in same):
                lines.append(f"{address} {key.kind} {base64.b64encode(key.blob).decode()} {node.name}")
            inherited = [remark for remark in Remark if self.remarked(remark, node, key)]  # under another name
            for remark in dict.fromkeys([*inherited, *remarks]):
                if (remark, node.name, key.fingerprint) not in self._read().remarks:
                    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                    lines.append(f"# {remark} {now}: {node.name} {key.fingerprint}")
            if lines:
                _append(descriptor, "".join(f"{line}\n" for line in lines).encode())

    def _other_owners(self, key: HostKey) -> str:
        """A remark for a key that is pinned for another machine: two may have swapped their addresses. Else empty."""
        owners = [pin.name or pin.addresses[0] for pin in self._read().pins if pin.key == key]
        return f" (the key of {', '.join(owners)}: have they swapped their addresses?)" if owners else ""

    def _changed(self, node: Node, pins: list[Pin], shows: str) -> str:
        was = " or ".join(f"{pin.key} ({self.path}, line {pin.line})" for pin in pins)
        elsewhere = sorted({pin.addresses[0] for pin in pins if address_of(node) not in pin.addresses})
        moved = f" at {', '.join(elsewhere)}: has it moved?" if elsewhere else "."
        return (
            f"{node.name}: host key changed: {address_of(node)} {shows}, pinned is {was}{moved} Nothing secret was "
            "sent. If the machine was truly reinstalled, compare the new fingerprint on its console and delete that "
            "line."
        )

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The file, opened for reading and appending and locked against other processes."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            try:
                flock.lock(descriptor, LOCK_PATIENCE)
            except TimeoutError as error:
                raise Unreachable(f"{self.path}: {error}: has a run been stopped?") from None
            yield descriptor
        finally:
            os.close(descriptor)

    def _read(self) -> _Contents:
        """The whole file. It is parsed again only when it has changed, because a thousand hosts look it up."""
        try:
            status = self.path.stat()
            state = status.st_ino, status.st_size, status.st_mtime_ns
            parsed = self._parsed
            if parsed is not None and parsed[0] == state:
                return parsed[1]
            text = named_file.text(self.path)
        except FileNotFoundError:
            return _Contents()
        except (OSError, UnicodeDecodeError) as error:
            raise Unreachable(f"{self.path}: cannot be read: {error}") from None
        contents = _Contents()
        for number, line in enumerate(map(str.strip, text.splitlines()), 1):
            if remark := _REMARK.fullmatch(line):
                about = Remark(remark["what"]), remark["name"], remark["fingerprint"]
                contents.remarks.setdefault(about, remark["when"])
            elif _LIKE_A_REMARK.match(line):  # without it a key that was accepted unseen would count as confirmed
                raise Unreachable(f"{self.path}, line {number}: not a remark as `dlws host-keys` writes it")
            elif line and not line.startswith("#"):
                try:
                    contents.add(_pin(number, *line.split()))
                except (ValueError, TypeError) as error:
                    raise Unreachable(f"{self.path}, line {number}: not a host key ({error})") from None
        self._parsed = state, contents
        return contents


@kept  # a check that asks for each of a thousand hosts shall not read the file of all of them each time
def keys_of(cluster: Cluster) -> HostKeys:
    """The host keys of a cluster: pinned in its state folder, and confirmed in its configuration."""
    return HostKeys(cluster.state.host_keys, cluster.suite.host_keys)


def console(kind: str) -> str:
    """How to see a key of this type where nobody is in between."""
    name = {"ssh-ed25519": "ed25519", "ssh-rsa": "rsa"}.get(kind, "ecdsa")
    return f"`ssh-keygen -lf /etc/ssh/ssh_host_{name}_key.pub` on the machine's console"


def _pin(number: int, addresses: str = "", kind: str = "", blob: str = "", name: str = "", *more: str) -> Pin:
    """The pin of one line, by its words. ValueError says what is wrong."""
    if more:
        raise ValueError("more than four words; is the end of a line missing?")
    if addresses.startswith(("|", "@")):
        raise ValueError("hashed names and markers are not used in this file")
    if not {*"*?!"}.isdisjoint(addresses):  # a pattern that is not applied would leave a machine without its pin
        raise ValueError("patterns are not used in this file; name each machine")
    if not blob:
        raise ValueError("a line is an address, the key's type, the key, and the machine's name")
    return Pin(HostKey(kind, base64.b64decode(blob, validate=True)), tuple(addresses.split(",")), name, number)


def _append(descriptor: int, text: bytes) -> None:
    """Append whole lines, even if the last one was left without its end. OSError, and nothing written, if disk full."""
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        text = b"\n" + text
    if os.write(descriptor, text) != len(text):
        os.ftruncate(descriptor, size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(descriptor)
