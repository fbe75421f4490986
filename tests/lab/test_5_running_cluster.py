"""`dlws init --from-cluster`: the cluster that runs says of itself what lab/config.yaml says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dlws.config.cluster import inspect, load
from dlws.config.finding import errors
from tests.lab.first_configuration import NAMED, init, meaning, of_the_site
from tests.lab.suite import CONFIG, STATE, run

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.usefixtures("first_install")]


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cluster's admin.conf by the master's address: this machine does not know its name."""
    master = load(CONFIG).master
    file = tmp_path_factory.mktemp("kubeconfig") / "admin.conf"
    file.write_text((STATE / "deploy/sshkey/admin.conf").read_text().replace(master.fqdn, master.address))
    return file


@pytest.fixture(scope="module")
def found(kubeconfig: Path) -> Iterator[Path]:
    path = CONFIG.with_name("other-running.yaml")
    path.unlink(missing_ok=True)
    login = ("--user", load(CONFIG).admin_username, "--key", str(STATE / "deploy/sshkey/id_rsa"))
    done = init(path, "--from-cluster", str(kubeconfig), *login, *NAMED, *of_the_site("k8s-gitbranch"))
    assert done.returncode == 0, done.stdout + done.stderr
    yield path
    path.unlink()


def test_it_means_what_the_labs_own_says(found: Path) -> None:
    assert meaning(load(found)) == meaning(load(CONFIG))
    assert errors(inspect(found)[1]) == []


def test_a_second_call_finds_no_difference(found: Path, kubeconfig: Path) -> None:
    again = init(found, "--from-cluster", str(kubeconfig))
    assert again.returncode == 0, again.stdout + again.stderr


def test_its_hosts_and_nodes_are_those_of_an_audit_that_is_green(found: Path) -> None:
    audit = run("-m", "verify", "checks/host", "checks/kubernetes/nodes.py", config=found)
    assert (audit.red, audit.exit_status) == (set(), 0), audit.output
