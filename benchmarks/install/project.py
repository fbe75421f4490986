"""The folder in which the install runs: a copy of the suite with a small runbook of its own, and its configuration."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from benchmarks.install.serve import address
from benchmarks.working_folder import copy_of_the_suite
from dlws.config.state import State, state_of

COPIED = ("dlws", "fixtures", "reports", "conftest.py", "pytest.ini", "pyproject.toml", "requirements.lock")
NAME = "bench"
STEPS = 8  # stages of each host, one after the other; the whole cluster is waited for once in their middle
CHECKS = """
from dlws.engine.check import check, expect

def done(number):
    @check(f"T{number:02}", title_zh="在", fix="-", name=f"step_{number}", title=f"Step {number} is done.")
    def holds(host):
        expect("exit status", found=host.run("[ -e %s ]", f"step-{number}").rc, expected=0)
    return holds

DONE = {number: done(number) for number in range(STEPS)}
"""
STAGES = """
from checks import facts
from dlws.engine.stage import stage

def staged(number):
    def body(change):
        change.run("sleep %s; touch %s", str(SECONDS), f"step-{number}")
    body.__name__, body.__doc__, body.__module__ = f"test_step_{number}", f"Do step {number}.", __name__
    every = "[*]" if number == STEPS // 2 else ""
    after = f"step_{number - 1}{every}" if number else ()
    return stage(section=f"1.{number}", proves=[facts.DONE[number]], after=after)(body)

STEPS_OF_A_HOST = {number: staged(number) for number in range(STEPS)}
"""


class Project:
    """One folder for all sizes. Each change takes `seconds`."""

    def __init__(self, folder: Path, seconds: float) -> None:
        """Copy the suite, make keys. Raises OSError."""
        self.folder, self.seconds = folder, seconds
        copy_of_the_suite(folder, COPIED)
        for name, text in (("checks/facts.py", CHECKS), ("install/s1.py", STAGES)):
            (folder / name).parent.mkdir()
            (folder / name).with_name("__init__.py").touch()
            (folder / name).write_text(f"STEPS, SECONDS = {STEPS}, {seconds}\n{text}")
        self.config = folder / "config.yaml"
        self.state: State = state_of(self.config, NAME)
        for below in (self.state.keys, self.state.hosts.parent):
            below.mkdir(parents=True, mode=0o700)
        for key in (self.state.key, folder / "host_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True)

    @property
    def critical_path(self) -> float:
        """Seconds that the changes of one host take one after the other: no install is faster."""
        return STEPS * self.seconds

    def resize(self, hosts: int, port: int) -> None:
        """Write the configuration for so many hosts, and pin their keys."""
        kind, blob, *_ = (self.folder / "host_key.pub").read_text().split()
        names = {f"b{number}": address(number) for number in range(hosts)}
        pins = [f"[{at}]:{port} {kind} {blob} {name}\n" for name, at in names.items()]
        row = {"archtype": "amd64", "type": "cpu"}
        machines = {name: {"role": "worker", **row, "private-ip": at} for name, at in names.items()}
        machines["b0"]["role"] = "infrastructure"
        document = {
            "cluster_name": NAME,
            "network": {"domain": "example.org"},
            "UserGroups": {"DLWSAdmins": {"Allowed": ["admin@example.org"], "uid": "20001", "gid": "20001"}},
            "WebUIadminGroups": ["DLWSAdmins"],
            "mysql_password": "invented-for-the-benchmark",
            "useclusterfile": True,
            "admin_username": "dlwsadmin",
            "Authentications": {"Microsoft": {}, "Wechat": {}},
            "machines": machines,
            "suite": {"ssh_port": port},
        }
        for path, text in ((self.config, json.dumps(document, indent=1)), (self.state.host_keys, "".join(pins))):
            path.write_text(text)
            path.chmod(0o600)
