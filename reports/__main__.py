"""`python -m reports show|plan|json|html|junit|csv RUN|latest`: the reports of a recorded run, made again, offline.

`python -m reports acceptance RUN` makes the acceptance document; `sign` and `check-signature` are for what is signed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from rich.console import Console

import reports
from reports import html, item_table, junit, plan, record, terminal
from reports.acceptance import command as acceptance
from reports.run_folder import OUT, RecordedRun, RunFolder, RunFolderError, find

USAGE = 4  # exit status, as pytest's
_FILES = {
    "html": ("report.html", html.render),
    "junit": ("junit.xml", junit.render),
    "csv": ("items.csv", item_table.render),
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, or 4 when the run cannot be read or the file not be written.

    1 is the answer of `check-signature` when something is not what was signed.
    """
    options = _parser().parse_args(arguments)
    try:
        if "do" in options:
            return int(options.do(options))
        recorded = _folder(options).read()
        if options.report == "show":
            terminal.show(recorded, Console(), _made(recorded.folder))
        elif options.report == "plan":
            print(plan.render(recorded), end="")
        elif options.report == "json":
            sys.stdout.buffer.write(record.render(recorded).encode())
        else:
            _make(options, recorded)
    except (RunFolderError, *acceptance.ERRORS, OSError) as error:
        print(f"python -m reports: {error}", file=sys.stderr)
        return USAGE
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m reports", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="where the runs lie (default: %(default)s)")
    commands = parser.add_subparsers(dest="report", required=True, metavar="COMMAND")
    for name, says in {
        "show": "the summary that ends a run",
        "plan": "the actions of a --plan run",
        "json": "the record: one canonical JSON document, the same from a replay",
        "html": "write report.html",
        "junit": "write junit.xml",
        "csv": "write items.csv, the table of all items",
    }.items():
        command = commands.add_parser(name, help=says)
        command.add_argument("run", metavar="RUN|latest", help="its folder or its name")
        command.add_argument("--cluster", default="*", help="with latest: of this cluster only")
        if name in _FILES:
            command.add_argument(
                "-o", dest="file", metavar="FILE", help="where to (default: the run's folder; -: print)"
            )
    acceptance.add_to(commands)
    return parser


def _folder(options: argparse.Namespace) -> RunFolder:
    return find(options.run, options.out, options.cluster)


def _made(folder: RunFolder) -> list[Path]:
    return [folder.path / name for name in reports.RENDERERS if (folder.path / name).exists()]


def _make(options: argparse.Namespace, recorded: RecordedRun) -> None:
    name, render = _FILES[options.report]
    if options.file == "-":
        print(render(recorded), end="")
    else:
        print(reports.write(Path(options.file) if options.file else recorded.folder.path / name, render(recorded)))


if __name__ == "__main__":
    sys.exit(main())
