"""`dlws checks`: the checks that this suite knows."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from checks.catalogue import CatalogueError, declared, place
from dlws.cli import Failed, Refused
from dlws.config.finding import ConfigError, ConfigUnreadable
from dlws.engine.check import Check
from dlws.engine.trial import API, NotTriable, Trial, trial_cluster, tried
from dlws.parse import pasted
from dlws.record.terminal import SafeConsole
from dlws.verdict import Unparsable, Verdict, sentence
from fixtures import plugin as _arguments  # noqa: F401  registers what a check may ask for


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


@checks.command("try")
@click.argument("id", metavar="ID", shell_complete=_ids)
@click.option("--answers", type=click.Path(dir_okay=False, path_type=Path), help="What was pasted; - for stdin.")
@click.option("--show", is_flag=True, help="Print what the check asks for next, as a session to paste answers into.")
@click.option("--host", help="The host to judge, by its name in the cluster; by default the first that fits.")
@click.option("--cluster", "config", type=click.Path(dir_okay=False, path_type=Path), help="A config.yaml.")
@click.option("--devices", type=click.IntRange(1), help="Accelerators of a host, without --cluster; by default 8.")
@click.option("--suite", multiple=True, metavar="KEY=VALUE", help="A setting of `suite`, in YAML, without --cluster.")
def try_(
    id: str,
    answers: Path | None,
    show: bool,
    host: str | None,
    config: Path | None,
    devices: int | None,
    suite: tuple[str, ...],
) -> int:
    """Judge a check on answers that you paste, without a cluster.

    Exit status: 0 if it passes or does not apply; 1 if it fails; 2 if an answer is missing, and for wrong usage; 3 if
    it is unknown.
    """
    known = _known()
    if id not in known:
        raise Refused(f"no check {id}{_near(id, known)}")
    if answers is None and not show:
        raise Refused("name the pasted answers with --answers, or see with --show what the check asks for")
    try:
        pasted_answers = pasted.read(_content(answers)) if answers is not None else {}
        settings = _settings(devices, suite) if config is None else ""
        found = tried(known[id], trial_cluster(config, settings), pasted_answers, host)
    except (ConfigError, ConfigUnreadable, NotTriable, Unparsable) as error:
        raise Refused(str(error)) from error
    if found.missing:
        more = ", too" if pasted_answers else ""
        print(f"{id} asks for this{more}: run it as root on the host, and add what it prints", file=sys.stderr)
        print("\n".join(_template(found)))
        return 0 if show else 2
    return _report(known[id], found)


def _content(path: Path) -> str:
    """What was pasted. Refused for a file that cannot be read, or is no UTF-8: a console of Windows writes UTF-16."""
    try:
        return (sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()).decode("utf-8-sig")
    except OSError as error:
        raise Refused(f"{path}: {error.strerror} (name the file with what was pasted, or - for stdin)") from None
    except UnicodeDecodeError:
        raise Refused(f"{path}: not UTF-8 text; save the file as UTF-8") from None


def _settings(devices: int | None, suite: tuple[str, ...]) -> str:
    """Further lines of the trial's configuration."""
    lines = [f"  {key}: {value}" for key, _, value in (setting.partition("=") for setting in suite)]
    lines += [f"  devices: {{npu: {devices}, npu2: {devices}, gpu: {devices}}}"] if devices else []
    return "\n".join(["suite:", *lines, ""]) if lines else ""


def _template(found: Trial) -> Iterator[str]:
    """What is missing, as a session to paste answers into."""
    for name, commands in found.missing.items():
        yield from (pasted.template("" if name in (found.host, API) else name, command) for command in commands)


def _report(check: Check, found: Trial) -> int:
    """Print what came of a trial; returns the exit status."""
    for name, commands in found.unused.items():
        print(f"{check.id} did not ask {name}: {', '.join(commands)}", file=sys.stderr)
    proof = found.proof
    weight = f" ({check.severity} in a run)" if proof.verdict is Verdict.FAIL else ""
    print(f"{proof.verdict}{weight}  {check.id} on {found.host}: {check.title}")
    for line in (sentence(proof), proof.fix and f"Fix: {proof.fix}"):
        if line:
            print(line)
    return {Verdict.FAIL: 1, Verdict.UNKNOWN: 3}.get(proof.verdict, 0)


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
