"""From the ledger and the evidence to JUnit, HTML and the terminal.

Every report is a pure function of the `Overview` of a run (the page, for its history, of the runs before it too);
`write_all` makes the files at the end of a run, and `dlws reports` makes them again from the same folder, offline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dlws.record.run_folder import RunFolder, RunFolderError
from dlws.record.whole_file import write as write
from reports import history, html, junit
from reports.overview import Overview

RENDERERS: dict[str, Callable[[Overview], str]] = {
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
    overview: Overview | None = None
    """None when the run cannot be read."""


def read(folder: RunFolder | Path) -> Overview:
    """The run of a folder, for any report. RunFolderError when there is no readable ledger."""
    return Overview((RunFolder(folder) if isinstance(folder, Path) else folder).read())


def write_all(folder: RunFolder | Path) -> Written:
    """Write every report into the run's folder. A fault in one does not stop the others; nothing is raised for it."""
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
        except Exception as error:  # a report must not take the run's end with it; the fault is handed on
            faults.append(f"{name} could not be made: {type(error).__name__}: {error}")
    return Written(tuple(files), tuple(faults), overview)
