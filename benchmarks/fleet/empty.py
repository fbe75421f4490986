"""A project of as many tests as an audit has results, each of which does nothing: what pytest itself costs."""

from __future__ import annotations

from pathlib import Path

CONFTEST = """\
import pytest


class Empty(pytest.Item):
    def runtest(self) -> None:
        pass


class Number(pytest.File):
    def collect(self):
        for number in range(int(self.path.read_text())):
            yield Empty.from_parent(self, name=f"empty{number}")


def pytest_collect_file(file_path, parent):
    return Number.from_parent(parent, path=file_path) if file_path.suffix == ".number" else None
"""


def make(folder: Path, number: int) -> Path:
    """Write the project into a folder; it is there when this returns, and `pytest` there runs that many tests."""
    folder.mkdir(exist_ok=True)
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "tests.number").write_text(str(number))
    return folder
