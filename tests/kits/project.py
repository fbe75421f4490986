"""A small project for the engine's tests: its own stages and checks, run by pytest on simulated hosts.

Each host is the local agent in a folder of its own, `hosts/<name>`, so that what a stage changed and what a check sees
are files there. Files with special names there make the host misbehave (`LocalHost`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dlws.config.cluster import Cluster
from dlws.engine.site import redactor_of
from dlws.inventory import Node
from dlws.record import ledger as ledgers
from dlws.record.answer import Answer, CommandTimedOut, HeldByAnotherRun, LinkLost, LoginRefused, Unreachable
from dlws.record.evidence import Transcript
from dlws.record.ledger import Ledger, Result
from dlws.remote.connection import CAP, Connection
from dlws.remote.fleet import Fleet
from dlws.remote.local import open_local, open_process
from dlws.remote.outbox import Stdin
from tests.kits import forked

ROOT = Path(__file__).parents[2]
PLAIN = ("-p", "no:hypothesispytest", "-p", "no:unraisableexception")
LIMIT = 180.0  # seconds; a run of the kit that takes longer hangs

CONFIG = """\
cluster_name: demo
network: {domain: example.org}
UserGroups:
  DLWSAdmins: {Allowed: [admin@example.org], uid: "20001", gid: "20001"}
WebUIadminGroups: [DLWSAdmins]
mysql_password: invented-for-tests
useclusterfile: true
admin_username: dlwsadmin
Authentications: {Microsoft: {}, Wechat: {}}
machines:
"""
CONFTEST = """\
import dlws.engine.run
from tests.kits import project
dlws.engine.run.open_fleet = project.open_fleet
pytest_plugins = ["dlws.engine.plugin", "fixtures.plugin", "reports.plugin"]
"""
HEAD = """\
import os, signal
from dlws.engine.check import active, check, expect, expect_that, preflight
from dlws.engine.stage import stage
from dlws.engine.targets import control_host, every_host, master, whole_cluster, workers
from dlws.verdict import NotApplicable, Severity, Unknown
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished run: exit status, stdout and stderr."""

    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The error line of a rejected command."""
        lines = [line for line in (self.err + self.out).splitlines() if line.strip()]
        assert len(lines) == 1, self.err + self.out
        return lines[0].removeprefix("ERROR: ")


class Project:
    """A project folder with `install/` and `checks/`, a configuration, and the folders of the simulated hosts."""

    def __init__(self, path: Path, *, stages: str = "", checks: str = "", hosts: Sequence[str] = ("a1", "a2")) -> None:
        """The first host is the infrastructure machine. `stages` and `checks` are Python source after HEAD."""
        self.path, self.hosts = path, tuple(hosts)
        self.write("conftest.py", CONFTEST)
        self.write("pytest.ini", (ROOT / "pytest.ini").read_text())
        self.write("checks/__init__.py", "")
        self.write("install/__init__.py", "")
        self.write("checks/facts.py", HEAD + checks)
        self.write("install/s1.py", HEAD + "from checks import facts\n" + stages)
        roles = ["infrastructure", *["worker"] * (len(hosts) - 1)]
        machine = "  {}: {{role: {}, archtype: amd64, type: cpu, private-ip: 192.168.3.{}}}\n"
        rows = [machine.format(name, role, at + 1) for at, (name, role) in enumerate(zip(hosts, roles, strict=True))]
        self.write("config.yaml", CONFIG + "".join(rows)).chmod(0o600)
        for name in (*hosts, "control"):
            (path / "hosts" / name).mkdir(parents=True)

    def write(self, name: str, text: str) -> Path:
        """Put a file into the project."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def on(self, host: str, name: str, text: str = "") -> Path:
        """Put a file into a host's folder."""
        return self.write(f"hosts/{host}/{name}", text)

    def has(self, host: str, name: str) -> bool:
        """Whether a host's folder holds a file."""
        return (self.path / "hosts" / host / name).exists()

    def sent(self, host: str) -> list[str]:
        """The changes sent to a host, in order."""
        log = self.path / "hosts" / host / "sent"
        return log.read_text().splitlines() if log.exists() else []

    def start(self, *args: str, **environment: str) -> subprocess.Popen[str]:
        """Start pytest in its own process group, without a terminal."""
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", *PLAIN, *args],
            cwd=self.path,
            env=environment_with(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *args: str, **environment: str) -> Ran:
        """Run pytest to completion; with variables in an interpreter of its own, which may read them as it starts."""
        if environment:
            return end_of(self.start(*args, **environment))
        return Ran(*forked.run([*PLAIN, *args], self.path, environment_with(), LIMIT))

    @property
    def folder(self) -> Path:
        """The folder of the newest run."""
        return max((self.path / "reports" / "out" / "demo").iterdir(), key=lambda folder: folder.stat().st_mtime_ns)

    @property
    def ledger(self) -> Ledger:
        """The ledger of the newest run."""
        with (self.folder / "ledger.jsonl").open() as lines:
            return ledgers.read(lines)

    @property
    def results(self) -> dict[str, Result]:
        """The newest run's results by label: `swap_off[a1]`."""
        return {f"{result.name}[{result.host}]": result for result in self.ledger.results}

    @property
    def outcomes(self) -> dict[str, str]:
        """The outcome of each stage, by label."""
        return {label: str(result.outcome) for label, result in self.results.items()}

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict of each test, by label."""
        return {label: str(result.verdict) for label, result in self.results.items()}


def environment_with(**more: str) -> dict[str, str]:
    """Our environment without variables that would affect a run, plus the paths it needs.

    What Python compiles is kept in the project's own cache, so that only the first of some hundred runs compiles it.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "DLWS", "COV"))}
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(ROOT / ".pytest_cache" / "compiled")}
    return {**kept, "PYTHONPATH": str(ROOT), **compiled, "COLUMNS": "200", **more}


def end_of(process: subprocess.Popen[str]) -> Ran:
    """Wait for a run; one that hangs is killed with all its workers and fails the test."""
    try:
        out, err = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"the run hangs:\n{out}\n{err}") from None
    return Ran(process.returncode, out, err)


def eventually(holds: Callable[[], Any], limit: float = LIMIT) -> None:
    """Wait until `holds` returns true. Raises AssertionError after `limit` seconds."""
    end = time.monotonic() + limit
    while not holds():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


class LocalHost(Connection):
    """A host that is a folder. Files in it: `unreachable`, `refused` and `held` (no way in), `vanish` (its text is a
    command: the host is gone from that one on), `cut` (the link is lost in the middle of each change), `hung` (no
    answers come).
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.host, self.user, self._folder = name, "root", folder
        self._inner = open_process(name).connect()

    def ask(self, commands: Sequence[str], *, deadline: float = 30.0, cap: int = CAP) -> list[Answer]:
        """Run the commands in the host's folder."""
        self._must_be_there()
        if (self._folder / "hung").exists():
            raise CommandTimedOut(f"{self.host}: no answer within 49 s to: {commands[0]}")
        answers = self._inner.ask([self._placed(c) for c in commands], deadline=deadline, cap=cap)
        return [replace(answer, command=command) for answer, command in zip(answers, commands, strict=True)]

    def send(self, command: str, *, token: str, stdin: Stdin = b"", deadline: float) -> Answer:
        """Run the command in the host's folder and record it in the file `sent`."""
        self._must_be_there()
        with (self._folder / "sent").open("a") as log:
            log.write(command + "\n")
        vanish = self._folder / "vanish"
        if vanish.exists() and vanish.read_text() in command:
            (self._folder / "unreachable").touch()
        act = threading.Thread(
            target=self._inner.send,
            args=[self._placed(command)],
            daemon=True,
            kwargs={"token": token, "stdin": stdin, "deadline": deadline},
        )
        if (self._folder / "cut").exists():
            act.start()
            eventually(lambda: self._inner.still_running(token) or not act.is_alive())
            raise LinkLost(f"{self.host}: link lost after 0.0 s, waiting for: {command}")
        answer = self._inner.send(self._placed(command), token=token, stdin=stdin, deadline=deadline)
        return replace(answer, command=command)

    @property
    def session(self) -> Any:
        """The session with the agent, for a test that breaks it; None before the first."""
        return self._inner._session

    def renew(self) -> None:
        """Nothing to renew."""

    def restore(self) -> None:
        """The link is lost, and another run has come first, from the moment at which there is a file `held`."""
        must_be_free(self.host, self._folder)

    def close(self) -> None:
        """End the agent."""
        self._inner.close()

    def _placed(self, command: str) -> str:
        return f"cd '{self._folder}' || exit 99; {command}"

    def _must_be_there(self) -> None:
        if (self._folder / "unreachable").exists():
            raise Unreachable(f"{self.host}: no route to host")


def must_be_free(name: str, folder: Path) -> None:
    """Raise what a master's lease raises where another run has it."""
    if (folder / "held").exists():
        raise HeldByAnotherRun(f"{name}: this cluster is being changed by another run; wait for it to end")


def open_fleet(cluster: Cluster, context: Any, worker: str) -> Fleet:
    """Replaces `dlws.engine.run.open_fleet` in the kit's projects."""
    hosts = cluster.path.parent / "hosts"

    def open_host(node: Node) -> Connection:
        folder = hosts / node.name
        if (folder / "refused").exists():
            raise LoginRefused(f"{node.name}: no login of root is accepted")
        must_be_free(node.name, folder)
        if (folder / "unreachable").exists():
            raise Unreachable(f"{node.name}: no route to host")
        return LocalHost(node.name, folder)

    transcript = Transcript(context.folder / "evidence", redactor_of(cluster, context), worker)
    return Fleet(cluster.nodes, open_host, transcript, open_control=open_local)
