"""The hooks that the engine calls and does not answer itself: what is made of a run once its ledger is closed.

The reports answer them (`reports/plugin.py`); the engine knows of no report. They are called in the controller alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # rich, at run time where something is printed
    from rich.console import Console


def pytest_dlws_run_ended(config: pytest.Config, folder: Path) -> None:
    """The ledger in the run's folder is closed: write what is made of it. Must not raise."""


def pytest_dlws_summary(config: pytest.Config, folder: Path, console: Console) -> None:
    """Show a person how the run went; the last that it prints. Called after `pytest_dlws_run_ended`."""
