"""Run commands of the machine, wait with a deadline, and stop what the lab started by pid."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

PATH = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Debian's own commands, whatever the caller's PATH."""


class LabError(Exception):
    """Something the lab needs is missing or failed; the message says what, if possible in one line."""


def say(line: str) -> None:
    """Print a line of progress."""
    print(f"lab: {line}", flush=True)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for commands: the caller's, with English output, Debian's path and no interactive questions."""
    return {**os.environ, "PATH": PATH, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **(extra or {})}


def attempt(*argv: str, stdin: str | bytes = b"", timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a command that may fail. Raises LabError if it is missing or takes longer than `timeout` seconds."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    try:
        done = subprocess.run(argv, input=data, capture_output=True, timeout=timeout, env=environment(), check=False)
    except FileNotFoundError:
        raise LabError(f"{argv[0]}: command not found") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"no answer in {timeout:.0f} s: {' '.join(argv)}") from None
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    return subprocess.CompletedProcess(argv, done.returncode, out, err)


def run(*argv: str, stdin: str | bytes = b"", timeout: float = 60) -> str:
    """Run a command and return its standard output. Raises LabError with its last five lines if it fails."""
    done = attempt(*argv, stdin=stdin, timeout=timeout)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-5:]
        raise LabError(f"exit status {done.returncode}: {' '.join(argv)}\n  " + "\n  ".join(last))
    return done.stdout


def wait_for(what: str, probe: Callable[[], bool], seconds: float, pause: float = 0.2) -> None:
    """Poll `probe` until it is true; print progress every 5 s. Raises LabError after `seconds`."""
    start = time.monotonic()
    next_message = start + 5
    while not probe():
        now = time.monotonic()
        if now - start > seconds:
            raise LabError(f"waited {seconds:.0f} s in vain for {what}")
        if now > next_message:
            say(f"waiting for {what} ({now - start:.0f} s of at most {seconds:.0f})")
            next_message = now + 5
        time.sleep(pause)


def pid_of(pid_file: Path, mark: str) -> int | None:
    """The pid in `pid_file` if that process runs and its command line contains `mark`, as pids are reused."""
    try:
        pid = int(pid_file.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except (OSError, ValueError):
        return None
    return pid if mark in command else None


def start_daemon(argv: list[str], log: Path) -> int:
    """Start a daemon in its own session, with its output appended to `log`; return its pid."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        daemon = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, env=environment(), cwd="/"
        )
    return daemon.pid


def stop_daemon(what: str, pid_file: Path, mark: str, seconds: float) -> None:
    """Terminate the daemon of `pid_file` and wait until it has ended. Does nothing if it is not running."""
    pid = pid_of(pid_file, mark)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        wait_for(f"{what} (pid {pid}) to end", lambda: pid_of(pid_file, mark) is None, seconds)
        say(f"stopped {what}")
    pid_file.unlink(missing_ok=True)
