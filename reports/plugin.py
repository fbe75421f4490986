"""The reports of a run as a pytest plugin, which implements the hooks declared in `dlws.engine.hooks`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # imported at the end of a run, and only in the controller
    from rich.console import Console

    from reports import Written


WRITTEN: pytest.StashKey[Written] = pytest.StashKey()


@pytest.hookimpl(optionalhook=True)
def pytest_dlws_run_ended(config: pytest.Config, folder: Path) -> None:
    """Write every report into the run's folder."""
    import reports

    config.stash[WRITTEN] = reports.write_all(folder)


@pytest.hookimpl(optionalhook=True)
def pytest_dlws_summary(config: pytest.Config, folder: Path, console: Console) -> None:
    """Print the plan, if the run was one, then the matrix, the findings and the paths of the reports."""
    import reports
    from reports import plan, terminal

    written = config.stash[WRITTEN]
    overview = written.overview or reports.read(folder)
    if overview.ledger.run.plan:
        console.print(plan.render(overview), soft_wrap=True, markup=False, highlight=False)
    terminal.show(overview, console, written.files, written.faults)
