"""`python -m dlws lint FILE`: everything that is wrong with a configuration, one line each.

Exit status: 0 no errors (there may be warnings), 1 errors, 2 usage, or a file that cannot be read.
`python -m dlws render [SERVICE [FILE]]` is `dlws.platform.command`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dlws.config.cluster import inspect
from dlws.config.finding import ConfigUnreadable, Finding, Level
from dlws.platform import command

_COLOURS: Final = {Level.ERROR: "31", Level.WARNING: "33", Level.INFO: "36"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m dlws", description="Knows what a DLWS cluster is.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    lint = commands.add_parser("lint", help="say everything that is wrong with a config.yaml")
    lint.add_argument("file", type=Path, metavar="FILE", help="the configuration")
    lint.add_argument(
        "--hosts", type=Path, metavar="FILE", help="hosts file of runbook 2.4 (default: the state folder's)"
    )
    lint.add_argument("--local-yaml", type=Path, metavar="FILE", help="the web interface's configuration, runbook 3.15")
    render = commands.add_parser("render", help="print what the DLWorkspace checkout becomes for a cluster")
    command.add_arguments(render)
    options = parser.parse_args(arguments)
    if options.command == "render":
        return command.run(options)
    try:
        _, findings = inspect(options.file, hosts_path=options.hosts, local_yaml=options.local_yaml)
    except ConfigUnreadable as error:
        print(error, file=sys.stderr)
        return 2
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


if __name__ == "__main__":
    sys.exit(main())
