"""Killed with -9 at any moment of an install, the next one ends with the same healthy cluster, made and joined once.

The platform is left out: it is the cluster that must not be made or joined twice.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.suite import CONFIG, HOSTS, MASTER, Finished, Running, configured, kubectl, on, run

pytestmark = [pytest.mark.lab, pytest.mark.long]

MOMENTS = random.Random(20201).sample(range(2, 110), 10)  # seconds; after a reset an install takes about 120
CALLS = "/root/kubeadm.calls"
COUNTING = "/usr/local/sbin/kubeadm"
WRAPPER = (
    f"""printf '#!/bin/sh\\necho $1 >> {CALLS}\\nexec /usr/bin/kubeadm "$@"\\n' > {COUNTING}; chmod 755 {COUNTING}"""
)


@pytest.fixture(scope="module", autouse=True)
def kubeadm_is_counted(first_install: Finished) -> Iterator[None]:
    """Every call of kubeadm leaves a line on its host: a run that is killed cannot tell what it began."""
    for host in HOSTS:
        on(host, WRAPPER)
    yield
    for host in HOSTS:
        on(host, f"rm {COUNTING} {CALLS}")


@pytest.fixture(scope="module")
def config() -> Iterator[Path]:
    """The lab's configuration without the platform."""
    with configured("".join(line for line in CONFIG.open() if not line.startswith("dlworkspace:"))) as path:
        yield path


@pytest.fixture
def without_kubernetes(kubeadm_is_counted: None, config: Path) -> None:
    """Hosts as after runbook 3.10: no cluster."""
    reset = run("-m", "reset", "--confirm", "atlas", config=config)
    assert reset.exit_status == 0, reset.output
    for host in HOSTS:
        on(host, f": > {CALLS}")


def calls(host: str) -> list[str]:
    return [word for word in on(host, f"cat {CALLS}").split() if word in ("init", "join", "reset")]


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_next_install_finishes_it(without_kubernetes: None, config: Path, moment: int) -> None:
    killed = Running("-m", "install", config=config)
    time.sleep(moment)  # the moment is the point
    killed.signal(signal.SIGKILL)
    second = run("-m", "install", config=config)
    assert second.exit_status == 0, second.output
    assert {host: calls(host) for host in HOSTS} == {host: ["init" if host == MASTER else "join"] for host in HOSTS}
    assert len({on(host, "sha256sum < /etc/kubernetes/pki/ca.crt") for host in HOSTS}) == 1
    assert kubectl("get nodes -o name").split() == sorted(f"node/{host}" for host in HOSTS)
    audit = run("-m", "verify", config=config)
    assert (audit.red, audit.exit_status) == (set(), 0), audit.output
