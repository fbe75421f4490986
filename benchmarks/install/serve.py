"""The pretended hosts: `python -m benchmarks.install.serve HOSTS FOLDER PORT`, until SIGTERM.

A host remembers what was done to it, for as long as this process lives: `[ -e WORD ]` says whether WORD was done,
`sleep SECONDS; touch WORD` does it. It succeeds in everything else at once and says nothing. When the first question
about a WORD came is in FOLDER/first (time.monotonic, which all processes of a machine share).
"""

from __future__ import annotations

import logging
import re
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import paramiko

from benchmarks.fleet import hosts

_QUESTION = re.compile(r"\[ -e (\S+) \]")
_CHANGE = re.compile(r"sleep (\S+); touch (\S+)")


class Host:
    """One pretended host."""

    def __init__(self, first: Path) -> None:
        """`first` is the file for when any host was first asked."""
        self._done = set[str]()
        self._first = first

    def answer(self, command: str) -> tuple[int, bytes, bytes]:
        """See `Answering`."""
        if asked := _QUESTION.fullmatch(command):
            if not self._first.exists():
                self._first.write_text(str(time.monotonic()))
            return int(asked[1] not in self._done), b"", b""
        if change := _CHANGE.fullmatch(command):
            time.sleep(float(change[1]))
            self._done.add(change[2])
        return 0, b"", b""


def address(number: int) -> str:
    """The address of a host, counted from 0, on the loopback network."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


def main(count: str, folder: str, port: str) -> None:
    """Serve until SIGTERM."""
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # clients that hang up as they like
    fleet = {address(number): Host(Path(folder) / "first") for number in range(int(count))}
    listener = socket.create_server(("0.0.0.0", int(port)), backlog=1024)  # every loopback address
    key = paramiko.Ed25519Key.from_private_key_file(str(Path(folder) / "host_key"))
    threading.Thread(target=hosts.serve, args=(listener, fleet, key), daemon=True).start()
    print("ready", flush=True)
    signal.sigwait([signal.SIGTERM])


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    main(*sys.argv[1:])
