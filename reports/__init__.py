"""From the ledger and the evidence to JUnit, HTML and the terminal.

Every report is a pure function of a `RecordedRun` (the page, for its history, of the runs before it too); `write_all`
makes the files at the end of a run, and `dlws reports` makes them again from the same folder, offline.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dlws.record.run_folder import RecordedRun, RunFolder, RunFolderError
from reports import history, html, junit

RENDERERS: dict[str, Callable[[RecordedRun], str]] = {
    history.FILE: history.render,
    "junit.xml": junit.render,
    "report.html": html.render,
}
SHOWN = ("junit.xml", "report.html")  # that people are told of; the other is for later runs


@dataclass(frozen=True, slots=True)
class Written:
    """What a run left: the reports for people, a line for each that could not be made, and what they tell of."""

    files: tuple[Path, ...]
    faults: tuple[str, ...]
    recorded: RecordedRun | None = None
    """None when the run cannot be read."""


def write_all(folder: RunFolder | Path) -> Written:
    """Write every report into the run's folder. A fault in one does not stop the others; nothing is raised for it."""
    folder = RunFolder(folder) if isinstance(folder, Path) else folder
    files, faults = [], []
    try:
        recorded = folder.read()
    except RunFolderError as error:
        return Written((), (str(error),))
    for name, render in RENDERERS.items():
        try:
            file = write(folder.path / name, render(recorded))
            files += [file] if name in SHOWN else []
        except Exception as error:  # a report must not take the run's end with it; the fault is handed on
            faults.append(f"{name} could not be made: {type(error).__name__}: {error}")
    return Written(tuple(files), tuple(faults), recorded)


def write(file: Path, content: str | bytes) -> Path:
    """Write a whole file, text as UTF-8, or, on any fault, leave what was there (OSError)."""
    data = content if isinstance(content, bytes) else content.encode("utf-8")
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(file)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
    return file
