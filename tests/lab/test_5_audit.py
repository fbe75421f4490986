"""An audit of an installed cluster: it changes nothing, and whoever replays it comes to the same in every byte."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dlws.verdict import Verdict
from tests.lab.suite import (
    CONFIG,
    HOSTS,
    MASTER,
    Finished,
    configured,
    judged_together,
    kubectl,
    objects,
    on,
    run,
    snapshot,
)

pytestmark = [pytest.mark.lab]

VIRTUAL_IP = "192.168.3.100"
"""In the lab's network, nobody's."""
Everything = dict[str, dict[str, str]]


def everything() -> Everything:
    """The hosts and the API."""
    return {host: snapshot(host) for host in HOSTS} | {"api": objects()}


def differing(one: Everything, other: Everything) -> dict[str, set[str]]:
    """The names of what is not the same in both."""
    return {
        place: {name for name in one[place].keys() | other[place] if one[place].get(name) != other[place].get(name)}
        for place in one
    }


def left(before: Everything) -> dict[str, set[str]]:
    """The names of what is other than before, in two looks: what a pod's probe starts comes and goes by itself."""
    first, second = differing(before, everything()), differing(before, everything())
    return {place: first[place] & second[place] for place in before}


def test_an_audit_changes_nothing(first_install: Finished) -> None:
    tokens = "get secrets -n kube-system -o name --field-selector type=bootstrap.kubernetes.io/token"
    for secret in kubectl(tokens).split():  # they expire by themselves, a while after the hosts have joined
        kubectl(f"delete -n kube-system {secret}")
    idle = everything()
    time.sleep(60)  # as long as kubelet takes to write down again how its node is
    before = everything()
    audit = run("-m", "verify")
    changed, by_themselves = left(before), differing(idle, before)
    assert {place: changed[place] - by_themselves[place] for place in changed} == {place: set() for place in changed}
    assert [audit.commands(host, "change") for host in (*HOSTS, "control")] == [[]] * 5
    assert len(before["api"]) > 200
    assert all(len(before[host]) > 1000 for host in HOSTS)


def test_a_replay_of_an_audit_is_the_same_in_every_byte(first_install: Finished) -> None:
    audit = run("-m", "verify")
    again = run("-m", "verify", "--replay", str(audit.folder))
    assert again.exit_status == audit.exit_status, again.output
    assert again.record == audit.record


def test_two_shards_come_to_the_record_of_one_audit(first_install: Finished, tmp_path: Path) -> None:
    whole = run("-m", "verify")
    shards = [run("-m", "verify", "--shard", f"{number}/2") for number in (1, 2)]
    judged = judged_together(tmp_path / "merged", *(shard.folder for shard in shards))
    assert [each.exit_status for each in (whole, *shards, judged)] == [0] * 4
    assert judged.told == whole.told


@contextmanager
def held(host: str) -> Iterator[None]:
    """The virtual IP on a host, as kube-vip puts it there."""
    on(host, f"ip addr add {VIRTUAL_IP}/32 dev eth0")
    try:
        yield
    finally:
        on(host, f"ip addr del {VIRTUAL_IP}/32 dev eth0")


def test_a_virtual_ip_answers_and_one_host_holds_it(first_install: Finished) -> None:
    text = CONFIG.read_text().replace("  kubernetes:\n", f"  kubernetes:\n    virtual_ip: {VIRTUAL_IP}\n")
    with configured(text) as config:
        audit = ("-m", "verify", "checks/kubernetes/api_address.py")
        with held(MASTER):
            assert run(*audit, config=config).red == set()
            with held("atlas01"):
                two = run(*audit, config=config)
        none = run(*audit, config=config)
    assert two.red == none.red == {("C15", "cluster", Verdict.FAIL)}
    assert "expected exactly one, found atlas02, atlas01" in two.output
    assert "expected exactly one, found none" in none.output
