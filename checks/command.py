"""`dlws checks`: the checks that this suite knows."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from checks.catalogue import CatalogueError, declared, place
from dlws.cli import Failed, Refused
from dlws.engine.check import Check
from dlws.record.terminal import SafeConsole


@click.group()
def checks() -> None:
    """List and explain the checks.

    Exit status: 0; 1 if an id is declared twice; 2 for wrong usage or an id that no check has.
    """


@checks.command("list")
def list_() -> None:
    """Print a table of all checks; `dlws checks show` tells the rest of them, in Chinese too."""
    print_table(_known().values(), SafeConsole())


def _known() -> dict[str, Check]:
    """All checks by id. Failed where one id is declared twice."""
    try:
        return declared()
    except CatalogueError as error:
        raise Failed(f"dlws checks: {error}; give one of them an id of its own") from error


def _ids(ctx: click.Context, argument: click.Parameter, incomplete: str) -> list[str]:
    """The ids that a shell may complete what was typed to."""
    return [id for id in declared() if id.startswith(incomplete.upper())]


@checks.command()
@click.argument("ids", nargs=-1, metavar="[ID]...", shell_complete=_ids)
def show(ids: tuple[str, ...]) -> None:
    """Explain the given checks, or all of them."""
    known = _known()
    if unknown := [id for id in ids if id not in known]:
        raise Refused("; ".join(f"no check {id}{_near(id, known)}" for id in unknown))
    print("\n\n".join(text_of(known[id]) for id in ids or known))


def print_table(checks: Iterable[Check], console: Console) -> None:
    """A row for each check. Where the output is no terminal, a row is one line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("id", "severity", "section", "title"):
        table.add_column(heading, overflow="fold", no_wrap=not console.is_terminal)
    for check in checks:
        table.add_row(*map(Text, (check.id, str(check.severity), check.section, check.title)))
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
    """The id that was probably meant: the one with the missing zero, or the one that is spelled most alike."""
    letter_and_number = re.fullmatch(r"([A-Z])(\d+)", id.upper())
    padded = f"{letter_and_number[1]}{int(letter_and_number[2]):02d}" if letter_and_number else ""
    near = [padded] if padded in known else difflib.get_close_matches(id.upper(), known, n=1)
    return f", did you mean {near[0]}?" if near else " (`dlws checks list` prints them all)"
