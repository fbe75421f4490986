"""The progress display of a run: one line per finished stage, what each busy host is doing, how many hosts are done.

Workers have no terminal, so they send datagrams to a socket in the run's folder and the controller shows them.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from dlws.inventory import Control, Whole
from dlws.record.ledger import ItemRow, Outcome, Result
from dlws.record.printable import clip, one_line
from dlws.verdict import Verdict

if TYPE_CHECKING:  # rich is imported where the board is drawn, because a worker only reports
    from rich.console import Console, Group
    from rich.table import Table

LONGEST = 2000  # characters shown of a finding; the whole of it is in the ledger
HEARTBEAT = 15.0  # seconds between lines about a busy host when the output is not a terminal
SAYS_SO_EVERY = 60.0  # seconds between lines about the whole run when the output is not a terminal
MOST_ALIKE = 8  # hosts that have a line each where many do the same; the line about the whole run counts the others
MOST_WAITED_FOR = 3
MOST_BUSY = 16  # busy hosts with a line each on a terminal: those that are busy longest
MARKS = {Outcome.UNCHANGED: "=", Outcome.CHANGED: "✔", Outcome.PLANNED: "…", Outcome.FAILED: "✘", Outcome.BLOCKED: "-"}
STYLES = {Outcome.CHANGED: "green", Outcome.FAILED: "bold red", Outcome.PLANNED: "cyan", Outcome.BLOCKED: "dim"}


@contextlib.contextmanager
def address(path: Path) -> Iterator[str]:
    """The socket's name by way of its folder's descriptor, because a socket's path is limited to 107 bytes."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def beside_capture() -> IO[str]:
    """A duplicate of standard output that pytest's capture does not reach."""
    sys.stdout.flush()
    try:
        return os.fdopen(os.dup(sys.stdout.fileno()), "w", 1, sys.stdout.encoding, "replace")
    except OSError:  # it is not a file
        return sys.stdout


def leave_terminal() -> None:
    """Let every descriptor of a terminal lead nowhere: after a hang-up each write to it would fail."""
    nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # that of the listing itself is closed again
            if str(entry.readlink()).startswith(("/dev/pts/", "/dev/tty")):
                os.dup2(nowhere, int(entry.name), inheritable=int(entry.name) <= 2)
    os.close(nowhere)


class Reporter:
    """The sending side, in a worker or in a run of one process."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._path = path

    def say(self, label: str, text: str) -> None:
        """Report what a stage is doing now. Never raises: a display that does not listen must not stop a stage."""
        with contextlib.suppress(OSError), address(self._path) as name:
            self._socket.sendto(json.dumps([label, text[:500]]).encode(), name)


class Board:
    """The controller's display. Started before the tests, stopped after them."""

    def __init__(self, path: Path, console: Console) -> None:
        self._console = console
        self._busy: dict[str, tuple[str, float, float]] = {}  # label -> (doing, since, last said)
        self._finished: set[str] = set()
        self._left = Counter[str]()  # host -> its tests without a result
        self._every = Counter[str]()
        self._tests, self._hosts = 0, frozenset[str]()
        self._alike = Counter[tuple[str, str]]()
        self._said_so = time.monotonic()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with address(path) as name:
            self._socket.bind(name)
        self._socket.settimeout(0.5)
        self._path = path
        from rich.live import Live

        self._live = Live(console=console, refresh_per_second=4, transient=True, get_renderable=self._drawn)
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def start_counting(self, items: Iterable[ItemRow]) -> None:
        """Count from now on how many hosts are done; `items` are the tests that will have a result."""
        with self._lock:
            self._every = Counter(item.host for item in items)
            self._left, self._tests = self._every.copy(), self._every.total()
            self._hosts = frozenset(self._every) - {Control().name, Whole().name}

    def start(self) -> None:
        """Begin to listen and, on a terminal, to draw."""
        self._thread.start()
        if self._console.is_terminal:
            self._live.start()

    def stop(self) -> None:
        """Leave the terminal as it was."""
        self._over.set()
        with contextlib.suppress(OSError), address(self._path) as name:
            self._socket.sendto(b"", name)  # wakes the listener
        if self._thread.is_alive():
            self._thread.join(timeout=2)
        if self._console.is_terminal:
            self._live.stop()
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def finished(self, result: Result) -> None:
        """Print one line for a stage that changed or failed; for a check only if it is red."""
        with self._lock:
            if result.stage:  # a check says nothing of what it does
                self._finished.add(result.key)
                self._busy.pop(result.key, None)
            self._left[result.host] -= self._left[result.host] > 0
        if result.outcome in (Outcome.UNCHANGED, Outcome.BLOCKED) or (not result.stage and not result.verdict.is_red):
            return
        word = result.outcome or result.verdict
        self._alike[result.name, word] += 1
        if (alike := self._alike[result.name, word]) > MOST_ALIKE:
            if alike == MOST_ALIKE + 1:
                self._plain(f"  {one_line(result.name)}: {word} on more hosts than these {MOST_ALIKE}; see the end")
            return
        style = (
            STYLES.get(result.outcome, "bold red" if result.verdict.is_red else "") if result.outcome else "bold red"
        )
        mark = MARKS.get(result.outcome, "✘") if result.outcome else "✘"
        tail = (
            f"  {one_line(clip(result.sentence, LONGEST))}"
            if result.verdict.is_red or result.verdict is Verdict.WARN
            else ""
        )
        name = result.name if result.stage else f"{result.id} {result.name}"
        line = f"{mark} {one_line(result.host):<14} {one_line(name):<24} {word:<9} {result.seconds:6.1f} s{tail}"
        self._console.print(line, style=style, soft_wrap=True, markup=False, highlight=False)

    def _listen(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(TimeoutError, ValueError):
                label, text = json.loads(self._socket.recv(65536))
                with self._lock:
                    if label not in self._finished:  # otherwise the message arrived late
                        since = self._busy.get(label, (text, time.monotonic(), 0.0))[1]
                        self._busy[label] = (text, since, time.monotonic())
            if not self._console.is_terminal:
                self._heartbeat()
                self._say_so()

    def _plain(self, line: str) -> None:
        self._console.print(line, soft_wrap=True, markup=False, highlight=False)

    def _say_so(self) -> None:
        if time.monotonic() - self._said_so > SAYS_SO_EVERY:
            self._said_so = time.monotonic()
            self._plain(f"  {self.standing()}")

    def standing(self) -> str:
        """How many hosts and tests are done, and what is waited for: `3 of 100 hosts done, ...; waiting for ...`."""
        now = time.monotonic()
        with self._lock:
            done = sum(not self._left[host] for host in self._hosts)
            tests = self._tests - self._left.total()
            longest = sorted(self._busy.items(), key=lambda entry: entry[1][1])
            waits = [f"{label} {now - since:.0f} s" for label, (_, since, _) in longest]
            left = [host for host in self._hosts if self._left[host]]
            left.sort(key=lambda host: (self._left[host] == self._every[host], host))  # those that have begun first
            waits = waits or [f"{host} ({self._left[host]} tests)" for host in left]
        hosts = f"{done:,} of {len(self._hosts):,} hosts done, " if self._hosts else ""
        more = f" and {len(waits) - MOST_WAITED_FOR:,} more" if len(waits) > MOST_WAITED_FOR else ""
        shown = one_line(", ".join(waits[:MOST_WAITED_FOR])) + more
        return f"{hosts}{tests:,} of {self._tests:,} tests" + (f"; waiting for {shown}" if waits else "")

    def _heartbeat(self) -> None:
        now = time.monotonic()
        with self._lock:
            longest = sorted(self._busy.items(), key=lambda entry: entry[1][1])[:MOST_ALIKE]
            due = [(label, entry) for label, entry in longest if now - entry[2] > HEARTBEAT]
            for label, (text, since, _) in due:
                self._busy[label] = (text, since, now)
        for label, (text, since, _) in due:
            line = f"  {one_line(label)}: {now - since:.0f} s: {one_line(text)}"
            self._plain(line)

    def _drawn(self) -> Group:
        from rich.console import Group
        from rich.text import Text

        standing = [Text(self.standing(), no_wrap=True, overflow="ellipsis")] if self._tests else []
        return Group(self._table(), *standing)

    def _table(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        with self._lock:
            longest = sorted(self._busy.items(), key=lambda entry: entry[1][1])[:MOST_BUSY]
            for label, (text, since, _) in sorted(longest):
                doing = one_line((text.strip().splitlines() or [""])[0])[:100]
                table.add_row(Text(f"  {one_line(label)}"), f"{time.monotonic() - since:4.0f} s", Text(doing))
        return table
