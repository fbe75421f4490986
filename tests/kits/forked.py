"""A run of pytest in a process forked from one that has loaded the suite already: it begins a second earlier.

The process that is forked (multiprocessing's fork server) never runs anything itself, so each run begins like a new
interpreter would. Its environment is set before pytest sees it; what Python itself reads of an environment at its start
is that of the tests, so a run with such variables needs a process of its own.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerContext
from pathlib import Path
from signal import SIGKILL

PRELOADED = "tests.kits.preloaded"
QUIETLY = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # of what is loaded already; none of it asserts


def run(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], limit: float) -> tuple[int, str, str]:
    """The exit status, stdout and stderr of `python -m pytest ARGUMENTS` in a folder, without a terminal.

    One that takes more than `limit` seconds is killed with all its workers: AssertionError.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        names = [f"/proc/{os.getpid()}/fd/{file.fileno()}" for file in (out, err)]
        process = _context().Process(target=_pytest, args=(list(arguments), str(folder), dict(environment), names))
        process.start()
        process.join(limit)
        if hangs := process.exitcode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid or 0, SIGKILL)
            process.join()
        for file in (out, err):
            file.seek(0)
        said = [file.read() for file in (out, err)]
        assert not hangs, f"the run hangs:\n{said[0]}\n{said[1]}"
        return process.exitcode or 0, said[0], said[1]


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOADED])
    return context


def _pytest(arguments: list[str], folder: str, environment: dict[str, str], outputs: list[str]) -> None:
    """In the forked process: become a new one's like, and run pytest."""
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, name in enumerate([os.devnull, *outputs]):
        descriptor = os.open(name, os.O_RDWR | os.O_APPEND)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.argv = ["pytest", *QUIETLY, *arguments]
    sys.path[:] = [folder, *(path for path in sys.path if path not in ("", folder))]
    import pytest

    status = pytest.console_main()
    atexit._run_exitfuncs()
    sys.exit(status)
