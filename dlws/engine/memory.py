"""What the C library is told of memory, where it is glibc; musl has neither, and needs neither."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Final

M_ARENA_MAX: Final = -8  # malloc.h


def share() -> None:
    """Let all threads allocate from one arena.

    glibc gives each thread its own, and what the thread of one host frees serves no other host: at 60 hosts a fifth of
    the memory of an audit was held so. (M_ARENA_MAX of mallopt(3).)
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def give_back() -> None:
    """Give what has been freed back to the system: glibc keeps what lies below anything that is still in use.

    (malloc_trim(3), which since glibc 2.8 gives back every whole page.)
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
