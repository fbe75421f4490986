"""A host that does not come back leaves without being asked; one that does is told from it, and joins again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from dlws.verdict import Verdict
from tests.lab.suite import CONFIG, Finished, broken, configured, kubectl, run, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.usefixtures("first_install")]

GONE = "atlas-gpu01"
LEAVE = ("-m", "scale_down", "--confirm", "atlas")


def leaving(*lost: str) -> str:
    """The lab's configuration with that host under `scale_down`."""
    settings = yaml.safe_load(CONFIG.read_text())
    settings["scale_down"] = {GONE: settings["scale_up"].pop(GONE) | {"private-ip": "192.168.3.4"}}
    settings["suite"]["lost_hosts"] = list(lost)
    return str(yaml.safe_dump(settings))


@pytest.fixture(scope="module")
def configurations() -> Iterator[dict[str, Path]]:
    with ExitStack() as stack:
        texts = {"lost": leaving(GONE), "leaving": leaving()}
        yield {name: stack.enter_context(configured(text)) for name, text in texts.items()}


def test_a_host_that_lives_is_not_given_up(configurations: dict[str, Path]) -> None:
    refused = run(*LEAVE, config=configurations["lost"])
    assert refused.red == {("lost", GONE, Verdict.FAIL)}, refused.output
    assert refused.outcomes["given_up", GONE] == "blocked"
    assert GONE in kubectl("get nodes -o name")


def test_one_that_is_dead_leaves_by_its_name(configurations: dict[str, Path]) -> None:
    with broken("power_off", GONE):
        wait_until("the kubelet's silence", lambda: "Unknown" in ready(), 120)
        plan = run("-m", "scale_down", "--plan", config=configurations["lost"])
        assert (plan.exit_status, GONE in kubectl("get nodes -o name")) == (0, True), plan.output
        left = run(*LEAVE, config=configurations["lost"])
        assert (left.red, left.exit_status) == (set(), 0), left.output
        assert GONE not in kubectl("get nodes,pods,leases,csinodes -A -o wide")
        assert set(run(*LEAVE, config=configurations["lost"]).outcomes.values()) == {"unchanged"}


def ready() -> str:
    return kubectl(f"get node {GONE} -o jsonpath='{{.status.conditions[?(@.type==\"Ready\")].status}}'")


def test_should_it_come_back_it_leaves_in_order_and_joins_anew(configurations: dict[str, Path]) -> None:
    left: Finished = run(*LEAVE, config=configurations["leaving"])
    assert left.exit_status == 0, left.output
    joined = run("-m", "install")
    assert joined.exit_status == 0, joined.output
    wait_until("the cluster to be healthy", lambda: run("-m", "verify").exit_status == 0, 120)  # pods have just begun
