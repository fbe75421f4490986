"""Benchmark: how long the reports of a large audit take to write, and how large they are.

    python -m benchmarks.reports [--hosts 100] [--checks 250] [--runs 12]

The run is synthetic: the catalogue's checks on hosts with different answers and some faults, preceded by `--runs`
earlier runs for the page's history. Figures are printed but not asserted, as machines differ.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import TypeVar

from rich.console import Console

import reports
from checks.catalogue import declared
from dlws.engine.check import Check
from dlws.record.ledger import End, Event, HostRow, ItemRow, Result, Run, encode
from dlws.record.run_folder import RunFolder
from dlws.verdict import Severity, Verdict
from reports import history, terminal

LAST = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
T = TypeVar("T")
FAULTY = 0.004  # share of the checks that fail


def main() -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reports", description=__doc__.partition("\n")[0])
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--checks", type=int, default=250)
    parser.add_argument("--runs", type=int, default=12, help="earlier runs")
    parser.add_argument("--keep", action="store_true", help="keep the working folder")
    options = parser.parse_args()
    checks = list(declared().values())
    checks = [checks[n % len(checks)] for n in range(options.checks)]
    folder = Path(tempfile.mkdtemp(prefix="dlws-bench."))
    try:
        for days in range(options.runs, 0, -1):
            earlier = record(folder, options.hosts, checks, LAST - timedelta(days=days))
            reports.write(earlier.path / history.FILE, history.render(reports.read(earlier)))
        run = record(folder, options.hosts, checks, LAST)
        print(f"{options.hosts} hosts x {options.checks} checks, {options.runs} earlier runs")
        report(run)
    finally:
        if options.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder)
    return 0


def report(run: RunFolder) -> None:
    """Write every report of a run, and print the time it took and its size."""
    overview = timed("read the ledger", lambda: reports.read(run))
    for name, render in reports.RENDERERS.items():
        text = timed(f"make {name}", lambda render=render: render(overview))  # type: ignore[misc]
        file = reports.write(run.path / name, text)
        print(f"{'':<30}{file.stat().st_size / 1e6:9.2f} MB")
    evidence = sum(file.stat().st_size for file in run.evidence.iterdir())
    print(f"{'for comparison: the evidence':<30}{evidence / 1e6:9.2f} MB")
    timed("show the summary", lambda: terminal.show(overview, Console(file=StringIO(), width=120)))
    print(f"{'peak memory':<30}{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:9.0f} MiB")


def timed(what: str, work: Callable[[], T]) -> T:
    """Call `work` and return its result; print the seconds it took."""
    began = time.perf_counter()
    result = work()
    print(f"{what:<30}{time.perf_counter() - began:9.2f} s")
    return result


def record(folder: Path, hosts: int, checks: list[Check], started: datetime) -> RunFolder:
    """Write a run's folder with ledger and evidence, as the engine does."""
    run = RunFolder(folder / f"{started:%Y%m%dT%H%M%SZ}-verify")
    run.evidence.mkdir(parents=True)
    chance = random.Random(f"{started}")
    rows = tuple(
        HostRow(
            name=f"node{n:03d}",
            address=f"192.168.{n // 250}.{n % 250 + 1}",
            role="worker",
            kind="npu-arm64" if n % 2 else "gpu-amd64",
        )
        for n in range(hosts)
    )
    results = [result for host in rows for result in audited(run, host, checks, started, chance)]
    items = tuple(ItemRow(nodeid=r.nodeid, name=r.name, host=r.host) for r in results)
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
    events: list[Event] = [head, *results, End(exit_status=1, reason="", seconds=60.0, not_run=())]
    run.ledger.write_text("".join(encode(event) + "\n" for event in events), encoding="utf-8")
    return run


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
            bad = chance.random() < FAULTY
            verdict = Verdict.FAIL if check.severity is Severity.BLOCKER else Verdict.WARN
            name = f"{check.name}_{n}"
            yield Result(
                nodeid=f"{check.function.__module__.replace('.', '/')}.py::test_{name}[{host.name}]",
                name=name,
                host=host.name,
                stage=False,
                verdict=verdict if bad else Verdict.PASS,
                started=at,
                seconds=0.013,
                worker="gw0",
                id=check.id,
                section=check.section,
                severity=check.severity,
                title=check.title,
                title_zh=check.title_zh,
                source=check.source,
                fix=check.fix,
                message=f"{check.name}: expected {n}, found {n + 1}" if bad else "",
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
