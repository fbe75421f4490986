"""`dlws init` on bare hosts: the configuration means what lab/config.yaml says, lints, and installs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dlws.config.cluster import Cluster, inspect, load
from dlws.config.finding import errors
from dlws.inventory import Node
from tests.lab.conftest import forget_root_password
from tests.lab.suite import CONFIG, ROOT, STATE, Finished, lab, on, run

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("fresh_hosts")]
SITE = CONFIG.parent
SETTINGS = (
    "k8s-gitbranch",
    "default-storage-folders",
    "dockerregistry",
    "dockers",
    "apt_mirror_url",
    "dlworkspace",
    "suite.images",
    "suite.device_plugins",
    "suite.kubernetes",
    "suite.packages",
    "suite.image_archives",
)
"""What the lab's hosts cannot know: where the site's mirror, registry, archives and checkout are."""
NAMED = ("--cluster-name=atlas", "--domain=sigsus.cn", "--admin-mail=admin@lab.example")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Names and addresses as the site's list has them, and the fingerprints as the consoles show them."""
    promised = load(CONFIG)
    rows = ["name,IP,role,host_key"]
    for node in promised.nodes:
        key = on(node.name, "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").split()[1]
        rows.append(f"{node.name},{node.address},{node.role},{key}")
    file = tmp_path_factory.mktemp("site") / "hosts.csv"
    file.write_text("\n".join(rows) + "\n")
    return file


@pytest.fixture(scope="module")
def begun(table: Path) -> Iterator[Path]:
    """The configuration that `dlws init` writes, without a question, beside the lab's own: they share their state."""
    path = SITE / "other-first.yaml"
    path.unlink(missing_ok=True)
    settings = [f"--set={key}={value}" for key, value in of_the_site(load(CONFIG)).items()]
    done = init(path, "--csv", str(table), "--keep-password", *NAMED, *settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "jwt.secret_key: " in done.stdout  # a secret is not for a command line: the operator writes it into the file
    made, built = (load(each).settings.jwt.secret_key for each in (path, CONFIG))  # type: ignore[union-attr]
    path.write_text(path.read_text().replace(made, built))
    yield path
    path.unlink()


def of_the_site(cluster: Cluster) -> dict[str, str]:
    """The keys of SETTINGS with the lab's values, as YAML."""
    document = yaml.safe_load(cluster.path.read_text())
    values = {}
    for key in SETTINGS:
        value = document
        for part in key.split("."):
            value = value[part]
        values[key] = yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("...\n").strip()
    return values


def init(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`dlws init`, with root's password as long as it is kept."""
    kept = STATE / "deploy/sshkey/rootpasswd"
    environment = {**os.environ, **({"DLWS_ROOT_PASSWORD": kept.read_text().strip()} if kept.exists() else {})}
    command = [sys.executable, "-m", "dlws", "init", "--yes", "--output", str(path), *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)


def meaning(node: Node) -> tuple[object, ...]:
    return (node.name, node.fqdn, node.address, node.role, node.kind, node.vendor, node.device_count, node.ssh_port)


def test_it_means_what_the_labs_own_says(begun: Path) -> None:
    found, promised = load(begun), load(CONFIG)
    assert {meaning(node) for node in found.nodes} == {meaning(node) for node in promised.nodes}
    assert (found.master.name, found.admin_username, found.mounts) == (
        promised.master.name,
        promised.admin_username,
        promised.mounts,
    )
    assert (found.pod_range, found.service_range) == (promised.pod_range, promised.service_range)
    assert errors(inspect(begun)[1]) == []


def test_a_second_call_finds_no_difference_and_writes_nothing(begun: Path) -> None:
    before = begun.read_bytes()
    again = init(begun)
    assert (again.returncode, begun.read_bytes()) == (0, before), again.stdout + again.stderr


def test_what_it_wrote_passes_every_precondition_and_has_a_plan(begun: Path) -> None:
    preflight = run("-m", "preflight", config=begun)
    assert preflight.red == set(), preflight.output
    plan = run("-m", "install", "--plan", config=begun)
    assert plan.exit_status == 0, plan.output


@pytest.fixture(scope="module")
def installed(begun: Path) -> Iterator[Finished]:
    yield run("-m", "install", config=begun)
    lab("up", "--fresh")


@pytest.mark.long
def test_it_installs(begun: Path, installed: Finished) -> None:
    assert installed.exit_status == 0, installed.output
    forget_root_password()
    assert run("-m", "verify", config=begun).red == set()


@pytest.mark.long
def test_the_cluster_that_runs_says_the_same_of_itself(begun: Path, installed: Finished, tmp_path: Path) -> None:
    path, keys, promised = SITE / "other-running.yaml", STATE / "deploy/sshkey", load(begun)
    path.unlink(missing_ok=True)
    told = [f"--set={key}={value}" for key, value in of_the_site(load(CONFIG)).items() if key != "k8s-gitbranch"]
    by_address = tmp_path / "admin.conf"  # the machine does not know the master's name
    by_address.write_text((keys / "admin.conf").read_text().replace(promised.master.fqdn, promised.master.address))
    login = ("--user", promised.admin_username, "--key", str(keys / "id_rsa"))
    done = init(path, "--from-cluster", str(by_address), *login, *NAMED, *told)
    assert done.returncode == 0, done.stdout + done.stderr
    found = load(path)
    assert {meaning(node) for node in found.nodes} == {meaning(node) for node in promised.nodes}
    assert found.kubernetes_version == promised.kubernetes_version
    assert (found.pod_range, found.service_range) == (promised.pod_range, promised.service_range)
    path.unlink()
