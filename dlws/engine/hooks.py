"""The hooks that the engine calls when a run has ended. The reports implement them (`reports/plugin.py`).

The engine imports no report. The hooks are called in the controller only.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # rich, at run time where something is printed
    from rich.console import Console


def pytest_dlws_run_ended(config: pytest.Config, folder: Path) -> None:
    """The ledger in the run's folder is closed: write the reports. Must not raise."""


def pytest_dlws_summary(config: pytest.Config, folder: Path, console: Console) -> None:
    """Print the summary of the run, as its last output. Called after `pytest_dlws_run_ended`."""
