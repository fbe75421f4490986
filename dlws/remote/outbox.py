"""What goes to a host's helper: whole frames, each within a bound of time; a command's input in pieces."""

from __future__ import annotations

import hashlib
import io
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from dlws.config import named_file
from dlws.remote.watch import Watch
from dlws.verdict import Unknown

GRACE = 15.0  # seconds that a frame or an answer may be late on its way before the link is given up
SLOWEST = 1 << 17  # bytes per second; what goes slower is taken for a host that does not read
STALLED = 60.0  # seconds that one frame may take, however fast it went before: a disk may have to catch up
PIECE = 1 << 18  # bytes of input in one frame: other threads' frames go in between


@dataclass(frozen=True, slots=True)
class FilePart:
    """A part of a file of the control host: `size` bytes from byte `start` on."""

    path: Path
    start: int
    size: int


Stdin = bytes | Path | FilePart
"""A command's standard input: bytes, or a file of the control host or a part of it, which is never held in memory."""


class Writable(Protocol):
    """The half of a `Link` that is written to."""

    def write(self, data: bytes) -> None:
        """Send all of it; OSError when the link is gone."""


class Outbox:
    """Writes whole frames to a link, for any number of threads. Over a link whose peer does not read, it gives up."""

    def __init__(self, link: Writable, give_up: Callable[[str], None]) -> None:
        """`give_up` ends the link, with the reason; a write that is under way then raises OSError."""
        self._link, self._give_up = link, give_up
        self._lock = threading.Lock()

    def write(self, data: bytes, until: float) -> None:
        """Send all of it by `until` (time.monotonic). OSError when the link is gone, or was given up here."""
        left = until - time.monotonic()
        if left <= 0 or not self._lock.acquire(timeout=left):
            self._late()
            raise OSError("given up")
        try:
            with Watch(max(0.0, until - time.monotonic()), self._late):
                self._link.write(data)
        except BaseException as error:  # a part of the frame may be out: nothing may follow it
            self._give_up(f"sending failed: {str(error) or type(error).__name__}")
            raise
        finally:
            self._lock.release()

    def _late(self) -> None:
        self._give_up("the host does not read what it is sent")


class Pace:
    """The time by which data must have been sent: `GRACE`, and what all of it takes at the `SLOWEST` rate.

    No frame may take longer than `STALLED`.
    """

    def __init__(self) -> None:
        self._due = time.monotonic() + GRACE

    def until(self, size: int) -> float:
        """By when the next `size` bytes must be out (time.monotonic)."""
        self._due += size / SLOWEST
        return min(self._due, time.monotonic() + STALLED)


class InputPieces:
    """The pieces of an input, opened with it, and, after the last one, `digest`: the SHA-256 of them all."""

    def __init__(self, stdin: Stdin) -> None:
        """Unknown for a file that cannot be read."""
        self._sum = hashlib.sha256()
        try:
            self._stream, self.size = _opened(stdin)
        except OSError as error:
            raise Unknown(f"nothing was sent: cannot read {error.filename}: {error.strerror}") from None

    def __enter__(self) -> InputPieces:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def __iter__(self) -> Iterator[bytes]:
        """Pieces of at most `PIECE` bytes, `size` bytes in all. OSError if the file has become shorter meanwhile."""
        left = self.size
        while left:
            piece = self._stream.read(min(PIECE, left))
            if not piece:
                raise OSError(f"{left} bytes of the input have gone while it was sent")
            self._sum.update(piece)
            left -= len(piece)
            yield piece

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the pieces so far."""
        return self._sum.digest()


def _opened(stdin: Stdin) -> tuple[BinaryIO, int]:
    """The input as a stream at its beginning, and its length."""
    match stdin:
        case bytes():
            return io.BytesIO(stdin), len(stdin)
        case FilePart(path, start, size):
            stream = named_file.opened(path)
            stream.seek(start)
            return stream, size
        case path:
            return named_file.opened(path), path.stat().st_size
