"""`dlws reports diff RUN_A RUN_B --answers`: commands whose output differs, even where every check passes.

Much of it is not drift (uptimes, free memory, timestamps). It helps a person look for a cause and does not affect the
exit status.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from dlws.record.printable import clip, one_line
from dlws.record.run_folder import Command, RecordedRun

MOST_LINES = 8  # shown per command
WIDEST = 160  # characters shown per line; longer lines are not meant for people (the API's JSON)


@dataclass(frozen=True, slots=True)
class Differing:
    """A command that both runs sent to a host and based a verdict on, and its last answer in each."""

    host: str
    before: Command
    after: Command

    @property
    def lines(self) -> list[str]:
        """Lines that are gone (`- `) and lines that are new (`+ `). Their order is ignored: parallel loops vary it."""
        old, new = (Counter(_text(command).splitlines()) for command in (self.before, self.after))
        return [*(f"- {line}" for line in (old - new).elements()), *(f"+ {line}" for line in (new - old).elements())]


def between(before: RecordedRun, after: RecordedRun) -> list[Differing]:
    """The commands that both runs sent and whose answers differ, sorted by host and command."""
    old, new = _answers(before), _answers(after)
    shared = sorted(old.keys() & new.keys())
    pairs = (Differing(host, old[host, command], new[host, command]) for host, command in shared)
    return [pair for pair in pairs if pair.lines]


def show(differing: list[Differing], console: Console) -> None:
    """Print them host by host, long answers shortened."""
    host = None
    for pair in differing:
        if pair.host != host:
            host = pair.host
            console.print()
            console.print(Text(f"Answers that differ on {host}", "bold"))
        console.print(Text(f"  {one_line(clip(pair.after.command, WIDEST))}"), soft_wrap=True, highlight=False)
        for line in _shortened(pair.lines):
            console.print(Text(f"    {line}", "dim"), soft_wrap=True, highlight=False)


def _shortened(lines: list[str]) -> Iterator[str]:
    for line in lines[:MOST_LINES]:
        short = line if len(line) <= WIDEST else f"{line[:WIDEST]} ... ({len(line):,} characters)"
        yield one_line(short)
    if len(lines) > MOST_LINES:
        yield f"... {len(lines) - MOST_LINES} more lines"


def _answers(recorded: RecordedRun) -> dict[tuple[str, str], Command]:
    """The last answer that a verdict is based on, keyed by host and command."""
    commands = ((ref.partition(".")[0], recorded.command(ref)) for ref in recorded.references)
    return {(host, c.command): c for host, c in commands if isinstance(c, Command) and not c.changes}


def _text(command: Command) -> str:
    status = "" if command.rc in (0, None) else f"\nexit status {command.rc}"
    return f"{command.out}{command.err}".rstrip() + status
