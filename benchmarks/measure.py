"""The cost of a command: wall time, processor time, and the peak memory of its process tree."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SAMPLE_EVERY = 0.1  # seconds between two samples of the tree's memory
LIMIT = 3600.0  # seconds for one command
PR_SET_CHILD_SUBREAPER = 36
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """Exit status and processor seconds of a process, including every child that it has waited for."""

    status: int
    cpu: float


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one run: `wall` and `cpu` in seconds; `peak_mib` sums the resident memory of all processes."""

    wall: float
    cpu: float
    peak_mib: float
    status: int


def adopt_orphans() -> None:
    """Become the parent of detached processes (ssh masters), so that they are measured and ended. Raises OSError."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def run(command: Sequence[str], *, cwd: Path, env: Mapping[str, str], output: Path, spare: Iterable[int]) -> Cost:
    """Run a command to its end, with its output in a file. Raises TimeoutError after LIMIT.

    `spare` are the pids of our other children, which are neither measured nor ended.
    """
    spare = set(spare)
    with output.open("wb") as out:
        began = time.monotonic()
        child = subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        watch = _Watch(spare)
        watch.start()
        late = threading.Timer(LIMIT, child.kill)
        late.start()
        usage = usage_of(child.pid)
        wall = time.monotonic() - began
    late.cancel()
    watch.over.set()
    watch.join()
    child.returncode = usage.status
    cpu = usage.cpu + sum(end(pid).cpu for pid in children(os.getpid()) if pid not in spare)
    if wall >= LIMIT:
        raise TimeoutError(f"{command[0]} did not end within {LIMIT:.0f} s")
    return Cost(wall, cpu, watch.peak / 2**20, usage.status)


def usage_of(pid: int) -> Usage:
    """Wait for a child and return its usage."""
    _, status, usage = os.wait4(pid, 0)
    return Usage(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime)


def end(pid: int) -> Usage:
    """Kill a leftover child with its descendants; return its usage."""
    for descendant in [pid, *_tree(pid)]:
        with suppress(ProcessLookupError):
            os.kill(descendant, signal.SIGKILL)
    return usage_of(pid)


def children(pid: int) -> list[int]:
    """The pids of a process' children, from all its threads."""
    pids: list[int] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                pids += map(int, (thread / "children").read_text().split())
    return pids


def _tree(pid: int) -> list[int]:
    below = children(pid)
    return [p for child in below for p in (child, *_tree(child))]


class _Watch(threading.Thread):
    """Samples the resident memory of all our descendants except `spare`, and keeps the peak in bytes."""

    def __init__(self, spare: set[int]) -> None:
        super().__init__(daemon=True)
        self.over, self.peak, self._spare = threading.Event(), 0, spare

    def run(self) -> None:
        while not self.over.wait(SAMPLE_EVERY):
            ours = [pid for pid in children(os.getpid()) if pid not in self._spare]
            self.peak = max(self.peak, sum(_resident(p) for pid in ours for p in (pid, *_tree(pid))))


def _resident(pid: int) -> int:
    with suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    return 0
