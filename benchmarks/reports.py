"""Benchmark: how long the reports of an audit take as it grows, how much memory, and how large they are.

    python -m benchmarks.reports [--hosts 100 300 1000] [--checks 150] [--runs 3] [--only html junit]

The runs are synthetic: the catalogue's checks on hosts with different answers, some faults of single hosts and one that
half of the hosts share, preceded by `--runs` earlier runs for the page's history. Each report is made in a process of
its own. Growth is CPU time beside that of the size before, divided by the growth in hosts: 1.0 is linear. Figures are
printed but not asserted, as machines differ.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

import reports
from benchmarks.working_folder import left, working_folder
from checks.catalogue import declared
from dlws.engine.check import Check
from dlws.record.ledger import End, HostRow, ItemRow, Result, Run, encode
from dlws.record.run_folder import RunFolder
from dlws.verdict import Severity, Verdict
from reports import history, html, item_table, junit, record, terminal
from reports.acceptance import make as make_acceptance
from reports.acceptance.language import Language
from reports.overview import Overview

LAST = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
FAULTY = 0.004  # share of the checks that fail
SHARED = 7  # the check that half of the hosts fail, in the same words
SCREEN = (120, 50)  # columns and lines of a terminal


def written(name: str, render: Callable[[Overview], str | Iterable[str]]) -> Callable[[RunFolder], int]:
    """Makes one report of a run and returns its bytes."""
    return lambda run: reports.write(run.path / name, render(reports.read(run))).stat().st_size


def acceptance(kind: str) -> Callable[[RunFolder], int]:
    """Makes the acceptance document of a run in one format and returns its bytes."""
    return lambda run: sum(file.stat().st_size for file in make_acceptance(run.read(), Language.BOTH, [kind], run.path))


def summary(run: RunFolder) -> int:
    """Shows the summary on a terminal of 120 columns and returns its bytes."""
    stream = StringIO()
    terminal.show(reports.read(run), Console(file=stream, width=SCREEN[0]))
    print(f"{'':<10}{stream.getvalue().count(chr(10))} lines", file=sys.stderr)
    return len(stream.getvalue().encode())


def only_read(run: RunFolder) -> int:
    """Reads the ledger, as every report does first, and returns its bytes."""
    reports.read(run)
    return run.ledger.stat().st_size


REPORTS = {
    "ledger": only_read,
    "summary": summary,
    "history": written(history.FILE, history.render),
    "junit": written("junit.xml", junit.render),
    "html": written("report.html", html.render),
    "json": written("record.json", record.render),
    "csv": written("items.csv", item_table.render),
    "docx": acceptance("docx"),
    "pdf": acceptance("pdf"),
}


class Cost(NamedTuple):
    """What one report took: seconds of wall and of CPU time, MiB of memory at most, MB of output."""

    wall: float
    cpu: float
    peak: float
    size: float


def main() -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reports", description=__doc__.partition("\n")[0])
    parser.add_argument("--hosts", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--checks", type=int, default=150)
    parser.add_argument("--runs", type=int, default=3, help="earlier runs")
    parser.add_argument("--only", nargs="+", choices=REPORTS, default=list(REPORTS))
    parser.add_argument("--keep", action="store_true", help="keep the working folder")
    parser.add_argument("--make", nargs=2, metavar=("REPORT", "RUN"), help="make one report, and print what it took")
    options = parser.parse_args()
    if options.make:
        print(json.dumps(cost(REPORTS[options.make[0]], RunFolder(Path(options.make[1])))))
        return 0
    with working_folder("dlws-bench.", *([left] if options.keep else [])) as folder:
        compare(folder, options)
    return 0


def compare(folder: Path, options: argparse.Namespace) -> None:
    """Make the reports of each size and print what they took, and how that has grown."""
    before: dict[str, tuple[int, Cost]] = {}
    print(f"{'report':<9}{'hosts':>6}{'wall s':>9}{'CPU s':>9}{'peak MiB':>10}{'MB':>9}{'growth':>8}", flush=True)
    for hosts in options.hosts:
        run = audits(folder / f"{hosts}", hosts, options.checks, options.runs)
        for name in options.only:
            took = in_its_own_process(name, run)
            grown = ""
            if name in before:
                fewer, then = before[name]
                grown = f"{took.cpu / then.cpu / (hosts / fewer):8.2f}"
            before[name] = hosts, took
            print(f"{name:<9}{hosts:>6}{took.wall:>9.2f}{took.cpu:>9.2f}{took.peak:>10.0f}{took.size:>9.2f}{grown}")
            sys.stdout.flush()


def in_its_own_process(name: str, run: RunFolder) -> Cost:
    """What a report takes in a new process; its start, which every report pays, is not counted."""
    command = [sys.executable, "-m", "benchmarks.reports", "--make", name, str(run.path)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Cost(*json.loads(said))


def cost(make: Callable[[RunFolder], int], run: RunFolder) -> Cost:
    """Make a report and measure it."""
    wall, cpu = time.perf_counter(), time.process_time()
    size = make(run)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Cost(time.perf_counter() - wall, time.process_time() - cpu, peak, size / 1e6)


def audits(folder: Path, hosts: int, checks: int, runs: int) -> RunFolder:
    """Write a run of so many hosts and checks, with so many earlier ones as reports look back at; the last of them."""
    known = list(declared().values())
    chosen = [known[n % len(known)] for n in range(checks)]
    for days in range(runs, 0, -1):
        earlier = recorded(folder, hosts, chosen, LAST - timedelta(days=days))
        reports.write(earlier.path / history.FILE, history.render(reports.read(earlier)))
    return recorded(folder, hosts, chosen, LAST)


def recorded(folder: Path, hosts: int, checks: list[Check], started: datetime) -> RunFolder:
    """Write a run's folder with ledger and evidence, as the engine does."""
    run = RunFolder(folder / f"{started:%Y%m%dT%H%M%SZ}-verify")
    run.evidence.mkdir(parents=True)
    chance = random.Random(f"{started}")
    rows = tuple(
        HostRow(
            name=f"node{n:04d}",
            address=f"192.168.{n // 250}.{n % 250 + 1}",
            role="worker",
            kind="npu-arm64" if n % 2 else "gpu-amd64",
        )
        for n in range(hosts)
    )
    items = tuple(
        ItemRow(nodeid=nodeid(check, n, host), name=f"{check.name}_{n}", host=host.name, id=f"{check.id}{n}")
        for host in rows
        for n, check in enumerate(checks, start=1)
    )
    head = Run(
        run=run.path.name,
        cluster="bench",
        command="verify",
        started=started.isoformat(),
        config="config.yaml",
        config_sha256="0" * 64,
        suite_version="0",
        plan=False,
        strict=False,
        workers=4,
        hosts=rows,
        items=items,
    )
    with run.ledger.open("w", encoding="utf-8") as file:
        file.write(encode(head) + "\n")
        file.writelines(encode(r) + "\n" for host in rows for r in audited(run, host, checks, started, chance))
        file.write(encode(End(exit_status=1, reason="", seconds=60.0, not_run=())) + "\n")
    return run


def nodeid(check: Check, n: int, host: HostRow) -> str:
    """pytest's name of a test."""
    return f"{check.function.__module__.replace('.', '/')}.py::test_{check.name}_{n}[{host.name}]"


def audited(
    run: RunFolder, host: HostRow, checks: list[Check], started: datetime, chance: random.Random
) -> Iterator[Result]:
    """Write the evidence of one host and yield its results."""
    with (run.evidence / f"{host.name}.gw0.jsonl").open("w", encoding="utf-8") as file:
        for n, check in enumerate(checks, start=1):
            at = (started + timedelta(seconds=n / 10)).isoformat(timespec="milliseconds")
            answer = {
                "n": n,
                "at": at,
                "command": f"probe --of {check.name}",
                "rc": 0,
                "err": "",
                "seconds": 0.01,
                "timed_out": False,
                "truncated": False,
                "kind": "read",
                "out": answer_of(n, host, chance),
            }
            file.write(json.dumps(answer) + "\n")
            shared = n == SHARED and int(host.name[4:]) % 2 == 0
            bad = shared or chance.random() < FAULTY
            verdict = Verdict.FAIL if check.severity is Severity.BLOCKER else Verdict.WARN
            name = f"{check.name}_{n}"
            yield Result(
                nodeid=nodeid(check, n, host),
                name=name,
                host=host.name,
                stage=False,
                verdict=verdict if bad else Verdict.PASS,
                started=at,
                seconds=0.013,
                worker="gw0",
                id=f"{check.id}{n}",
                section=check.section,
                severity=check.severity,
                title=check.title,
                title_zh=check.title_zh,
                source=check.source,
                fix=check.fix,
                what=check.name.replace("_", " ") if bad else "",
                expected=f"{n}" if bad else "",
                found=f"{n + 1 if shared else chance.randrange(1000, 9999)}" if bad else "",
                evidence=(f"{host.name}.gw0.jsonl#{n}",),
            )


def answer_of(n: int, host: HostRow, chance: random.Random) -> str:
    """The output of command `n`: in turn the same on all hosts, with the host's name, or full of random numbers."""
    if n % 3 == 0:
        return "".join(f"option{line} = the same on every host\n" for line in range(20))
    if n % 3 == 1:
        return f"{host.name} {host.address}\n"
    return "".join(f"{name}: {chance.randrange(10**8):>12} kB\n" for name in ("total", "free", "used") * (n % 10))


if __name__ == "__main__":
    raise SystemExit(main())
