"""`dlws lint FILE`: prints every finding about a configuration, one line each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from dlws.cli import Refused
from dlws.config.cluster import inspect
from dlws.config.finding import ConfigUnreadable, Finding, Level

_COLOURS: Final = {Level.ERROR: "31", Level.WARNING: "33", Level.INFO: "36"}
FILE: Final = click.Path(path_type=Path)


@click.command()
@click.argument("file", type=FILE)
@click.option("--hosts", type=FILE, metavar="FILE", help="Hosts file of runbook 2.4 (default: the state folder's).")
@click.option("--local-yaml", type=FILE, metavar="FILE", help="The web interface's configuration, runbook 3.15.")
def lint(file: Path, hosts: Path | None, local_yaml: Path | None) -> int:
    """Report everything that is wrong with a config.yaml.

    Exit status: 0 no errors (there may be warnings), 1 errors, 2 wrong usage or a file that cannot be read.
    """
    try:
        _, findings = inspect(file, hosts_path=hosts, local_yaml=local_yaml)
    except ConfigUnreadable as error:
        raise Refused(str(error)) from error
    for finding in findings:
        print(_coloured(finding) if sys.stdout.isatty() else finding)
    print(_count(findings))
    return 1 if any(finding.level is Level.ERROR for finding in findings) else 0


def _coloured(finding: Finding) -> str:
    level = f" {finding.level}: "
    return str(finding).replace(level, f" \033[{_COLOURS[finding.level]}m{finding.level}\033[0m: ", 1)


def _count(findings: Sequence[Finding]) -> str:
    if not findings:
        return "nothing wrong"
    counts = [(sum(finding.level is level for finding in findings), level) for level in Level]
    names = {Level.INFO: "hint"}
    return ", ".join(
        f"{count} {names.get(level, level.value)}{'' if count == 1 else 's'}" for count, level in counts if count
    )
