"""Benchmark: the same 20 read-only checks on many hosts, run by this suite and by its peers.

    python -m benchmarks.audit [--hosts 100] [--tools floor,suite,pyinfra,testinfra,ansible] [--rounds 3]

Hosts are addresses 127.1.x.y of one sshd that this program starts (as root) and stops. First every tool must find one
fault on one host, and nothing else, which also warms it up. Then, without faults, each round runs every tool once; a
run counts only if all verdicts are present and correct. Times are not asserted, as machines differ. This machine also
does the hosts' work, so tools that start many processes there pay for them twice.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import environment, measure, promise
from benchmarks.measure import Cost
from benchmarks.server import Server
from benchmarks.tools import TOOLS, Tool
from benchmarks.working_folder import left, working_folder

FAULTY = 5  # hosts in the run in which a fault must be found
LONG = 90.0  # seconds: a slower tool is run only once


class WrongVerdict(Exception):
    """A tool gave wrong verdicts, so its time would be meaningless."""


@dataclass
class Series:
    """The runs of one tool; `host_cpu` is the processor time of its hosts in seconds."""

    tool: Tool
    costs: list[Cost] = field(default_factory=list)
    host_cpu: list[float] = field(default_factory=list)

    @property
    def wall(self) -> float:
        """The median wall time in seconds."""
        return statistics.median(cost.wall for cost in self.costs)


def main() -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description=__doc__.partition("\n")[0])
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--tools", default=",".join(TOOLS), help="any of: " + ", ".join(TOOLS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="keep the working folder")
    options = parser.parse_args()
    names = options.tools.split(",")
    if unknown := set(names) - set(TOOLS):
        parser.error(f"unknown tool {', '.join(sorted(unknown))}; choose from {', '.join(TOOLS)}")
    if os.geteuid() != 0:
        parser.error("must be run as root, to start the sshd that serves as the hosts")
    with working_folder("dlws-bench.", *([left] if options.keep else [])) as folder:
        folder.chmod(0o755)
        measure.adopt_orphans()
        try:
            table(bench(folder, names, options.hosts, options.rounds), options.hosts)
        except WrongVerdict as error:
            print(error, file=sys.stderr)
            return 1
    return 0


def bench(folder: Path, names: list[str], hosts: int, rounds: int) -> list[Series]:
    """Check that every tool finds the fault, then measure; returns the series in the order of `names`."""
    bin = environment.peers()
    server = Server(folder)
    addresses = [f"127.1.{n // 250}.{n % 250 + 1}" for n in range(hosts)]
    promise.make_hosts(folder, addresses)
    kinds = [kind for name in names for kind in TOOLS[name]]
    few = addresses[:FAULTY]
    promise.break_host(folder, few[-1])
    for kind in kinds:
        tool = kind(folder / f"proof-{kind.__name__}", server, few, folder / "promise.json", bin)
        run(tool, {(few[-1], "conf_content")})
        print(f"{tool.name}: finds the fault", flush=True)
    promise.make_hosts(folder, addresses)
    series = [Series(kind(folder / kind.__name__, server, addresses, folder / "promise.json", bin)) for kind in kinds]
    for runs in series:
        if runs.tool.name == "suite":
            run(runs.tool, set())  # the earlier run from which it knows the commands
    for number in range(rounds):
        for runs in series:
            if runs.costs and runs.wall > LONG:
                continue
            cost, host_cpu = run(runs.tool, set())
            runs.costs.append(cost)
            runs.host_cpu.append(host_cpu)
            load = os.getloadavg()[0]
            print(f"round {number + 1}: {runs.tool.name:<16} {cost.wall:7.2f} s   (load {load:.1f})", flush=True)
    return series


def run(tool: Tool, wrong: set[tuple[str, str]]) -> tuple[Cost, float]:
    """Run a tool once; returns its cost and the hosts' processor seconds.

    `wrong` are the (address, check) pairs that must fail. Raises WrongVerdict for any other result.
    """
    tool.prepare()
    command = tool.command()
    promise.write(Path(tool.env["BENCH_PROMISE"]).parent, tool.server.port)
    pid = tool.server.start()
    try:
        cost = measure.run(command, cwd=tool.cwd, env=tool.env, output=tool.output, spare=[pid])
    finally:
        usage = tool.server.stop()
    output = "\n".join(tool.output.read_text(errors="replace").splitlines()[-40:])
    try:
        verdicts = tool.verdicts()
    except (LookupError, ValueError, AttributeError, OSError) as error:
        raise WrongVerdict(f"{tool.name} left no verdicts ({error!r}); the end of its output:\n{output}") from error
    expected = {a: {check: (a, check) not in wrong for check in promise.CHECKS} for a in tool.addresses}
    if verdicts != expected:
        missing = expected.keys() - verdicts.keys()
        different = [
            f"{a} {check}: {verdicts[a].get(check, 'no verdict')}"
            for a in expected
            for check in promise.CHECKS
            if a in verdicts and verdicts[a].get(check) is not expected[a][check]
        ]
        raise WrongVerdict(
            f"{tool.name} has {len(different)} wrong verdicts ({'; '.join(different[:5])}) and none for "
            f"{len(missing)} hosts; exit status {cost.status}; the end of its output:\n{output}"
        )
    return cost, usage.cpu


def table(series: list[Series], hosts: int) -> None:
    """Print the results."""
    walls = {runs.tool.name: runs.wall for runs in series}
    floor, suite = walls.get("floor"), walls.get("suite")
    print(f"\n{hosts} hosts x {len(promise.CHECKS)} checks; {os.cpu_count()} processors, median of n runs")
    print(f"{'':<17}{'n':>2}{'wall s':>9}{'x floor':>9}{'x suite':>9}{'CPU s':>8}{'hosts CPU s':>13}{'peak MiB':>10}")
    for runs in series:
        cpu = statistics.median(cost.cpu for cost in runs.costs)
        peak = max(cost.peak_mib for cost in runs.costs)
        host_cpu = statistics.median(runs.host_cpu)
        ratios = "".join(f"{runs.wall / base:9.2f}" if base else f"{'-':>9}" for base in (floor, suite))
        print(
            f"{runs.tool.name:<17}{len(runs.costs):>2}{runs.wall:9.2f}{ratios}{cpu:8.1f}{host_cpu:13.1f}{peak:10.0f}"
            f"   {runs.tool.about}"
        )


if __name__ == "__main__":
    raise SystemExit(main())
