"""`dlws lint FILE`: every finding about a configuration, one line each; `dlws schema`: its form, for editors."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from dlws.cli import Refused
from dlws.config.cluster import inspect
from dlws.config.finding import ConfigUnreadable, Finding, Level, errors

_COLOURS: Final = {Level.ERROR: "31", Level.WARNING: "33", Level.INFO: "36"}
FILE: Final = click.Path(path_type=Path)
CONFIG: Final = Path("config.yaml")
"""The configuration that a command is about where none is named: that of the folder where it is called."""


@click.command()
@click.argument("file", type=FILE, default=CONFIG)
@click.option("--hosts", type=FILE, metavar="FILE", help="Hosts file of runbook 2.4 (default: the state folder's).")
@click.option("--local-yaml", type=FILE, metavar="FILE", help="The web interface's configuration, runbook 3.15.")
def lint(file: Path, hosts: Path | None, local_yaml: Path | None) -> int:
    """Report everything that is wrong with FILE (default: config.yaml).

    Exit status: 0 no errors (there may be warnings), 1 errors, 2 wrong usage or a file that cannot be read.
    """
    try:
        _, findings = inspect(file, hosts_path=hosts, local_yaml=local_yaml)
    except ConfigUnreadable as error:
        raise Refused(str(error)) from error
    return show(findings)


@click.command()
def schema() -> int:
    """Print the JSON schema of config.yaml, for editors that complete and check while one writes.

    VS Code's YAML extension takes it with a first line `# yaml-language-server: $schema=config.schema.json`.
    """
    from dlws.config.json_schema import PAGE, json_schema  # here: only this command needs it

    page = PAGE.read_text("utf-8") if PAGE.is_file() else ""
    print(json.dumps(json_schema(page), indent=2, ensure_ascii=False))
    return 0


def show(findings: Sequence[Finding]) -> int:
    """Print findings, one line each, and their number. Returns 1 if one of them is an error, else 0."""
    for finding in findings:
        print(_coloured(finding) if sys.stdout.isatty() else finding)
    print(_count(findings))
    return 1 if errors(findings) else 0


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
