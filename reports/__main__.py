"""`python -m reports show|plan|json|html|junit|csv|prometheus RUN`: reports of a recorded run, made again, offline.

`diff RUN_A RUN_B` tells what changed between two audits, `merge RUN... --into DIR` makes one run of runs of single
hosts. `acceptance RUN` makes the acceptance document; `sign` and `check-signature` are for what is signed. RUN is a
run's folder, its name, or `latest`. Exit status: 0; 1 if `diff` found a difference, or `check-signature` something that
is not what was signed; 4 for whatever cannot be done.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from rich.console import Console

import reports
from dlws.record.run_folder import OUT, RunFolder, RunFolderError, find
from reports import answers, drift, html, item_table, junit, merge, plan, prometheus, record, terminal
from reports.acceptance import command as acceptance
from reports.drift import NotComparable
from reports.merge import NotMergeable
from reports.overview import Overview

USAGE = 4  # exit status, as pytest's
DIFFERENT = 1
PRINT = "-"

# What a report is called, the function that makes it, and where it goes by default: a file of the run's folder.
_RENDERERS: dict[str, tuple[Callable[[Overview], str], str, str]] = {
    "plan": (plan.render, PRINT, "the actions of a --plan run"),
    "json": (record.render, PRINT, "the record: one canonical JSON document, the same from a replay"),
    "prometheus": (prometheus.render, PRINT, "metrics for node-exporter's textfile collector"),
    "html": (html.render, "report.html", "write report.html"),
    "junit": (junit.render, "junit.xml", "write junit.xml"),
    "csv": (item_table.render, "items.csv", "write items.csv, the table of all items"),
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        if "do" in options:
            return int(options.do(options))
        match options.report:
            case "show":
                [run] = _runs(options)
                terminal.show(reports.read(run), Console(), _made(run))
            case "diff":
                return _diff(options)
            case "merge":
                merged = merge.merge(_runs(options), options.into)
                written = reports.write_all(merged)
                terminal.show(written.overview or reports.read(merged), Console(), written.files, written.faults)
            case _:
                _make(options)
    except (RunFolderError, NotComparable, NotMergeable, *acceptance.ERRORS, OSError) as error:
        print(f"python -m reports: {error}", file=sys.stderr)
        return USAGE
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m reports", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="where the runs lie (default: %(default)s)")
    commands = parser.add_subparsers(dest="report", required=True, metavar="COMMAND")

    def command(name: str, says: str, runs: int | str = 1) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=says)
        made.add_argument("run", metavar="RUN", nargs=runs, help="its folder, its name, or `latest`")
        made.add_argument("--cluster", default="*", help="look for names and `latest` among this cluster's runs only")
        return made

    command("show", "the summary that ends a run")
    for name, (_, where, says) in _RENDERERS.items():
        to = "print" if where == PRINT else f"{where} in the run's folder"
        command(name, says).add_argument("-o", dest="file", metavar="FILE", help=f"where to (default: {to}; -: print)")
    differ = command("diff", "what changed from one audit to another; exit status 1 if anything did", runs=2)
    differ.add_argument("--answers", action="store_true", help="commands that were answered otherwise, too")
    merging = command("merge", "make one run of runs of single hosts (--limit)", runs="+")
    merging.add_argument("--into", metavar="DIR", type=Path, required=True, help="a new folder")
    acceptance.add_to(commands)
    return parser


def _runs(options: argparse.Namespace) -> list[RunFolder]:
    return [find(name, options.out, options.cluster) for name in options.run]


def _made(folder: RunFolder) -> list[Path]:
    return [folder.path / name for name in reports.SHOWN if (folder.path / name).exists()]


def _make(options: argparse.Namespace) -> None:
    render, name, _ = _RENDERERS[options.report]
    [folder] = _runs(options)
    text, where = render(reports.read(folder)), options.file or name
    if where == PRINT:
        sys.stdout.buffer.write(text.encode("utf-8"))
        sys.stdout.buffer.flush()
    else:
        print(reports.write(Path(where) if options.file else folder.path / where, text))


def _diff(options: argparse.Namespace) -> int:
    before, after = (reports.read(folder) for folder in _runs(options))
    found = drift.between(record.of(before), record.of(after))
    drift.show(found, Console())
    if options.answers:
        answers.show(answers.between(before.recorded, after.recorded), Console())
    return 0 if found.is_none else DIFFERENT


if __name__ == "__main__":
    sys.exit(main())
