"""The cluster grows by a host, and shrinks again: the new host alone is changed, and nothing of it is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.lab.suite import CONFIG, HOSTS, Finished, configured, kubectl, lab, run

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.usefixtures("first_install")]

FIFTH = "atlas03"
ROW = f"  {FIFTH}: {{archtype: arm64, role: worker, type: npu, vendor: huawei, os: ubuntu, private-ip: 192.168.3.7}}\n"


@pytest.fixture(scope="module")
def configurations() -> Iterator[dict[str, Path]]:
    """The lab's configuration with the fifth host in a section, beside it: they share its state."""
    text = CONFIG.read_text()
    texts = {
        "scale_up": text.replace("\nscale_up:\n", f"\nscale_up:\n{ROW}"),
        "scale_down": f"{text}\nscale_down:\n{ROW}",
    }
    with ExitStack() as stack:
        yield {section: stack.enter_context(configured(text)) for section, text in texts.items()}


@pytest.fixture(scope="module")
def grown(first_install: Finished, configurations: dict[str, Path]) -> Iterator[Finished]:
    lab("up", "--host", FIFTH, "--fresh")
    yield run("-m", "scale_up", config=configurations["scale_up"])
    lab("down", "--host", FIFTH)


def test_a_new_host_joins_and_no_other_is_changed(grown: Finished) -> None:
    assert grown.exit_status == 0, grown.output
    changed = {host for (_, host), outcome in grown.outcomes.items() if outcome == "changed"}
    assert changed - {"control"} == {FIFTH}  # the control host's own list of hosts grows
    assert kubectl("get nodes --no-headers").count(" Ready ") == 5


def test_the_next_install_tells_the_others_its_name_and_all_is_healthy(
    grown: Finished, configurations: dict[str, Path]
) -> None:
    install = run("-m", "install", config=configurations["scale_up"])
    changed = {label for label, outcome in install.outcomes.items() if outcome == "changed"}
    assert changed <= {("names", host) for host in HOSTS}, install.output
    audit = run("-m", "verify", config=configurations["scale_up"])
    assert (audit.red, audit.exit_status) == (set(), 0), audit.output


def test_a_host_that_leaves_is_not_in_the_api_any_more(grown: Finished, configurations: dict[str, Path]) -> None:
    left = run("-m", "scale_down", "--confirm", "atlas", config=configurations["scale_down"])
    assert left.exit_status == 0, left.output
    everything = kubectl("get nodes,pods,leases,csinodes -A -o wide")  # events are a log: they go after an hour
    assert FIFTH not in everything
    assert run("-m", "install").exit_status == 0  # the others forget its name
    assert run("-m", "verify").exit_status == 0
