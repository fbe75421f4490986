"""The whole runbook from a bundle: a root with a shell alone, nobody's user, the lab's network and no route out of it.

Needs bash-static, and what a build of the bundle needs (docs/bundle.md).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from lab.plan import BRIDGE
from tests.bundle.jail import NOBODY, Jail, empty_root
from tests.lab.suite import CONFIG, HOSTS, ROOT, STATE, Finished, lab

pytestmark = [pytest.mark.lab, pytest.mark.long]

NATIVE = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
OURS, ADDRESS = "dlws-jail", "192.168.3.9/24"
"""The machine's end of the cable, and the address of the other end: a control host beside the four."""


def plug_in(pid: int) -> None:
    """Lay a cable from the lab's bridge into the network namespace of a process; no gateway, no name server."""
    inside = f"nsenter --target {pid} --net ip"
    for command in (
        f"ip link add {OURS} type veth peer name eth0 netns {pid}",
        f"ip link set {OURS} master {BRIDGE} up",
        f"{inside} address add {ADDRESS} dev eth0",
        f"{inside} link set lo up",
        f"{inside} link set eth0 up",
    ):
        subprocess.run(command.split(), check=True)


@pytest.fixture(scope="module")
def control_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jail]:
    """The bundle in an empty root, with what an operator brings: config.yaml and what it names, keys and password."""
    folder = tmp_path_factory.mktemp("control")
    for place in (folder, *folder.parents[:2]):
        place.chmod(0o755)
    build = [sys.executable, "-m", "dlws", "bundle", "build", "--arch", NATIVE, "--output", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, timeout=1500)
    (tar,) = folder.glob("*.tar")
    with tarfile.open(tar) as archive:
        archive.extractall(folder, filter="tar")
    tar.unlink()
    lab("up", "--fresh")
    jail = replace(empty_root(folder / tar.stem, folder, NATIVE, NATIVE), connect=plug_in)
    settle(jail.home)
    yield jail
    shutil.rmtree(folder)
    lab("up", "--fresh")


def settle(home: Path) -> None:
    """Fill the operator's folder."""
    settings = yaml.safe_load(CONFIG.read_text())
    del settings["suite"]["browser"]  # a bundle brings none
    (home / "config.yaml").write_text(yaml.safe_dump(settings))
    (home / "config.yaml").chmod(0o600)
    shutil.copy(CONFIG.parent / "cni.yaml", home)
    for name in ("checkout", "state/images"):
        shutil.copytree(CONFIG.parent / name, home / name)
    shutil.copytree(STATE, home / "state" / STATE.name)
    for path in home.rglob("*"):
        shutil.chown(path, NOBODY, NOBODY)


def run(jail: Jail, *words: str) -> Finished:
    """Run the bundle's suite to its end; its run's folder is in the operator's."""
    ran = jail.run("/opt/dlws/dlws", "pytest", *words)
    (folder,) = jail.home.glob(f"reports/out/atlas/*-{words[1]}")
    return Finished(ran.returncode, ran.stdout + ran.stderr, folder)


def test_it_installs_the_four_hosts(control_host: Jail) -> None:
    done = run(control_host, "-m", "install")
    assert (done.red, done.exit_status) == (set(), 0), done.output
    changed = {host for (_, host), outcome in done.outcomes.items() if outcome == "changed"}
    assert changed == {*HOSTS, "control", "cluster"}
    (control_host.home / "state/atlas/deploy/sshkey/rootpasswd").unlink()


def test_their_audit_is_green(control_host: Jail) -> None:
    audit = run(control_host, "-m", "verify")
    assert (audit.red, audit.exit_status) == (set(), 0), audit.output
