"""Brings a large file to a host in parts, so that a transfer that was cut off is taken up again where it stopped.

What has arrived lies in a folder that only root enters, under the SHA-256 of the whole file. Each part is a command: it
starts with all of its bytes or not at all (`dlws.remote.session`), and appends them if what is there ends where they
begin. Before the first part and after the last the host is asked for the length and the digest of what it has.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol

from dlws.config import named_file
from dlws.record.answer import LinkLost
from dlws.remote.backend import quoted
from dlws.remote.host import Host
from dlws.remote.outbox import FilePart, Stdin
from dlws.verdict import Unknown, Unparsable

CACHE: Final = "/var/cache/dlws"
"""The suite's folder on a host for what can be had again."""
FOLDER: Final = f"{CACHE}/incoming"
PART: Final = 32 << 20  # bytes; what a link that breaks can cost
KEPT: Final = 7  # days for which a transfer that was cut off can be taken up
SLOWEST_DISK: Final = 16 << 20  # bytes per second at which a host reads its own disk
PATIENCE: Final = 60.0  # seconds beyond that
PREPARE: Final = (
    f'set -e; d=%s; install -d -m 700 "$d"; find "$d" -type f -mtime +{KEPT} -delete;'
    ' f=%s; needed=%s; if [ -e "$f" ]; then needed=$((needed - $(stat -c %%s "$f"))); fi;'
    ' free=$(df --output=avail -B1 "$d" | tail -n 1);'
    ' [ "$free" -ge "$needed" ] || { echo "$d has room for $free bytes, $needed are needed" >&2; exit 1; }'
)
APPEND: Final = (
    'umask 077; f=%s; there=0; if [ -e "$f" ]; then there=$(stat -c %%s "$f"); fi;'
    ' [ "$there" = %s ] || { echo "$f has $there bytes: is another run sending it?" >&2; exit 1; };'
    ' cat >>"$f" || { rm -f "$f"; exit 1; }'
)
ARRIVED: Final = 'f=%s; if [ -e "$f" ]; then stat -c %%s "$f" && sha256sum <"$f"; else echo 0; fi'
_ANSWER: Final = re.compile(r"(?P<size>[0-9]{1,18})\n(?P<digest>[0-9a-f]{64})  -")
KEPT_FEED: Final = "( %s\n) <%s"
FEED: Final = KEPT_FEED + "; status=$?; rm -f %s; exit $status"

Part = Callable[[str, int, int], None]
"""Has `size` more bytes at the end of the file at a path of the host, which has `there`: `part(path, there, size)`."""


def fed_from(path: str, command: str) -> str:
    """The command with the file at this path of the host as its stdin; the file is removed when it has ended."""
    return FEED % (command, quoted("%s", path), quoted("%s", path))


def fed_from_kept(path: str, command: str) -> str:
    """The same, but the file stays."""
    return KEPT_FEED % (command, quoted("%s", path))


class NotAsSent(Unknown):
    """What has arrived on a host is not the file; it was removed there."""


@dataclass(frozen=True, slots=True)
class Spool:
    """Brings files to a host.

    `send` carries out a command with its stdin and raises as `Applier.carry_out` does; `settle` returns when the
    command that ran as the link was lost has ended. `folder` is where they lie, if not in `FOLDER`.
    """

    host: Host
    send: Callable[[str, Stdin], object]
    settle: Callable[[], None]
    folder: str = ""

    def bring(self, file: Path, get: Part | None = None) -> str:
        """The path on the host at which the whole file is now; only what was missing is sent, or had by `get`.

        Goes on after a lost link as long as each finds a part more there than the one before. Raises LinkLost; Unknown,
        also if the file was changed meanwhile; and what `send` raises, for example where the host has no room.
        """
        size, digest, folder = size_of(file), digest_of(file), self.folder or FOLDER
        path = f"{folder}/{digest}"
        get = get or (lambda path, there, size: self._append(path, FilePart(file, there, size)))
        self.send(quoted(PREPARE, folder, path, str(size)), b"")
        there = before = self._arrived(file, path, size, digest)
        while there < size:
            part = min(PART, size - there)
            try:
                get(path, there, part)
                there += part
            except LinkLost:
                self.settle()
                there = self._arrived(file, path, size, digest)
                if there < min(before + PART, size):
                    raise
                before = there
        if self._arrived(file, path, size, digest) != size:
            raise NotAsSent(f"{self.host.name}: {file} did not arrive as it is: has it been changed meanwhile?")
        return path

    def _append(self, path: str, part: FilePart) -> None:
        self.send(quoted(APPEND, path, str(part.start)), part)

    def _arrived(self, file: Path, path: str, size: int, digest: str) -> int:
        """How many of the file's first bytes are on the host; what is there and is other content is removed."""
        lines = self.host.lines(ARRIVED, path, deadline=PATIENCE + size / SLOWEST_DISK)
        if lines == ["0"]:
            return 0
        said = _ANSWER.fullmatch("\n".join(lines))
        if said is None:
            raise Unparsable(f"{self.host.name}: unclear what has arrived of {file}: {lines!r:.200}")
        there = int(said["size"])
        if there <= size and said["digest"] == (digest if there == size else _digest(file, there)):
            return there
        self.send(quoted("rm -f %s", path), b"")
        return 0


class Supply(Protocol):
    """How large files get to a host before the command that reads them is sent."""

    def brings(self, file: Path) -> bool:
        """Whether this file is one of them. Unknown if it cannot be read."""

    def way(self, host: str) -> str:
        """How it gets there, in words that follow an action's."""

    def feed(self, arrivals: Spool, file: Path, command: str) -> str:
        """The command with the file as its stdin, which is there now. `arrivals` brings files to the command's host."""


class OwnLink:
    """Over the host's own SSH connection, in parts."""

    def brings(self, file: Path) -> bool:
        """What is larger than a part: the rest is sent with its command."""
        return size_of(file) > PART

    def way(self, host: str) -> str:
        """Nothing needs to be said."""
        return ""

    def feed(self, arrivals: Spool, file: Path, command: str) -> str:
        """See `Supply.feed`."""
        return fed_from(arrivals.bring(file), command)


OWN_LINK: Final = OwnLink()


def size_of(file: Path) -> int:
    """The bytes of a file of the control host. Unknown if it cannot be read."""
    try:
        return file.stat().st_size
    except OSError as error:
        raise Unknown(f"nothing was sent: cannot read {file}: {error.strerror}") from None


def digest_of(file: Path) -> str:
    """The SHA-256 of a file of the control host in hex. Unknown if it cannot be read."""
    try:
        status = file.stat()
    except OSError as error:
        raise Unknown(f"nothing was sent: cannot read {file}: {error.strerror}") from None
    return _whole(file, (status.st_ino, status.st_size, status.st_mtime_ns))


@lru_cache(maxsize=1000)
def _whole(file: Path, state: tuple[int, int, int]) -> str:
    """A file's SHA-256, found once for each `state` of it: a hundred hosts are sent the same file."""
    return _digest(file, state[1])


def _digest(file: Path, size: int) -> str:
    """The SHA-256 of a file's first `size` bytes."""
    left = size
    total = hashlib.sha256()
    try:
        with named_file.opened(file) as stream:
            while left and (data := stream.read(min(left, 1 << 20))):
                total.update(data)
                left -= len(data)
    except OSError as error:
        raise Unknown(f"cannot read {file}: {error.strerror}") from None
    return total.hexdigest()
