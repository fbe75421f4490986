"""Reports made from the ledger and the evidence of a run: JUnit, HTML and the terminal.

Every report is a pure function of the run's `Overview`; the HTML page also reads earlier runs, for its history.
`write_all` writes the files at the end of a run, and `dlws reports` writes them again from the same folder, offline.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from dlws.record.run_folder import RunFolder, RunFolderError
from dlws.record.whole_file import write as write
from reports import history, html, junit
from reports.overview import Overview

RENDERERS: dict[str, Callable[[Overview], str | Iterable[str]]] = {
    history.FILE: history.render,
    "junit.xml": junit.render,
    "report.html": html.render,
}
SHOWN = ("junit.xml", "report.html")  # printed for people; the history digest is only for later runs


@dataclass(frozen=True, slots=True)
class Written:
    """The reports written for people, a line for each that could not be written, and the run they describe."""

    files: tuple[Path, ...]
    faults: tuple[str, ...]
    overview: Overview | None = None
    """None if the run cannot be read."""


def read(folder: RunFolder | Path) -> Overview:
    """Read a run for any report. Raises RunFolderError if its ledger is missing or unreadable."""
    return Overview((RunFolder(folder) if isinstance(folder, Path) else folder).read())


def write_all(folder: RunFolder | Path) -> Written:
    """Write every report into the run's folder. Never raises: a report that fails becomes a line of `faults`."""
    folder = RunFolder(folder) if isinstance(folder, Path) else folder
    files, faults = [], []
    try:
        overview = read(folder)
    except RunFolderError as error:
        return Written((), (str(error),))
    for name, render in RENDERERS.items():
        try:
            file = write(folder.path / name, render(overview))
            files += [file] if name in SHOWN else []
        except Exception as error:  # a broken report must not break the end of the run; the caller prints the fault
            faults.append(f"{name} could not be made: {type(error).__name__}: {error}")
    return Written(tuple(files), tuple(faults), overview)
