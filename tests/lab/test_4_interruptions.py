"""What goes wrong in the middle: a worker killed, Ctrl-C, a connection reset. No hang, nothing sent twice, and a second
run finishes the job."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from dlws.verdict import Verdict
from tests.lab.suite import Finished, Running, lab, on, run, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("first_install")]

HOST = "atlas01"
STEP = ("-m", "install", "--stages", "docker", "--limit", HOST, "-n", "1")
WORDS = "apt-get install"


@pytest.fixture(scope="module", autouse=True)
def whole() -> Iterator[None]:
    """To purge Docker took the images and pods of the host away; an install brings all of it back."""
    yield
    assert run("-m", "install").exit_status == 0
    wait_until("the cluster to be healthy again", lambda: run("-m", "verify").exit_status == 0, 120)


@pytest.fixture(autouse=True)
def docker_is_gone() -> Iterator[None]:
    wait_until("apt on the host to end", lambda: "apt-get" not in on(HOST, "ps -eo args"), 240)
    on(HOST, "systemctl stop kubelet; docker ps -q | xargs -r docker kill >/dev/null")  # else they outlive Docker
    on(HOST, "apt-get purge -y -q docker.io containerd runc >/dev/null 2>&1; rm -rf /etc/docker")
    on(HOST, "systemctl start kubelet")
    assert not on(HOST, "command -v dockerd || true")
    yield
    wait_until("apt on the host to end", lambda: "apt-get" not in on(HOST, "ps -eo args"), 240)  # H28 is red meanwhile
    assert run(*STEP).exit_status == 0  # the second run finishes the job, whatever has happened before


def sent(finished: Finished) -> list[str]:
    return [command for command in finished.commands(HOST, "change") if WORDS in command]


def test_a_killed_worker_leaves_a_finding_and_no_hang() -> None:
    going = Running(*STEP)
    going.wait_for_command(HOST, WORDS)
    for pid in going.workers():
        os.kill(pid, signal.SIGKILL)
    ended = going.finish(120)
    assert (ended.red, ended.exit_status) == ({("docker", HOST, Verdict.UNKNOWN)}, 1)
    assert len(sent(ended)) <= 1


def test_ctrl_c_lets_the_stage_end_and_reports_what_did_not_run() -> None:
    going = Running("-m", "install", "--stages", "docker..docker_group", "--limit", HOST, "-n", "1")
    going.wait_for_command(HOST, WORDS)
    going.signal(signal.SIGINT)
    ended = going.finish(240)
    assert ended.exit_status == 2
    assert ended.outcomes["docker", HOST] == "changed"
    assert (ended.folder / "junit.xml").exists()
    assert [item.name for item in ended.ledger.not_run] == ["docker_group"]


def test_a_command_is_not_resent_after_a_connection_reset() -> None:
    going = Running(*STEP)
    going.wait_for_command(HOST, WORDS)
    lab("break", "reset_connections", HOST)
    ended = going.finish(300)
    assert ended.outcomes["docker", HOST] in ("changed", "failed")
    assert len(sent(ended)) == 1
