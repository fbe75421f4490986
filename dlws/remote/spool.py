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
from pathlib import Path
from typing import Final

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
FEED: Final = "( %s\n) <%s; status=$?; rm -f %s; exit $status"


def is_large(stdin: Stdin) -> bool:
    """Whether it is a file that is brought in parts. Unknown if it cannot be read."""
    return isinstance(stdin, Path) and _size(stdin) > PART


def fed_from(path: str, command: str) -> str:
    """The command with the file at this path of the host as its stdin; the file is removed when it has ended."""
    return FEED % (command, quoted("%s", path), quoted("%s", path))


@dataclass(frozen=True, slots=True)
class Spool:
    """Brings files to a host.

    `send` carries out a command with its stdin and raises as `Applier.carry_out` does; `settle` returns when the
    command that ran as the link was lost has ended.
    """

    host: Host
    send: Callable[[str, Stdin], object]
    settle: Callable[[], None]

    def bring(self, file: Path) -> str:
        """The path on the host at which the whole file is now; only what was missing is sent.

        Goes on after a lost link as long as each finds a part more there than the one before. Raises LinkLost; Unknown,
        also if the file was changed meanwhile; and what `send` raises, for example where the host has no room.
        """
        size, digest = _size(file), _digest(file)
        path = f"{FOLDER}/{digest}"
        self.send(quoted(PREPARE, FOLDER, path, str(size)), b"")
        there = before = self._arrived(file, path, size, digest)
        while there < size:
            part = FilePart(file, there, min(PART, size - there))
            try:
                self.send(quoted(APPEND, path, str(there)), part)
                there += part.size
            except LinkLost:
                self.settle()
                there = self._arrived(file, path, size, digest)
                if there < min(before + PART, size):
                    raise
                before = there
        if self._arrived(file, path, size, digest) != size:
            raise Unknown(f"{self.host.name}: {file} did not arrive as it is: has it been changed meanwhile?")
        return path

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


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise Unknown(f"nothing was sent: cannot read {file}: {error.strerror}") from None


def _digest(file: Path, size: int = -1) -> str:
    """The SHA-256 of a file's first `size` bytes, or of all of it."""
    left = _size(file) if size < 0 else size
    total = hashlib.sha256()
    try:
        with named_file.opened(file) as stream:
            while left and (data := stream.read(min(left, 1 << 20))):
                total.update(data)
                left -= len(data)
    except OSError as error:
        raise Unknown(f"cannot read {file}: {error.strerror}") from None
    return total.hexdigest()
