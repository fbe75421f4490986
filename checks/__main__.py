"""`python -m checks list | show [ID...]`: the checks that this suite knows.

Exit status: 0, or 2 for a usage error or an id that no check has.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from checks.catalogue import declared, place
from dlws.engine.check import Check


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m checks", description="List and explain the checks.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="list|show")
    commands.add_parser("list", help="print a table of all checks")
    show = commands.add_parser("show", help="print everything declared about the given checks, or about all of them")
    show.add_argument("ids", nargs="*", metavar="ID")
    options = parser.parse_args(arguments)
    known = declared()
    if options.command == "list":
        print_table(known.values(), Console())
        return 0
    if unknown := [id for id in options.ids if id not in known]:
        print("; ".join(f"no check {id}{_near(id, known)}" for id in unknown), file=sys.stderr)
        return 2
    print("\n\n".join(text_of(known[id]) for id in options.ids or known))
    return 0


def print_table(checks: Iterable[Check], console: Console) -> None:
    """A row for each check. Where the output is no terminal, a row is one line, however long."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("id", "severity", "section", "title", "title_zh", "source", "fix"):
        table.add_column(heading, overflow="fold", no_wrap=not console.is_terminal)
    for check in checks:
        row = (check.id, str(check.severity), check.section, check.title, check.title_zh, check.source, check.fix)
        table.add_row(*map(escape, row))
    if not console.is_terminal:
        console.width = console.measure(table, options=console.options.update(max_width=10_000)).maximum
    console.print(table)


def text_of(check: Check) -> str:
    """All that is declared of a check, a line each."""
    said = {
        "id": check.id,
        "title": check.title,
        "title_zh": check.title_zh,
        "severity": str(check.severity),
        "sets": ", ".join(sets_of(check)),
        "on": check.on.__name__.replace("_", " "),
        "section": check.section,
        "source": check.source,
        "fix": check.fix,
        "deviation": check.deviation,
        "causes": ", ".join(cause.id for cause in check.causes),
        "function": place(check),
    }
    return "\n".join(f"{name + ':':<11}{value}" for name, value in said.items() if value)


def sets_of(check: Check) -> list[str]:
    """The `-m` selections that a check joins; `active`, if it does more than read."""
    return sorted(mark.name for mark in getattr(check.function, "pytestmark", ()))


def _near(id: str, known: Mapping[str, Check]) -> str:
    near = difflib.get_close_matches(id.upper(), known, n=1)
    return f", did you mean {near[0]}?" if near else ""


if __name__ == "__main__":
    sys.exit(main())
