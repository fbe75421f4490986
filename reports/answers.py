"""`dlws reports diff RUN_A RUN_B --answers`: which commands were answered otherwise, also where all checks hold.

Much of it is no drift at all: uptimes, free memory, times. It is for a person who looks for a cause; it does not count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from dlws.record.run_folder import Command, RecordedRun
from reports.text import clip, one_line

MOST_LINES = 8  # of one command
WIDEST = 160  # characters of one line; more than that is no text for people (the API's JSON)


@dataclass(frozen=True, slots=True)
class Differing:
    """A command that both runs asked of a host and judged by, and its last answer in each."""

    host: str
    before: Command
    after: Command

    @property
    def lines(self) -> list[str]:
        """The lines that are gone (`- `) and those that are new (`+ `), in any order: loops run side by side."""
        old, new = (Counter(_text(command).splitlines()) for command in (self.before, self.after))
        return [*(f"- {line}" for line in (old - new).elements()), *(f"+ {line}" for line in (new - old).elements())]


def between(before: RecordedRun, after: RecordedRun) -> list[Differing]:
    """The commands of both runs whose answers differ, by host and command."""
    old, new = _answers(before), _answers(after)
    shared = sorted(old.keys() & new.keys())
    both = (Differing(host, old[host, command], new[host, command]) for host, command in shared)
    return [one for one in both if one.lines]


def show(differing: list[Differing], console: Console) -> None:
    """Print them host by host, long ones cut."""
    host = None
    for one in differing:
        if one.host != host:
            host = one.host
            console.print()
            console.print(Text(f"Other answers of {host}", "bold"))
        console.print(Text(f"  {one_line(clip(one.after.command, WIDEST))}"), soft_wrap=True, highlight=False)
        for line in _shortened(one.lines):
            console.print(Text(f"    {line}", "dim"), soft_wrap=True, highlight=False)


def _shortened(lines: list[str]) -> Iterator[str]:
    for line in lines[:MOST_LINES]:
        short = line if len(line) <= WIDEST else f"{line[:WIDEST]} ... ({len(line):,} characters)"
        yield one_line(short)
    if len(lines) > MOST_LINES:
        yield f"... {len(lines) - MOST_LINES} more lines"


def _answers(recorded: RecordedRun) -> dict[tuple[str, str], Command]:
    """By host and command the last answer that a test was judged by."""
    commands = ((ref.partition(".")[0], recorded.command(ref)) for ref in recorded.references)
    return {(host, c.command): c for host, c in commands if isinstance(c, Command) and not c.changes}


def _text(command: Command) -> str:
    status = "" if command.rc in (0, None) else f"\nexit status {command.rc}"
    return f"{command.out}{command.err}".rstrip() + status
