"""Benchmark: an install of many pretended hosts, and the same again when there is nothing left to do.

    python -m benchmarks.install [--sizes 4,10,50,100] [--widths default,2,0] [--seconds 1] [--keep]

Each host has eight stages that wait for `--seconds` each; in the middle of them all hosts wait for each other. The
hosts are addresses 127.1.x.y of one SSH server that this program starts. For each size and number of workers (`-n`) it
prints the wall time and what it is of the critical path, the processor time, the peak of the resident memory of all
processes of the run, and when the first host is first asked; then the same of a second, converged run. Without workers
(`-n 0`) hosts are worked on one after the other, so that only small fleets are installed so. Times are not asserted,
as machines differ.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass

from benchmarks import measure
from benchmarks.install.project import Project
from benchmarks.measure import Cost
from benchmarks.working_folder import SUITE, free_port, left, working_folder
from dlws.record.ledger import Outcome
from dlws.record.run_folder import RunFolder

MOST_ONE_BY_ONE = 4  # hosts that are installed without workers
HEAD = f"{'hosts':>6} {'-n':>8} {'':<10}{'wall s':>8}{'x path':>8}{'CPU s':>8}{'peak MiB':>10}{'first s':>9}   load"


class NotInstalled(Exception):
    """An install did not come to its end, or not to the outcomes that it must have."""


@dataclass(frozen=True, slots=True)
class Row:
    """One run: what it cost, and after how many seconds the first host was first asked."""

    cost: Cost
    first: float


def main() -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.install", description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", default="4,10,50,100", help="numbers of hosts")
    parser.add_argument("--widths", default="default,2,0", help="values of -n; `default` gives none")
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds that each change takes")
    parser.add_argument("--keep", action="store_true", help="keep the working folder, with the last run")
    options = parser.parse_args()
    try:
        with working_folder("dlws-install.", *([left] if options.keep else [])) as folder:
            project = Project(folder, options.seconds)
            measure.adopt_orphans()
            print(HEAD)
            for size in map(int, options.sizes.split(",")):
                for width in options.widths.split(","):
                    installed(project, size, width)
    except NotInstalled as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def installed(project: Project, size: int, width: str) -> None:
    """Install a fleet and install it again; print a line for each. Raises NotInstalled."""
    port = free_port()
    project.resize(size, port)
    arguments = [str(size), str(project.folder), str(port)]
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.install.serve", *arguments], cwd=SUITE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdout
    try:
        if server.stdout.readline() != "ready\n":
            raise NotInstalled("the pretended hosts do not start, as said above; is another benchmark running?")
        if width == "0" and size > MOST_ONE_BY_ONE:
            _done_before(project, server.pid)
        else:
            row = _run(project, width, server.pid, Outcome.CHANGED)
            ratio = f"{row.cost.wall / project.critical_path:.2f}"
            print(_line(size, width, "install", row, ratio), flush=True)
        print(_line(size, width, "again", _run(project, width, server.pid, Outcome.UNCHANGED), "-"), flush=True)
    finally:
        server.terminate()
        server.wait()


def _done_before(project: Project, server: int) -> None:
    """Install by workers what would take too long without."""
    _run(project, "default", server, Outcome.CHANGED)


def _run(project: Project, width: str, server: int, expected: Outcome) -> Row:
    first, output = project.folder / "first", project.folder / "output"
    first.unlink(missing_ok=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(project.folder), "LANG": "C.UTF-8"}
    environment["PYTHONPATH"] = str(project.folder)
    words = [] if width == "default" else ["-n", width]
    began = time.monotonic()
    pytest = [sys.executable, "-m", "pytest", "-m", "install", *words]
    cost = measure.run(pytest, cwd=project.folder, env=environment, output=output, spare=[server])
    if cost.status:
        end = "\n".join(output.read_text(errors="replace").splitlines()[-30:])
        raise NotInstalled(f"the install ended with status {cost.status}:\n{end}")
    runs = (project.folder / "reports" / "out" / "bench").iterdir()
    results = RunFolder(max(runs, key=lambda run: run.stat().st_mtime_ns)).read().ledger.results
    if other := sorted({f"{result.key}: {result.outcome}" for result in results if result.outcome is not expected}):
        raise NotInstalled(f"not {expected}: {', '.join(other[:10])}")
    return Row(cost, float(first.read_text()) - began)


def _line(size: int, width: str, which: str, row: Row, ratio: str) -> str:
    cost = row.cost
    return (
        f"{size:>6} {width:>8} {which:<10}{cost.wall:>8.1f}{ratio:>8}{cost.cpu:>8.1f}{cost.peak_mib:>10.0f}"
        f"{row.first:>9.1f}   {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
