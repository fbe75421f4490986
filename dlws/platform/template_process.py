"""Jinja2 in a process of its own, with bounds on time, memory and output. Run as a program, it is that process.

No list of operators and filters is complete: `'A' * 2000000000`, `"%09999999999d" % 1` and three nested loops are each
a line of a template. What a process takes, the kernel counts. Nothing of ours is imported here, so that it starts fast.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, BinaryIO, Final

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

LARGEST: Final = 4 << 20
"""Characters that a template may render to; the largest of V0.1.6.1 renders to 0.2 MiB."""
SECONDS: Final = 10.0
"""CPU seconds for one template; all of V0.1.6.1 take one together."""
MEMORY: Final = 512 << 20
"""Bytes of address space."""
DEADLINE: Final = 60.0
"""Seconds for an answer, on a busy machine too; only one long call of C code takes longer than SECONDS."""
BEGIN, END = "\ufdd0", "\ufdd1"
"""Noncharacters of Unicode around each text of the parameters that a template prints, so that it can be found again."""
_KEPT: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")
_LENGTH: Final = struct.Struct(">Q")

Answer = dict[str, Any]


class Rendering:
    """The process, started when it is first asked. Thread-safe; it ends with ours."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def ask(self, source: str, name: str, cnf: dict[str, Any]) -> Answer:
        """`text`, with BEGIN and END around texts of `cnf`; or `line` and `message`; or `line` and `missing`, the path
        of a key that does not exist.
        """
        with self._lock:
            try:
                return self._ask(pickle.dumps((source, name, cnf)))
            except (OSError, EOFError, ValueError) as error:
                self._end()
                late = isinstance(error, TimeoutError)
                return _error(0, f"takes more than {DEADLINE:g} s" if late else "its process was lost")

    def _ask(self, request: bytes) -> Answer:
        if self._socket is None:
            self._socket, theirs = socket.socketpair()
            self._socket.settimeout(DEADLINE)
            kept = {key: os.environ[key] for key in _KEPT if key in os.environ}
            with theirs:
                command = [sys.executable, "-P", __file__]
                self._process = subprocess.Popen(
                    command,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=subprocess.DEVNULL,
                    env=kept,
                    start_new_session=True,
                )
        self._socket.sendall(_LENGTH.pack(len(request)) + request)
        with self._socket.makefile("rb") as file:
            answer = json.loads(_frame(file, 6 * LARGEST + 1000))  # a character is six in JSON at most
        if not isinstance(answer, dict):
            raise ValueError("no answer")
        return answer

    def _end(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            with suppress(OSError):
                self._process.kill()
            self._process.wait()
            self._process = None


class _MissingKey(jinja2.UndefinedError):
    """A key that does not exist: the mapping it was looked up in, and its name."""

    def __init__(self, within: Any, name: Any, message: str | None) -> None:
        self.within, self.name = within, name
        super().__init__(message)


class _Missing(jinja2.StrictUndefined):
    """A missing value that remembers the mapping it was looked up in."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: Any = None,
        exc: type[jinja2.TemplateRuntimeError] = jinja2.UndefinedError,
    ) -> None:
        def error(message: str | None = None) -> jinja2.TemplateRuntimeError:
            return _MissingKey(obj, name, message) if exc is jinja2.UndefinedError else exc(message)

        super().__init__(hint, obj, name, error)  # type: ignore[arg-type]


class _TooMuch(Exception):
    """A template takes more than it may; the message is for people."""


def _rendered(source: str, name: str, cnf: dict[str, Any]) -> Answer:
    texts = frozenset(_texts(cnf)) - {""}

    def marked(value: Any) -> Any:
        return f"{BEGIN}{value}{END}" if isinstance(value, str) and value in texts else value

    environment = ImmutableSandboxedEnvironment(undefined=_Missing, keep_trailing_newline=True, finalize=marked)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        template = jinja2.Template.from_code(environment, environment.compile(source, name, name), {"cnf": cnf})
        chunks, size = [], 0
        for chunk in template.generate():
            chunks.append(chunk)
            size += len(chunk)
            if size > LARGEST:
                raise _TooMuch(f"renders to more than {LARGEST >> 20} MiB")
        return {"text": "".join(chunks)}
    except jinja2.TemplateSyntaxError as error:
        return _error(error.lineno, f"broken template: {error.message}")
    except _MissingKey as error:
        path = () if error.within is missing else _path_to(error.within, cnf)
        return {"line": _line(error.__traceback__, name), "missing": [*(path or ()), str(error.name)]}
    except _TooMuch as error:
        return _error(_line(error.__traceback__, name), str(error))
    except MemoryError as error:
        return _error(_line(error.__traceback__, name), f"needs more than {MEMORY >> 20} MiB of memory")
    except Exception as error:  # whatever an expression of the template does
        return _error(_line(error.__traceback__, name), f"cannot be rendered: {type(error).__name__}: {error}"[:1000])
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _error(line: int, message: str) -> Answer:
    return {"line": line, "message": message}


def _texts(value: Any) -> Iterator[str]:
    """Every text in the parameters that is no key."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _path_to(mapping: Any, within: Any) -> tuple[str, ...] | None:
    """The path of a mapping in the parameters, found by identity."""
    if not isinstance(within, dict):
        return None
    if within is mapping:
        return ()
    for key, value in within.items():
        below = _path_to(mapping, value)
        if below is not None:
            return (key, *below)
    return None


def _line(trace: TracebackType | None, name: str) -> int:
    """The line of the template that was being rendered; Jinja2 rewrites tracebacks to the template's own lines."""
    line = 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == name:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _frame(file: BinaryIO, largest: int) -> bytes:
    """The next message. EOFError at the end, ValueError for one that is too large."""
    head = file.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    if length > largest:
        raise ValueError("too large")
    body = file.read(length)
    if len(body) < length:
        raise EOFError
    return body


def _too_late(_signal: int, _at: FrameType | None) -> None:
    raise _TooMuch(f"takes more than {SECONDS:g} s")


def _serve() -> None:
    """Answer requests until there are no more. They come from our own process, so that pickle may be read."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, _too_late)
    with suppress(EOFError, BrokenPipeError):
        while True:
            source, name, cnf = pickle.loads(_frame(sys.stdin.buffer, MEMORY))
            answer = json.dumps(_rendered(source, name, cnf)).encode()
            sys.stdout.buffer.write(_LENGTH.pack(len(answer)) + answer)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    _serve()
