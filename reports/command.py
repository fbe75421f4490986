"""`dlws reports`: recreate the reports of a recorded run from its folder, offline."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

import reports as files
from dlws.cli import Refused
from dlws.record.ledger import Outcome
from dlws.record.printable import one_line
from dlws.record.run_folder import OUT, RunFolder, RunFolderError, find_run
from dlws.record.terminal import SafeConsole
from dlws.record.whole_file import HANDED_OVER
from reports import answers, drift, html, item_table, junit, plan, prometheus, record, terminal
from reports import merge as merging
from reports.acceptance import command as acceptance
from reports.drift import NotComparable
from reports.merge import NotMergeable
from reports.overview import Overview

USAGE = 4  # exit status, as pytest's
DIFFERENT = 1
PRINT = "-"
ERRORS = (RunFolderError, NotComparable, NotMergeable, *acceptance.ERRORS)
FILE = click.Path(path_type=Path)


class Impossible(Refused):
    """Ends a command that cannot be carried out, with exit status 4."""

    exit_code = USAGE


class WrongUsage(click.UsageError):
    """A usage error, with exit status 4."""

    exit_code = USAGE

    def __init__(self, error: click.UsageError) -> None:
        super().__init__(error.format_message(), error.ctx)


class NoCommand(click.exceptions.NoArgsIsHelpError):
    """Prints the help, with exit status 4."""

    exit_code = USAGE


class Reports(click.Group):
    """Exits with status 4 on wrong usage and on errors."""

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """The context of the group. Raises WrongUsage."""
        try:
            return super().make_context(*arguments, **more)
        except click.exceptions.NoArgsIsHelpError as error:
            raise NoCommand(error.ctx) from error
        except click.UsageError as error:
            raise WrongUsage(error) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Raises WrongUsage, or Impossible for one of the ERRORS."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise WrongUsage(error) from error
        except OSError as error:
            words = f"{error.filename}: {error.strerror}; name another file or folder" if error.filename else str(error)
            raise Impossible(f"dlws reports: {words}") from error
        except ERRORS as error:
            raise Impossible(f"dlws reports: {error}") from error


@click.group(cls=Reports)
@click.option(
    "--out", type=FILE, default=OUT, show_default="reports/out", metavar="DIR", help="The folder of the runs."
)
@click.pass_context
def reports(ctx: click.Context, out: Path) -> None:
    """Recreate the reports of a recorded run, compare runs, sign them.

    RUN is a run's folder, its name or `latest`.

    Exit status: 0 on success; 1 if `diff` finds a difference or `check-signature` fails; 4 for wrong usage and other
    errors.
    """
    ctx.obj = out


def cluster_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --cluster, which limits the runs among which a name or `latest` is looked up."""
    help = "Look up names and `latest` among this cluster's runs only."
    return click.option("--cluster", default="*", metavar="NAME", help=help)(command)


@reports.command()
@click.argument("run")
@cluster_option
@click.pass_obj
def show(out: Path, run: str, cluster: str) -> None:
    """Print the summary shown at the end of a run."""
    folder = find_run(run, out, cluster)
    made = [folder.path / name for name in files.SHOWN if (folder.path / name).exists()]
    terminal.show(files.read(folder), SafeConsole(), made)


@dataclass(frozen=True, slots=True)
class Rendering:
    """A report that is a single text: the function that renders it, whole or in pieces, and its file name."""

    render: Callable[[Overview], str | Iterable[str]]
    file: str
    help: str

    def command(self, name: str) -> click.Command:
        """The command that renders the report."""
        to = "print" if self.file == PRINT else f"{self.file} in the run's folder"

        @click.command(name, help=self.help)
        @click.argument("run")
        @click.option("-o", "file", metavar="FILE", help=f"Output file (default: {to}; -: print).")
        @cluster_option
        @click.pass_obj
        def make(out: Path, run: str, file: str | None, cluster: str) -> None:
            folder = find_run(run, out, cluster)
            self.write(folder, file)

        return make

    def write(self, folder: RunFolder, file: str | None) -> None:
        """Print the report, or write it to `file` (default: into the run's folder) and print the path."""
        text = self.render(files.read(folder))
        if (file or self.file) == PRINT:
            for piece in [text] if isinstance(text, str) else text:
                sys.stdout.buffer.write(piece.encode("utf-8"))
            sys.stdout.buffer.flush()
        elif file:
            path = Path(file)
            target = Path(os.path.realpath(path)) if path.is_symlink() else path  # /dev/stdout is a link, and stays one
            files.write(target, text, HANDED_OVER)
            print(path)
        else:
            print(files.write(folder.path / self.file, text))


RENDERINGS = {
    "plan": Rendering(plan.render, PRINT, "Print the actions planned by a --plan run."),
    "json": Rendering(record.render, PRINT, "Print the record, one canonical JSON document."),
    "prometheus": Rendering(prometheus.render, PRINT, "Print metrics for node-exporter's textfile collector."),
    "html": Rendering(html.render, "report.html", "Write report.html."),
    "junit": Rendering(junit.render, "junit.xml", "Write junit.xml."),
    "csv": Rendering(item_table.render, "items.csv", "Write items.csv, a table of all checks on all hosts."),
}
for _name, _rendering in RENDERINGS.items():
    reports.add_command(_rendering.command(_name))


@reports.command()
@click.argument("before", metavar="RUN_A")
@click.argument("after", metavar="RUN_B")
@click.option("--answers", "with_answers", is_flag=True, help="Also compare the hosts' answers to each command.")
@cluster_option
@click.pass_obj
def diff(out: Path, before: str, after: str, with_answers: bool, cluster: str) -> int:
    """Print what changed between two audits."""
    earlier, later = (files.read(find_run(name, out, cluster)) for name in (before, after))
    changes = drift.between(record.build(earlier), record.build(later))
    drift.show(changes, SafeConsole())
    if with_answers:
        answers.show(answers.between(earlier.recorded, later.recorded), SafeConsole())
    return 0 if changes.is_none else DIFFERENT


@reports.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--into", type=FILE, metavar="DIR", required=True, help="A new folder.")
@cluster_option
@click.pass_obj
def merge(out: Path, runs: tuple[str, ...], into: Path, cluster: str) -> None:
    """Merge runs of individual hosts (--limit), or all shards of an audit (--shard), into one run."""
    merged = merging.merge([find_run(name, out, cluster) for name in runs], into)
    written = files.write_all(merged)
    overview = written.overview or files.read(merged)
    terminal.show(overview, SafeConsole(), written.files, written.faults)
    if any(result.outcome is Outcome.GATHERED for result in overview.ledger.results):
        print(f"\nNow judge the whole: pytest -m {overview.ledger.run.command} --replay {one_line(str(into))}")


for _command in acceptance.COMMANDS:
    reports.add_command(_command)
