"""Kills at random moments: agents, connections, workers, the controller, while a run changes or audits hosts.

    python -m tests.faults.kills --rounds 500 --seed 1

A round is one run of a small project on pretended hosts: the real engine, xdist's real workers, real agents as local
processes. In each worker a `Saboteur` kills agents, cuts connections and now and then the worker itself; some rounds
also strike the controller or the process group with a signal. Then `faults_of` says what does not hold. The moments are
drawn from the seed; what runs at that moment is the machine's, so a seed repeats a case often, not always.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from dlws.config.cluster import Cluster
from dlws.engine.lock import ClusterBusy, hold
from dlws.record.run_folder import RunFolder, RunFolderError
from dlws.remote.fleet import Fleet
from tests.kits import project
from tests.kits.project import LocalHost, Project

HOSTS = ("a1", "a2", "a3", "a4")
TASKS = 12  # stages, each on every host
PAUSE = 0.08  # seconds between two strikes in a worker, on average
LIMIT = 90.0  # seconds for a run; a run of this kit takes two to ten
SAY_EVERY = 20  # rounds
GONE = 20.0  # seconds within which everything that a run started has ended
CONTENT = "".join(f"line {number} of a file that is longer than a pipe\n" for number in range(4000))
DIGEST = hashlib.sha256(CONTENT.encode()).hexdigest()
TARGETS = {"agent": 30, "connection": 30, "worker": 1}  # what a saboteur strikes, with weights
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

CONFTEST = """\
import dlws.engine.run
from tests.faults import kills
dlws.engine.run.open_fleet = kills.open_fleet
pytest_plugins = ["dlws.engine.plugin", "fixtures.plugin", "reports.plugin"]

import faulthandler, os, signal
faulthandler.register(signal.SIGUSR1, file=open(f"stacks.{os.getpid()}", "w"))
"""
CHECKS = f'''
def made(number):
    @check(f"T{{number:02}}", title_zh="在", fix="-", name=f"task_{{number}}", title=f"Task {{number}} is done.")
    def holds(host):
        expect("file", found=host.read("ls | grep -cx done-%s || true", str(number)), expected="1")
    return holds

MADE = {{number: made(number) for number in range({TASKS})}}

@check("B01", title_zh="全", fix="-")
def test_big(host):
    """The big file is whole."""
    expect("digest", found=host.read("sha256sum big").split()[0], expected="{DIGEST}")
'''
STAGES = f'''
from tests.faults.kills import CONTENT

def staged(number):
    def body(change):
        change.run("echo $DLWS_ACTION >> acts; touch begun-%s", str(number))
        change.run("echo $DLWS_ACTION >> acts; sleep 0.0%s; touch done-%s", str(number), str(number))
    body.__name__, body.__doc__, body.__module__ = f"test_task_{{number}}", f"Do task {{number}}.", __name__
    return stage(section=f"1.{{number}}", proves=[facts.MADE[number]])(body)

TASKS = {{number: staged(number) for number in range({TASKS})}}

@stage(section="2", proves=[facts.test_big])
def test_big(change):
    """Write a file of many packets."""
    change.write_file("big", CONTENT)
'''


class Saboteur(threading.Thread):
    """Strikes at random moments in the process that it runs in, from the first host that is opened until the end."""

    def __init__(self, seed: str, log: Path) -> None:
        super().__init__(daemon=True, name="saboteur")
        self._random, self._log = random.Random(seed), log
        self.hosts: list[LocalHost] = []

    def run(self) -> None:
        """Strike, for as long as the process lives."""
        while True:
            time.sleep(self._random.expovariate(1 / PAUSE))
            (target,) = self._random.choices(list(TARGETS), list(TARGETS.values()))
            if target == "worker":
                self._note(target)
                os.kill(os.getpid(), signal.SIGKILL)
            if self.hosts and (session := self._random.choice(self.hosts).session) is not None:
                self._note(target)
                if target == "connection":
                    session._link.abort()
                else:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(session._link._process.pid, signal.SIGKILL)

    def _note(self, target: str) -> None:
        with self._log.open("a") as log:
            log.write(target + "\n")


def open_fleet(cluster: Cluster, context: Any, worker: str) -> Fleet:
    """Replaces `dlws.engine.run.open_fleet` in the project of a round."""
    fleet = project.open_fleet(cluster, context, worker)
    fleet.patience = 0.05
    if (seed := os.environ.get("KILLS_SEED")) and worker != "main":
        saboteur = Saboteur(f"{seed}.{worker}", cluster.path.with_name("strikes"))
        opened = fleet._open_host

        def open_host(node: Any) -> Any:
            host = opened(node)
            saboteur.hosts.append(host)  # type: ignore[arg-type]
            return host

        fleet._open_host = open_host
        saboteur.start()
    return fleet


@dataclass
class Round:
    """One run under fire in a folder of its own. `marker` is in the environment of every process on its hosts."""

    seed: int
    folder: Path
    strikes: Counter[str] = field(default_factory=Counter)
    status: int | None = None
    leader_killed: bool = False
    output: str = ""

    @property
    def marker(self) -> str:
        """The value of LOGNAME, one of the few variables that reach a host's commands."""
        return f"kills-{self.folder.name}-{self.seed}"

    def play(self) -> list[str]:
        """Run it; what did not hold, in words."""
        plan = random.Random(self.seed)
        made = Project(self.folder, stages=STAGES, checks=CHECKS, hosts=HOSTS)
        made.write("conftest.py", CONFTEST)
        command = "verify" if plan.random() < 0.25 else "install"
        for host in HOSTS if command == "verify" else ():
            made.on(host, "big", CONTENT)
            for number in range(TASKS):
                made.on(host, f"done-{number}")
        process = made.start("-m", command, "-n", "2", KILLS_SEED=str(self.seed), LOGNAME=self.marker)
        striker = threading.Thread(target=self._strike, args=(process, plan), daemon=True)
        striker.start()
        try:
            out, err = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGUSR1)
            time.sleep(1)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return ["the run hangs: " + "\n".join(path.read_text() for path in self.folder.glob("stacks.*"))]
        striker.join()
        self.status, self.output = process.returncode, out[-3000:] + err[-3000:]
        with contextlib.suppress(FileNotFoundError):
            self.strikes.update((self.folder / "strikes").read_text().split())
        return list(faults_of(self, made))

    def _strike(self, process: subprocess.Popen[str], plan: random.Random) -> None:
        """Perhaps: a signal to the controller alone, or to it and its workers, or the end of all workers."""
        deed, moment, number = (
            plan.choice(["", "", "leader", "group", "workers"]),
            plan.uniform(0.2, 4),
            plan.choice(SIGNALS),
        )
        if not deed:
            return
        time.sleep(moment)
        with contextlib.suppress(OSError, ValueError):
            if process.poll() is not None:
                return
            if deed == "workers":
                for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                    os.kill(int(child), signal.SIGKILL)
                    self.strikes["worker"] += 1
            else:
                self.leader_killed = number == signal.SIGKILL
                self.strikes["controller"] += 1
                (os.killpg if deed == "group" else os.kill)(process.pid, number)


def faults_of(played: Round, made: Project) -> Iterator[str]:
    """What does not hold after a round."""
    yield from left_processes(played)
    yield from twice(made)
    for host in made.hosts:
        big = made.path / "hosts" / host / "big"
        if big.exists() and big.read_text() != CONTENT:
            yield f"half a file on {host}: {big.stat().st_size} of {len(CONTENT)} bytes"
    try:
        hold(next(made.path.rglob("lock"), made.path / "lock"), "install")()
    except ClusterBusy as error:
        yield f"the lock is not free: {error}"
    runs = [path for path in made.path.glob("reports/out/demo/*") if (path / "ledger.jsonl").exists()]
    if not runs:
        if played.status == 0:
            yield "a run without a ledger ended in 0"
        return
    yield from half_reports(runs[0])
    yield from false_green(played, made, runs[0])


def left_processes(played: Round) -> Iterator[str]:
    """The processes of a run, here and on its hosts, that do not end."""
    end = time.monotonic() + GONE
    while left := marked(played.marker):
        if time.monotonic() > end:
            yield f"processes are left: {left}"
            return
        time.sleep(0.1)


def marked(marker: str) -> list[str]:
    """The processes whose environment holds a marker."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdecimal() and f"LOGNAME={marker}".encode() in (entry / "environ").read_bytes():
                found.append(f"{entry.name} {(entry / 'cmdline').read_bytes()[:200]!r}")
    return found


def twice(made: Project) -> Iterator[str]:
    """Changes that were sent, or carried out, more than once."""
    for host in made.hosts:
        acts = made.path / "hosts" / host / "acts"
        carried_out = acts.read_text().split() if acts.exists() else []
        for what, times in (Counter(carried_out) + Counter(made.sent(host))).items():
            if times > 1:
                yield f"{times} times on {host}: {what[:200]}"


def half_reports(run: Path) -> Iterator[str]:
    """Files of a run's folder that are not whole under their final name."""
    readers = {"junit.xml": ElementTree.parse, "verdicts.json": _load, "inputs.json": _load, "report.html": _page}
    for name, read in readers.items():
        try:
            if (run / name).exists():
                read(run / name)
        except (ValueError, SyntaxError) as error:
            yield f"{name} is half: {error}"
    for lost in (run / "lost").glob("*"):
        if not lost.read_text():
            yield f"lost/{lost.name} is empty"


def _load(path: Path) -> object:
    return json.loads(path.read_text("utf-8"))


def _page(path: Path) -> None:
    if not path.read_text("utf-8").rstrip().endswith("</html>"):
        raise ValueError("no end")


def false_green(played: Round, made: Project, run: Path) -> Iterator[str]:
    """A status that the ledger, or the hosts, contradict."""
    try:
        ledger = RunFolder(run).read().ledger
    except RunFolderError as error:
        if not played.leader_killed:
            yield f"the ledger cannot be read: {error}"
        return
    if ledger.end is None:
        if not played.leader_killed and played.status != pytest.ExitCode.INTERNAL_ERROR:  # no worker could be started
            yield f"no end in the ledger, status {played.status}: {played.output}"
        return
    if played.status != ledger.end.exit_status and not played.leader_killed:
        yield f"status {played.status}, the ledger says {ledger.end.exit_status}"
    bad = [result.key for result in ledger.results if result.verdict != "PASS"]
    undone = [f"{host}/{name}" for host in HOSTS for name in wanted() if not made.has(host, name)]
    if 0 in (played.status, ledger.end.exit_status) and (ledger.not_run or bad or undone):
        yield f"ended in 0 with {ledger.not_run} not run, {bad} not green, {undone} not done"
    if played.status not in (0, 1, 2) and not played.leader_killed:
        yield f"status {played.status}: {played.output}"


def wanted() -> list[str]:
    """The files that a complete install leaves on each host."""
    return ["big", *(f"done-{number}" for number in range(TASKS))]


@dataclass
class Tally:
    """The sum of many rounds."""

    strikes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int | None] = field(default_factory=Counter)
    faults: dict[int, list[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        kills, rounds = self.strikes.total(), self.statuses.total()
        return (
            f"{rounds} rounds, {len(self.faults)} with a fault; {kills} kills: {dict(self.strikes)}; "
            f"exit statuses {dict(self.statuses)}"
        )


def play(seed: int, rounds: int, jobs: int, base: Path) -> Tally:
    """Play rounds with consecutive seeds. The folder of a round in which all held is removed."""
    tally = Tally()

    def one(number: int) -> None:
        played = Round(number, base / str(number))
        found = played.play()
        tally.strikes += played.strikes
        tally.statuses[played.status] += 1
        if found:
            tally.faults[number] = found
            print(f"seed {number}: " + "; ".join(found) + f" (see {played.folder})", flush=True)
        else:
            shutil.rmtree(played.folder, ignore_errors=True)
        if tally.statuses.total() % SAY_EVERY == 0:
            print(tally, flush=True)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, range(seed, seed + rounds)))
    return tally


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Exit status 1 if anything did not hold."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.kills", description="Kill a run's processes at random."
    )
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--jobs", type=int, default=2, help="rounds at a time")
    chosen = parser.parse_args(argv)
    began, base = time.monotonic(), Path(tempfile.mkdtemp(prefix="kills-"))
    print(f"{chosen.rounds} rounds from seed {chosen.seed} in {base}", flush=True)
    tally = play(chosen.seed, chosen.rounds, chosen.jobs, base)
    took = time.monotonic() - began
    print(tally)
    print(f"{took:.0f} s: {chosen.rounds / took:.2f} rounds/s, {tally.strikes.total() / took:.1f} kills/s")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
