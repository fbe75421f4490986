"""Runs the suite as a user does, in a process of its own, against the lab's hosts; and says what came of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from dlws.record.ledger import Ledger, Result, read
from dlws.record.run_folder import RUNS
from dlws.verdict import Verdict
from lab import login
from lab.plan import ALL_HOSTS

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "lab" / "config.yaml"
STATE = ROOT / "lab" / "state" / "atlas"
OUT = ROOT / "reports" / "out" / "atlas"
MASTER = "atlas02"
HOSTS = (MASTER, "atlas01", "atlas-gpu02", "atlas-gpu01")
KUBECTL = "kubectl --kubeconfig /etc/kubernetes/admin.conf"
DEADLINE = 1200.0
LAST_LINES = 40


@dataclass(frozen=True, slots=True)
class Finished:
    """A run of the suite that has ended."""

    exit_status: int
    output: str
    folder: Path

    @property
    def ledger(self) -> Ledger:
        """What it recorded."""
        return read((self.folder / "ledger.jsonl").read_text(errors="backslashreplace").splitlines())

    @property
    def red(self) -> set[tuple[str, str, Verdict]]:
        """Its findings: id of a check or name of a stage, host, verdict."""
        return {(r.id or r.name, r.host, r.verdict) for r in self.ledger.findings}

    @property
    def warned(self) -> set[str]:
        """The ids of the checks that warn."""
        return {r.id for r in self.ledger.results if r.verdict is Verdict.WARN}

    @property
    def outcomes(self) -> dict[tuple[str, str], str]:
        """What each stage or check came to, by name and host."""
        return {(r.name, r.host): str(r.outcome or r.verdict) for r in self.ledger.results}

    def result(self, name: str, host: str) -> Result:
        """The result of one stage or check on one host."""
        return next(r for r in self.ledger.results if (r.name, r.host) == (name, host))

    @property
    def record(self) -> bytes:
        """Its canonical JSON."""
        command = [sys.executable, "-m", "dlws", "reports", "json", str(self.folder)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout

    @property
    def told(self) -> dict[str, Any]:
        """The same but for its name, its time and the digests of answers, which have times too."""
        made = json.loads(self.record)
        for check in made["checks"]:
            del check["evidence"]["sha256"]
        return {**made, "run": "", "started": ""}

    def commands(self, host: str, kind: str) -> list[str]:
        """The commands sent to a host: kind `read` or `change`."""
        files = (self.folder / "evidence").glob(f"{host}.*")
        entries = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        return [entry["command"] for entry in entries if entry["kind"] == kind]


class Running:
    """A run of the suite that goes on."""

    def __init__(self, *arguments: str, config: Path = CONFIG, runs: Path = OUT.parent) -> None:
        self._out = runs / OUT.name
        self._known = folders(self._out)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))} | {RUNS: str(runs)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pytest", f"--cluster={config}", *arguments],
            cwd=ROOT,
            env=environment,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def folder(self) -> Path:
        """The folder of this run, once there is one."""
        wait_until("the run's folder", lambda: bool(folders(self._out) - self._known), 60)
        return max(folders(self._out) - self._known)

    def wait_for_command(self, host: str, words: str) -> None:
        """Wait until the command under way on a host holds these words."""
        search = ["grep", "-sqaF", words]
        wait_until(f"{words!r} on {host}", lambda: _on(host, *search), 240)

    def signal(self, number: signal.Signals) -> None:
        """To the whole process group, as a terminal does."""
        os.killpg(self.process.pid, number)

    def workers(self) -> list[int]:
        """The process ids of its xdist workers."""
        listing = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        return [int(pid) for pid in listing.stdout.split()]

    def finish(self, deadline: float = DEADLINE) -> Finished:
        """Wait for its end; one that has none in time is ended, lest it keep the lease from all that follow."""
        try:
            output, _ = self.process.communicate(timeout=deadline)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            output, _ = self.process.communicate()
            last = "\n".join(output.splitlines()[-LAST_LINES:])
            pytest.fail(f"no end after {deadline:.0f} s: {' '.join(self.process.args)}; it said last:\n{last}")
        assert folders(self._out) - self._known, f"the suite left no ledger: {output}"
        return Finished(self.process.returncode, output, self.folder)


def run(*arguments: str, config: Path = CONFIG, runs: Path = OUT.parent) -> Finished:
    """Run the suite to its end: `run("-m", "verify", "--limit", "atlas01")`."""
    return Running(*arguments, config=config, runs=runs).finish()


@contextmanager
def waived(check: str, host: str, expires: date) -> Iterator[None]:
    """A waivers.yaml beside the lab's configuration that accepts one finding until a day."""
    path = CONFIG.with_name("waivers.yaml")
    path.write_text(f"- {{id: {check}, host: {host}, owner: the lab, reason: a test, expires: {expires}}}\n")
    try:
        yield
    finally:
        path.unlink()


@contextmanager
def configured(text: str) -> Iterator[Path]:
    """Another configuration of the lab's cluster, beside its own: they share their state."""
    path = CONFIG.with_name(f"other-{zlib.crc32(text.encode()):08x}.yaml")
    path.write_text(text)
    path.chmod(0o600)
    try:
        yield path
    finally:
        path.unlink()


def judged_together(into: Path, *shards: Path) -> Finished:
    """The shards of an audit, merged, and the replay of the whole."""
    command = [sys.executable, "-m", "dlws", "reports", "merge", *map(str, shards), "--into", str(into)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return run("-m", "verify", "--replay", str(into))


def lab(*words: str) -> str:
    """`dlws lab ...`; its output."""
    done = subprocess.run(
        [sys.executable, "-m", "dlws", "lab", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"lab {' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout


def on(host: str, command: str) -> str:
    """What a command prints on a host: as `dlws lab ssh` does it, without the second that `dlws` takes to begin."""
    argv, variables = login.client(ALL_HOSTS[host], command)
    done = subprocess.run(argv, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{host}: {command}: {done.stdout}{done.stderr}"
    return done.stdout


def kubectl(words: str) -> str:
    """What `kubectl` prints on the master."""
    return on(MASTER, f"{KUBECTL} {words}")


# Files but what programs keep for themselves, packages, users, and the processes that are not of a login and live on:
# the source of the NPUs' data starts others each second.
OWN = (
    "/proc",
    "/sys",
    "/run",
    "/tmp",
    "/var/cache",
    "/var/log",
    "/var/lib/systemd",
    "/var/lib/docker/*",
    "/var/lib/containerd/*",
    "/var/lib/kubelet/*",
    "/var/lib/etcd/*",
    "/var/lib/mysql/*",  # the platform's services write to their database all the time
)
SNAPSHOT = (
    "{ find / -xdev " + "".join(f"-path '{path}' -prune -o " for path in OWN) + "-printf '%p %s %T@ %m %u\\n';"
    " dpkg-query -W; cat /etc/passwd /etc/group;"
    " ps -eo etimes,unit,user,args --no-headers | awk '$1 > 2 { $1 = \"\"; print substr($0, 2) }' |"
    " grep -v -e ^session- -e ^user@ | sed 's/ [0-9]* of / of /'; } | sort"
)
OBJECTS = f"""kinds=$({KUBECTL} api-resources --verbs=list -o name | grep -v ^events | sort -u | paste -sd,)
    {KUBECTL} get "$kinds" -A -o json"""


def snapshot(host: str) -> dict[str, str]:
    """What a host is: its files, packages, users and processes, by name."""
    return named(on(host, SNAPSHOT))


def objects() -> dict[str, str]:
    """What is in the Kubernetes API, by kind and name: all of it but its status and the bookkeeping."""
    found = {}
    for item in json.loads(on(MASTER, OBJECTS))["items"]:
        about = item["metadata"]
        for bookkeeping in ("managedFields", "resourceVersion"):
            about.pop(bookkeeping, None)
        name = f"{item['apiVersion']} {item['kind']} {about.get('namespace', '')}/{about['name']}"
        found[name] = json.dumps({key: value for key, value in item.items() if key != "status"}, sort_keys=True)
    return found


def named(text: str) -> dict[str, str]:
    """By each line's first word its rest, of all lines that begin with it."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, _, rest = line.partition(" ")
        found[name] = f"{found[name]}\n{rest}" if name in found else rest
    return found


@contextmanager
def broken(fault: str, host: str) -> Iterator[None]:
    """A lab with one fault in it."""
    lab("break", fault, host)
    try:
        yield
    finally:
        lab("heal")


def folders(out: Path) -> set[Path]:
    """All runs of the lab's cluster."""
    return {ledger.parent for ledger in out.glob("*/ledger.jsonl")}


def wait_until(what: str, holds: object, deadline: float) -> None:
    """Wait for it, or AssertionError says for what."""
    end = time.monotonic() + deadline
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end, f"waited {deadline:g} s for {what}"
        time.sleep(0.1)


def _on(host: str, *argv: str) -> bool:
    """Whether a process of the host has these words in its command line."""
    words = argv[-1]
    return words in on(host, "ps -eo args --no-headers")
