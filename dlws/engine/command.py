"""`dlws pytest`: pytest on this suite, from whichever folder it is called."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from dlws.engine.two_word_options import joined

ROOT = Path(__file__).resolve().parents[2]
AS_PYTEST_READS_THEM = {"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []}


@click.command(context_settings=AS_PYTEST_READS_THEM)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def pytest(arguments: tuple[str, ...]) -> None:
    """Run pytest on this suite: dlws pytest -m verify.

    In a checkout this is `pytest`. Elsewhere config.yaml is looked for in the folder where it is called. Choose by -m,
    -k, --limit and --stages, not by file.
    """
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *command(arguments)])


def command(arguments: tuple[str, ...]) -> list[str]:
    """The arguments for Python."""
    return ["-m", "pytest", "-c", str(ROOT / "pytest.ini"), "--rootdir", str(ROOT), *joined([*arguments]), str(ROOT)]
