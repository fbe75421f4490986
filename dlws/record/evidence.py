"""The evidence of a run: every command, its outcome and its output, redacted, one JSON line each."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from dlws.record import regular_file, strict_json
from dlws.record.answer import Answer
from dlws.record.redaction import Redactor
from dlws.record.whole_file import PRIVATE_FOLDER, opened_to_append
from dlws.verdict import Unknown

FOLDER, SUFFIX = "evidence", ".jsonl"
MOST, MOST_OF_A_RUN = 256 << 20, 4 << 30
"""Bytes of one transcript and of all of a run: an audit of 1,000 hosts has some hundred MiB in all."""

LineKind = Literal["read", "change"]

PINNED_KEYS = "pinned SSH host keys, and who has confirmed them"
"""The question under which a machine's are in the evidence."""
CONTENT = "content.lock, and its images for this host"
"""The same of the content that it was installed from: the lock's SHA-256, and each image's id and digest."""


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """One line of evidence: a command, and its answer or why there was none."""

    n: int
    """Counts from 1 in its file; 0 for a line that no reference can name."""
    at: str
    """When it was written, ISO 8601 in UTC."""
    kind: LineKind
    answer: Answer
    """For a failure it has no exit status, and the message on standard error."""
    failure: str = ""
    """The class of the error, such as LinkLost, if there was no answer."""

    @property
    def error(self) -> Unknown | None:
        """The error that was raised instead of an answer; None if there was one."""
        return Unknown.kind(self.failure)(self.answer.error_text) if self.failure else None


class Transcript:
    """Append-only files `<folder>/<host>.<worker>.jsonl`, one per host and process. Thread-safe.

    A reference to one line is `<file>#<n>`; n counts from 1.
    """

    def __init__(self, folder: Path, redactor: Redactor, worker: str = "main") -> None:
        """`worker` distinguishes the processes of one run (pytest-xdist's worker id)."""
        self.folder, self.redactor, self._worker = folder, redactor, worker
        self._lock = threading.Lock()
        self._files: dict[str, tuple[int, str, int]] = {}
        self._scopes = itertools.count(1)
        self.scope = 0  # another one with every `collecting`: answers used within one scope belong to one check

    def record(self, host: str, answer: Answer, kind: LineKind) -> str:
        """Write one line and count it as used now; returns its reference."""
        reference = self.append(host, answer, kind)
        self.use(reference)
        return reference

    def record_failure(self, host: str, command: str, error: Unknown) -> str:
        """Record a failed command, request or connection and count it as used now; returns its reference.

        The line has the error's class as `failure` and its message as `err`.
        """
        answer = Answer(command, None, b"", str(error).encode("utf-8", "backslashreplace"), 0.0)
        reference = self.append(host, answer, "read", failure=type(error).__name__)
        self.use(reference)
        return reference

    def append(self, host: str, answer: Answer, kind: LineKind, *, failure: str = "") -> str:
        """Write one line without counting it as used (an answer read ahead of its check); returns its reference."""
        line: dict[str, Any] = {
            "n": 0,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "kind": kind,
            "command": self.redactor.text(answer.command),
            "rc": answer.rc,
            "seconds": round(answer.seconds, 4),
            "timed_out": answer.timed_out,
            "truncated": answer.truncated,
        }
        line |= {"failure": failure} if failure else {}
        line |= _stored("out", self.redactor.data(answer.out)) | _stored("err", self.redactor.data(answer.err))
        with self._lock:
            descriptor, name, count = self._files.get(host) or self._open(host)
            line["n"] = count + 1
            data = json.dumps(line, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace") + b"\n"
            while data:
                data = data[os.write(descriptor, data) :]
            self._files[host] = descriptor, name, count + 1
        return f"{name}#{count + 1}"

    def use(self, reference: str) -> None:
        """Add a reference to every `collecting` that is open in this thread: a thread judges one test at a time.

        What a test asks in threads of its own counts where they run in a copy of its context (`contextvars`).
        """
        for collector in _COLLECTING.get():
            if collector.transcript is self:
                collector.add(reference)

    @contextmanager
    def collecting(self) -> Iterator[list[str]]:
        """The references that this thread uses in the `with`, in order: `with transcript.collecting() as evidence:`."""
        collector = _Collector(self)
        outer = _COLLECTING.set((*_COLLECTING.get(), collector))
        self.scope = next(self._scopes)  # atomic, and without the lock, which is held while a file is written
        try:
            yield collector.references
        finally:
            _COLLECTING.reset(outer)
            self.scope = next(self._scopes)

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            for descriptor, _, _ in self._files.values():
                os.close(descriptor)
            self._files.clear()

    def _open(self, host: str) -> tuple[int, str, int]:
        self.folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        name = f"{file_name(host)}.{file_name(self._worker)}.jsonl"
        path = self.folder / name
        descriptor = opened_to_append(path)
        data = path.read_bytes()
        if data and not data.endswith(b"\n"):  # cut off in mid-line by a kill: the torn line stays, the next is whole
            os.write(descriptor, b"\n")
            data += b"\n"
        return descriptor, name, data.count(b"\n")


class _Collector:
    """The references that a test has used, in order, each once. A test of the whole cluster uses one of each host."""

    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript
        self.references: list[str] = []
        self._seen: set[str] = set()

    def add(self, reference: str) -> None:
        if reference not in self._seen:
            self._seen.add(reference)
            self.references.append(reference)


_COLLECTING: Final[ContextVar[tuple[_Collector, ...]]] = ContextVar("collecting", default=())
"""The `collecting`s that are open in a thread, the outer ones first."""


def file_name(name: str) -> str:
    """The name with every character replaced that could lead out of a folder: `a/b` becomes `a_b`."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)


def host_part(reference: str) -> str:
    """The host of an evidence file or of a reference to one of its lines, as `file_name` spells it."""
    return reference.partition(".")[0]


def read(run: Path, name: str) -> Iterator[EvidenceLine]:
    """The lines of one transcript file of a run's folder. A line torn by a kill is skipped. Raises OSError."""
    with regular_file.opened(run, f"{FOLDER}/{name}", MOST) as file:
        for text in regular_file.lines(file):
            with suppress(ValueError, KeyError, TypeError, OverflowError):
                yield _decoded(strict_json.loads(text))


def transcripts(run: Path) -> tuple[str, ...]:
    """The names of a run's transcript files, sorted. OSError if there is anything else beside them, or too much."""
    found = regular_file.sizes(run, FOLDER)
    if strange := [name for name in found if not name.endswith(SUFFIX)]:
        raise regular_file.NotRegular(f"{run / FOLDER / strange[0]} is no transcript (*{SUFFIX})")
    if large := [name for name, size in found.items() if size > MOST]:
        raise regular_file.NotRegular(f"{run / FOLDER / large[0]} has more than {MOST:,} bytes")
    if sum(found.values()) > MOST_OF_A_RUN:
        raise regular_file.NotRegular(f"{run / FOLDER} has more than {MOST_OF_A_RUN:,} bytes")
    return tuple(found)


def _decoded(line: Mapping[str, Any]) -> EvidenceLine:
    if not isinstance(rc := line["rc"], int | None):
        raise ValueError(f"{rc!r} is no exit status")
    answer = Answer(
        command=str(line["command"]),
        rc=rc,
        out=_restored(line, "out"),
        err=_restored(line, "err"),
        seconds=float(line["seconds"]),
        timed_out=bool(line["timed_out"]),
        truncated=bool(line["truncated"]),
    )
    kind: LineKind = "change" if line.get("kind") == "change" else "read"
    return EvidenceLine(int(line.get("n", 0)), str(line.get("at", "")), kind, answer, str(line.get("failure", "")))


def _stored(name: str, data: bytes) -> dict[str, str]:
    try:
        return {name: data.decode("utf-8")}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(data).decode()}


def _restored(line: Mapping[str, Any], name: str) -> bytes:
    if f"{name}_base64" in line:
        return base64.b64decode(line[f"{name}_base64"], validate=True)
    return str(line[name]).encode("utf-8")
