"""The tools: how each is run for the same audit, and how its verdicts are read.

Verdicts are a mapping from address to a mapping from check to whether it held.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from abc import ABC, abstractmethod
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.server import USER, Server

HERE = Path(__file__).parent
SUITE = HERE.parent
WIDTH = 16
Verdicts = dict[str, dict[str, bool]]


class Tool(ABC):
    """One tool in its own folder. `prepare` is not measured, `command` is."""

    name: str
    about: str

    def __init__(self, folder: Path, server: Server, addresses: list[str], promise: Path, bin: Path) -> None:
        self.folder, self.server, self.addresses, self.bin = folder, server, addresses, bin
        self.env = {**_environment(), "BENCH_PROMISE": str(promise)}
        folder.mkdir()

    @property
    def cwd(self) -> Path:
        """The working directory."""
        return self.folder

    @property
    def output(self) -> Path:
        """The file with the tool's output."""
        return self.folder / "output"

    def prepare(self) -> None:  # noqa: B027 - most tools need no preparation
        """Prepare the next run."""

    @abstractmethod
    def command(self) -> list[str]:
        """The command line to measure."""

    @abstractmethod
    def verdicts(self) -> Verdicts:
        """The verdicts of the last run."""


class Floor(Tool):
    """One connection and one script per host."""

    name, about = "floor", "one paramiko connection and one script per host, 16 at a time"

    def command(self) -> list[str]:
        self.env["PYTHONPATH"] = str(SUITE)
        return [sys.executable, "-m", "benchmarks.floor", str(self.server.user_key), *self.addresses]

    def verdicts(self) -> Verdicts:
        verdicts: Verdicts = json.loads(self.output.read_text())
        return verdicts


class Suite(Tool):
    """This suite in its default mode, with host keys and commands known from an earlier run."""

    name, about = "suite", "pytest -m verify, hosts known from an earlier run"

    @property
    def cwd(self) -> Path:
        """The benchmark's project."""
        return self.folder / "project"

    def prepare(self) -> None:
        """Create the project unless it exists."""
        project = self.cwd
        if not project.exists():
            shutil.copytree(HERE / "project", project, ignore=shutil.ignore_patterns("__pycache__"))
            config = project / "config.yaml"
            config.write_text(_config(self.addresses, self.server.port))
            config.chmod(0o600)
            keys = project / "state" / "bench" / "deploy" / "sshkey"
            keys.mkdir(parents=True)
            shutil.copy(self.server.user_key, keys / "id_rsa")
        shutil.rmtree(project / "reports", ignore_errors=True)

    def command(self) -> list[str]:
        self.env["PYTHONPATH"] = str(SUITE)
        return [sys.executable, "-m", "pytest", "-m", "verify"]

    def verdicts(self) -> Verdicts:
        (ledger,) = self.folder.glob("project/reports/out/bench/*/ledger.jsonl")
        (html,) = ledger.parent.glob("report.html")
        assert html.stat().st_size
        address = {_name(a): a for a in self.addresses}
        verdicts: Verdicts = defaultdict(dict)
        for line in ledger.read_text().splitlines():
            event = json.loads(line)
            if event["event"] == "result":
                verdicts[address[event["host"]]][event["name"]] = event["verdict"] == "PASS"
        return verdicts


class FirstRun(Suite):
    """This suite on new hosts: it pins their keys and learns the commands from the first host."""

    name, about = "suite, first run", "pytest -m verify, on new hosts"

    def prepare(self) -> None:
        shutil.rmtree(self.cwd, ignore_errors=True)
        super().prepare()


class Testinfra(Tool):
    """pytest-testinfra as in its documentation."""

    name, about = "testinfra", "stock pytest-testinfra, paramiko backend, pytest -n 4"

    def prepare(self) -> None:
        """A folder outside the suite, so that its pytest.ini is not used."""
        shutil.copy(HERE / "peers" / "test_audit.py", self.folder)
        (self.folder / "pytest.ini").write_text("[pytest]\n")

    def command(self) -> list[str]:
        config = self.folder / "ssh_config"
        config.write_text(
            f"Host *\n  User {USER}\n  Port {self.server.port}\n  IdentityFile {self.server.user_key}\n"
            "  StrictHostKeyChecking no\n"
        )
        hosts = ",".join(f"paramiko://{address}" for address in self.addresses)
        return [
            *(str(self.bin / "pytest"), "-q", "-n", "4", "-p", "no:cacheprovider"),
            *(f"--hosts={hosts}", f"--ssh-config={config}", f"--junit-xml={self.folder}/junit.xml"),
        ]

    def verdicts(self) -> Verdicts:
        verdicts: Verdicts = defaultdict(dict)
        for case in ElementTree.parse(self.folder / "junit.xml").iter("testcase"):
            check, address = re.fullmatch(r"test_(\w+)\[paramiko://(.+)\]", case.attrib["name"]).groups()  # type: ignore[union-attr]
            verdicts[address][check] = len(case) == 0
        return verdicts


class Pyinfra(Tool):
    """pyinfra's command line."""

    name, about = "pyinfra", "pyinfra, its facts, its default width"

    def prepare(self) -> None:
        for old in self.folder.glob("*.json"):
            old.unlink()

    def command(self) -> list[str]:
        data = {
            "ssh_user": USER,
            "ssh_port": self.server.port,
            "ssh_key": str(self.server.user_key),
            "ssh_strict_host_key_checking": "no",
        }
        inventory = self.folder / "inventory.py"
        inventory.write_text(f"hosts = ({self.addresses!r}, {data!r})\n")
        self.env["BENCH_VERDICTS"] = str(self.folder)
        return [str(self.bin / "pyinfra"), "-y", str(inventory), str(HERE / "peers" / "pyinfra_audit.py")]

    def verdicts(self) -> Verdicts:
        return {path.stem: json.loads(path.read_text()) for path in self.folder.glob("*.json")}


class Ansible(Tool):
    """ansible-playbook."""

    name, about = "ansible", "ansible-playbook -f 20, pipelining, ControlPersist"

    def command(self) -> list[str]:
        inventory = self.folder / "inventory.ini"
        variables = {
            "ansible_user": USER,
            "ansible_port": self.server.port,
            "ansible_ssh_private_key_file": self.server.user_key,
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        lines = ["[all]", *self.addresses, "[all:vars]", *(f"{k}={v}" for k, v in variables.items())]
        inventory.write_text("\n".join(lines) + "\n")
        self.env |= {
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_HOST_KEY_CHECKING": "false",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"),
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        }
        playbook = HERE / "peers" / "audit.yml"
        return [str(self.bin / "ansible-playbook"), "-f", "20", "-i", str(inventory), str(playbook)]

    def verdicts(self) -> Verdicts:
        matches = re.findall(r'"AUDIT (\S+) (\{.*\})"', self.output.read_text())
        return {address: json.loads(json.loads(f'"{text}"')) for address, text in matches}


TOOLS: dict[str, tuple[type[Tool], ...]] = {
    "floor": (Floor,),
    "suite": (Suite, FirstRun),
    "pyinfra": (Pyinfra,),
    "testinfra": (Testinfra,),
    "ansible": (Ansible,),
}


def _environment() -> dict[str, str]:
    """The environment of every tool: minimal, and without settings that change its behaviour."""
    keep = ("PATH", "LANG", "LC_ALL", "TMPDIR")
    return {"HOME": "/nonexistent", "LANG": "C.UTF-8", **{k: v for k, v in os.environ.items() if k in keep}}


def _name(address: str) -> str:
    return "h" + "-".join(address.split(".")[1:])


def _config(addresses: list[str], port: int) -> str:
    """A DLWS configuration with these hosts, all of one kind."""
    rows = [
        f"  {_name(a)}: {{role: {'worker' if n else 'infrastructure'}, archtype: amd64, type: cpu, private-ip: {a}}}"
        for n, a in enumerate(addresses)
    ]
    return (
        "\n".join(
            [
                "cluster_name: bench",
                "network: {domain: bench.example}",
                "UserGroups: {DLWSAdmins: {Allowed: [admin@bench.example], uid: '20000', gid: '20001'}}",
                "mysql_password: invented-for-the-benchmark",
                f"admin_username: {USER}",
                f"suite: {{ssh_port: {port}}}",
                "machines:",
                *rows,
            ]
        )
        + "\n"
    )
