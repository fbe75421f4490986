"""The same 20 read-only checks on many hosts, by this suite and by its peers.

    python -m benchmarks.audit [--hosts 100] [--tools floor,suite,pyinfra,testinfra,ansible] [--rounds 3]

Hosts are addresses 127.1.x.y of one sshd that this program starts (as root) and stops. First every tool must find a
fault put on one host, and nothing else; that also warms it up. Then all hosts are right, each round runs every tool
once, and the run counts only if all its verdicts came and are right. Nothing here is a test of time: machines differ.
The hosts' work is done by this machine too, so tools that start many processes there pay for them twice.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import environment, measure, promise
from benchmarks.measure import Cost
from benchmarks.server import Server
from benchmarks.tools import TOOLS, Tool

FAULTY = 5  # hosts of the run in which a fault must be found
LONG = 90.0  # seconds: a tool that took longer is not run again


class WrongVerdict(Exception):
    """A tool did not find what is there; its figure would mean nothing."""


@dataclass
class Series:
    """The runs of one tool."""

    tool: Tool
    costs: list[Cost] = field(default_factory=list)
    host_cpu: list[float] = field(default_factory=list)

    @property
    def wall(self) -> float:
        """Median seconds."""
        return statistics.median(cost.wall for cost in self.costs)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description=__doc__.partition("\n")[0])
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--tools", default=",".join(TOOLS), help="of: " + ", ".join(TOOLS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="leave the working folder for a look")
    given = parser.parse_args()
    names = given.tools.split(",")
    if unknown := set(names) - set(TOOLS):
        parser.error(f"no tool {', '.join(sorted(unknown))}; there are {', '.join(TOOLS)}")
    if os.geteuid() != 0:
        parser.error("only root can start the sshd that the hosts are")
    folder = Path(tempfile.mkdtemp(prefix="dlws-bench."))
    folder.chmod(0o755)
    try:
        measure.adopt_orphans()
        table(bench(folder, names, given.hosts, given.rounds), given.hosts)
    except WrongVerdict as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        if given.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder)
    return 0


def bench(folder: Path, names: list[str], hosts: int, rounds: int) -> list[Series]:
    """Prove every tool on a faulty host, then measure; the series in the order of `names`."""
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
    for one in series:
        if one.tool.name == "suite":
            run(one.tool, set())  # the earlier run
    for number in range(rounds):
        for one in series:
            if one.costs and one.wall > LONG:
                continue
            cost, host_cpu = run(one.tool, set())
            one.costs.append(cost)
            one.host_cpu.append(host_cpu)
            load = os.getloadavg()[0]
            print(f"round {number + 1}: {one.tool.name:<16} {cost.wall:7.2f} s   (load {load:.1f})", flush=True)
    return series


def run(tool: Tool, wrong: set[tuple[str, str]]) -> tuple[Cost, float]:
    """Run a tool once; its cost, and the processor seconds of the hosts. WrongVerdict unless it finds just `wrong`."""
    tool.prepare()
    command = tool.command()
    promise.write(Path(tool.env["BENCH_PROMISE"]).parent, tool.server.port)
    pid = tool.server.start()
    try:
        cost = measure.run(command, cwd=tool.cwd, env=tool.env, output=tool.output, spare=[pid])
    finally:
        usage = tool.server.stop()
    said = "\n".join(tool.output.read_text(errors="replace").splitlines()[-40:])
    try:
        verdicts = tool.verdicts()
    except (LookupError, ValueError, AttributeError, OSError) as error:
        raise WrongVerdict(f"{tool.name} left no verdicts ({error!r}); the end of its output:\n{said}") from error
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
            f"{tool.name} is wrong about {len(different)} facts ({'; '.join(different[:5])}) and silent about "
            f"{len(missing)} hosts; exit status {cost.status}; the end of its output:\n{said}"
        )
    return cost, usage.cpu


def table(series: list[Series], hosts: int) -> None:
    """Print the figures."""
    walls = {one.tool.name: one.wall for one in series}
    floor, suite = walls.get("floor"), walls.get("suite")
    print(f"\n{hosts} hosts x {len(promise.CHECKS)} checks; {os.cpu_count()} processors, median of n runs")
    print(f"{'':<17}{'n':>2}{'wall s':>9}{'x floor':>9}{'x suite':>9}{'CPU s':>8}{'hosts CPU s':>13}{'peak MiB':>10}")
    for one in series:
        cpu = statistics.median(cost.cpu for cost in one.costs)
        peak = max(cost.peak_mib for cost in one.costs)
        of_hosts = statistics.median(one.host_cpu)
        ratios = "".join(f"{one.wall / base:9.2f}" if base else f"{'-':>9}" for base in (floor, suite))
        print(
            f"{one.tool.name:<17}{len(one.costs):>2}{one.wall:9.2f}{ratios}{cpu:8.1f}{of_hosts:13.1f}{peak:10.0f}"
            f"   {one.tool.about}"
        )


if __name__ == "__main__":
    raise SystemExit(main())
