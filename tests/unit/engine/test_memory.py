"""Memory that was freed goes back to the system, where the C library is glibc."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FREED_IN_BETWEEN = """
from pathlib import Path
from dlws.engine import memory

def pages() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1])

memory.share()
texts = [bytes(1000) for _ in range(50_000)]
kept = texts[::500]
del texts
before = pages()
memory.give_back()
print(before - pages())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="musl gives back what it can by itself")
def test_what_was_freed_between_what_is_used_is_given_back() -> None:
    ran = subprocess.run([sys.executable, "-c", FREED_IN_BETWEEN], capture_output=True, text=True, check=True)
    assert int(ran.stdout) > 8_000, "of 12,000 pages"
