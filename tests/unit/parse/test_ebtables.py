"""Frames that legacy ebtables drops."""

from __future__ import annotations

import pytest

from dlws.parse.network import ebtables
from dlws.verdict import Unparsable

TABLE = "Bridge table: filter\n\n"


def chain(name: str, *rules: str, policy: str = "ACCEPT") -> str:
    return f"Bridge chain: {name}, entries: {len(rules)}, policy: {policy}\n" + "".join(f"{r}\n" for r in rules) + "\n"


@pytest.mark.parametrize(
    ("forward", "closed", "doubts"),
    [
        (chain("FORWARD"), [], []),
        (chain("FORWARD", policy="DROP"), ["ebtables FORWARD policy DROP"], []),
        (chain("FORWARD", "-p IPv4 -j ACCEPT ", policy="DROP"), [], ["ebtables FORWARD policy DROP"]),
        (chain("FORWARD", "-j DROP "), ["ebtables FORWARD: -j DROP"], []),
        (chain("FORWARD", "-j ACCEPT ", "-j DROP "), [], []),
        (chain("FORWARD", "-p IPv4 -i veth1 -j DROP "), [], ["ebtables FORWARD: -p IPv4 -i veth1 -j DROP"]),
        (chain("FORWARD", "-j SITE ") + chain("SITE", "-j DROP ", policy="RETURN"), [], ["ebtables FORWARD: -j DROP"]),
        (chain("OUTPUT", "-j KUBE-DEDUP ") + chain("KUBE-DEDUP", "-p IPv4 -o veth+ -j DROP ", policy="RETURN"), [], []),
        (chain("FORWARD", "-j SITE ") + chain("SITE", "-j SITE ", policy="RETURN"), [], []),
    ],
)
def test_what_drops_frames(forward: str, closed: list[str], doubts: list[str]) -> None:
    assert ebtables.drops(f"{TABLE}{chain('INPUT')}{forward}") == (closed, doubts)


@pytest.mark.parametrize("base", ["INPUT", "FORWARD", "OUTPUT"])
def test_each_chain_of_the_kernel_is_judged(base: str) -> None:
    assert ebtables.drops(f"{TABLE}{chain(base, policy='DROP')}") == ([f"ebtables {base} policy DROP"], [])


def test_chains_of_libvirt_are_its_own_affair() -> None:
    links = chain("FORWARD", "-j libvirt-O-vnet0 "), chain("libvirt-O-vnet0", "-j DROP ", policy="RETURN")
    assert ebtables.drops(f"{TABLE}{''.join(links)}") == ([], [])


def test_what_accepts_some_frames_leaves_the_others_to_the_rules_behind() -> None:
    rules = "-p IPv4 -j ACCEPT ", "-p ARP -j DROP "
    assert ebtables.drops(f"{TABLE}{chain('FORWARD', *rules)}") == ([], ["ebtables FORWARD: -p ARP -j DROP"])


def test_only_what_may_accept_opens_a_chain_that_drops() -> None:
    closed = chain("INPUT", "-p ARP -j CONTINUE ", policy="DROP"), chain("FORWARD", "-p ARP -j DROP ", policy="DROP")
    open_ = chain("OUTPUT", "-j DROPS ", policy="DROP"), chain("DROPS", policy="RETURN")
    assert ebtables.drops(f"{TABLE}{''.join([*closed, *open_])}") == (
        ["ebtables INPUT policy DROP", "ebtables FORWARD policy DROP"],
        ["ebtables FORWARD: -p ARP -j DROP", "ebtables OUTPUT policy DROP"],
    )


def test_no_table_drops_nothing() -> None:
    assert ebtables.drops("") == ([], [])


@pytest.mark.parametrize(
    "text",
    [
        TABLE,
        "The kernel doesn't support the ebtables 'filter' table.\n",
        f"{TABLE}{chain('FORWARD')}Killed\n",
        f"{TABLE}{chain('FORWARD')}Bridge table: nat, cut off\n",
        f"{TABLE}{chain('FORWARD')}Bridge chain: OUTPUT, entries: 0, policy: ACCEPT or so\n",
    ],
)
def test_what_is_not_understood(text: str) -> None:
    with pytest.raises(Unparsable, match="ebtables -L"):
        ebtables.drops(text)


def test_chains_that_lead_twice_to_the_next_are_read_once() -> None:
    links = (chain(f"C{at}", f"-j C{at + 1} ", f"-p IPv4 -j C{at + 1} ", policy="RETURN") for at in range(60))
    text = f"{TABLE}{chain('FORWARD', '-j C0 ')}{''.join(links)}{chain('C60', '-j DROP ', policy='RETURN')}"
    assert ebtables.drops(text) == ([], ["ebtables FORWARD: -j DROP"])
