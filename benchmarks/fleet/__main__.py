"""Benchmark: the whole audit (`pytest -m verify`, every check) on fleets of growing size.

    python -m benchmarks.fleet [--run RUN] [--sizes 4,10,50,100] [--workers N] [--keep]

RUN is an audit that the hosts answer from, by default the latest of the lab (`make demo` makes one). The hosts are
copies of its hosts: addresses 127.1.x.y of one SSH server that this program starts, and one API server. For each size
it prints what the audit costs, its growth beside that of the number of hosts (1.00 is linear), the floor (a connection
and one batch of the same commands for each host), and what pytest alone needs for as many tests that do nothing. Times
are not asserted, as machines differ.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import measure
from benchmarks.fleet import empty, recording
from benchmarks.fleet.members import Member, members
from benchmarks.fleet.project import Project
from benchmarks.fleet.recording import NotUsable, Recording
from benchmarks.measure import Cost
from benchmarks.working_folder import SUITE, free_port, left, working_folder
from dlws.record import evidence
from dlws.record.run_folder import RunFolder, RunFolderError

EXIT = (0, 1)  # of an audit that came to its end


class NotAudited(Exception):
    """The audit did not come to its end."""


@dataclass(frozen=True, slots=True)
class Row:
    """One size: what the audit costs, and the floor, and pytest alone; how many results, how many not as recorded."""

    hosts: int
    results: int
    other: Counter[str]
    audit: Cost
    floor: Cost
    pytest: Cost


def main() -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__.partition("\n")[0])
    parser.add_argument("--run", help="the audit to answer from: a folder or a name")
    parser.add_argument("--sizes", default="4,10,50,100", help="numbers of hosts")
    parser.add_argument("--workers", default="0", help="pytest's -n, the processes that judge; by default one in all")
    parser.add_argument("--keep", action="store_true", help="keep the working folder, with the last run")
    options = parser.parse_args()
    sizes = sorted(map(int, options.sizes.split(",")))
    try:
        with working_folder("dlws-fleet.", *([left] if options.keep else [])) as folder:
            audited(folder, options.run, sizes, options.workers)
    except (NotUsable, RunFolderError, NotAudited) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def audited(folder: Path, run: str | None, sizes: list[int], workers: str) -> None:
    """Audit a fleet of each size and print a line for each. Raises NotUsable, RunFolderError, NotAudited."""
    recorded = recording.load(run) if run else recording.latest()
    project = Project(folder / "project", recorded)
    measure.adopt_orphans()
    rows: list[Row] = []
    for size in [sizes[0], *sizes]:  # the first one is the earlier run, from which the commands are known
        rows.append(bench(project, recorded, members(recorded.cluster.nodes, size), workers))
        print(shown(rows[-1], rows[-2] if len(rows) > 1 else None), flush=True)
    print("results other than recorded:", ", ".join(f"{id} x{n}" for id, n in sorted(rows[-1].other.items())))


def bench(project: Project, recorded: Recording, fleet: list[Member], workers: str) -> Row:
    """Audit one fleet, then ask it the same commands by the floor. Raises NotAudited."""
    port = free_port()
    project.resize(fleet, port)
    environment = {"PATH": os.environ["PATH"], "HOME": str(project.folder), "LANG": "C.UTF-8"}
    environment["PYTHONPATH"] = str(project.folder)
    server = _start(recorded, fleet, project, port)
    spare = [server.pid]
    output = project.folder / "output"
    pytest = [sys.executable, "-m", "pytest"]
    try:
        whole = [*pytest, "-m", "verify", "-n", workers]
        audit = measure.run(whole, cwd=project.folder, env=environment, output=output, spare=spare)
        folders = list((project.folder / "reports" / "out").glob("*/*-verify"))
        if audit.status not in EXIT or not folders:
            text = "\n".join(output.read_text(errors="replace").splitlines()[-30:])
            raise NotAudited(f"the audit of {len(fleet)} hosts ended with status {audit.status}:\n{text}")
        asked = _asked(folders[0], fleet)
        (project.folder / "commands").write_text(json.dumps(asked))
        floor = [sys.executable, "-m", "benchmarks.fleet.floor", str(project.state.key), str(port), "commands"]
        least = measure.run(
            floor, cwd=project.folder, env={**environment, "PYTHONPATH": str(SUITE)}, output=output, spare=spare
        )
        if least.status:
            raise NotAudited(f"the floor failed: {output.read_text(errors='replace')[-2000:]}")
    finally:
        server.terminate()
        said = server.communicate()[0]
        (project.folder / "unknown").write_text(said)
    results = RunFolder(folders[0]).read().ledger.results
    originals = {member.name: member.original.name for member in fleet}
    other: Counter[str] = Counter()
    for result in results:
        expected = recorded.verdicts.get((result.id, originals.get(result.host, result.host)))
        other[result.id] += expected is not result.verdict
    nothing = empty.make(project.folder / "empty", len(results))
    alone = measure.run([*pytest, "-n", "0"], cwd=nothing, env=environment, output=output, spare=())
    return Row(len(fleet), len(results), +other, audit, least, alone)


def _start(recorded: Recording, fleet: list[Member], project: Project, port: int) -> subprocess.Popen[str]:
    arguments = [str(recorded.folder), str(len(fleet)), str(project.folder), str(port)]
    command = [sys.executable, "-m", "benchmarks.fleet.serve", *arguments]
    server = subprocess.Popen(command, cwd=SUITE, stdout=subprocess.PIPE, text=True)
    assert server.stdout
    if server.stdout.readline() != "ready\n":
        raise NotAudited("the pretended hosts do not start, as said above; is another benchmark running?")
    return server


def _asked(run: Path, fleet: list[Member]) -> Mapping[str, list[str]]:
    """By address the commands that an audit asked over SSH."""
    address = {evidence.file_name(member.name): member.address for member in fleet}
    asked: dict[str, list[str]] = {}
    for file in evidence.transcripts(run):
        if evidence.host_part(file) in address:
            commands = [line.answer.command for line in evidence.read(run, file)]
            asked[address[evidence.host_part(file)]] = commands
    return asked


def shown(row: Row, before: Row | None) -> str:
    """One line of the table; the first has the heading above it."""
    head = (
        f"{'hosts':>6}{'results':>9}{'other':>7}{'wall s':>9}{'CPU s':>9}{'peak MiB':>10}{'CPU growth':>12}"
        f"{'floor s':>9}{'floor CPU':>11}{'wall x floor':>14}{'pytest s':>10}{'pytest CPU':>12}   load\n"
    )
    growth = "-"
    if before is not None and row.hosts > before.hosts:
        growth = f"{row.audit.cpu / before.audit.cpu / (row.hosts / before.hosts):.2f}"
    return (head if before is None else "") + (
        f"{row.hosts:>6}{row.results:>9}{row.other.total():>7}{row.audit.wall:>9.1f}{row.audit.cpu:>9.1f}"
        f"{row.audit.peak_mib:>10.0f}{growth:>12}{row.floor.wall:>9.1f}{row.floor.cpu:>11.1f}"
        f"{row.audit.wall / row.floor.wall:>14.2f}{row.pytest.wall:>10.1f}{row.pytest.cpu:>12.1f}"
        f"   {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
