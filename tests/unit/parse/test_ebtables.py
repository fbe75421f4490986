"""Frames that legacy ebtables drops."""

from __future__ import annotations

import pytest

from dlws.parse.network import ebtables
from dlws.verdict import Unparsable

TABLE = "Bridge table: filter\n\n"


def chain(name: str, *rules: str, policy: str = "ACCEPT") -> str:
    return f"Bridge chain: {name}, entries: {len(rules)}, policy: {policy}\n" + "".join(f"{r}\n" for r in rules) + "\n"


ALL = "ebtables filter FORWARD: -j DROP"
SOME = "-p IPv4 -i veth1 -j DROP "


@pytest.mark.parametrize(
    ("forward", "closed", "doubts"),
    [
        (chain("FORWARD"), [], []),
        (chain("FORWARD", policy="DROP"), ["ebtables filter FORWARD: policy DROP of FORWARD"], []),
        (
            chain("FORWARD", "-p IPv4 -j ACCEPT ", policy="DROP"),
            [],
            ["ebtables filter FORWARD: policy DROP of FORWARD"],
        ),
        (chain("FORWARD", "-j DROP "), [ALL], []),
        (chain("FORWARD", "-j ACCEPT ", "-j DROP "), [], []),
        (chain("FORWARD", "-p IPv4 -j ACCEPT ", "-j DROP "), [], [ALL]),
        (chain("FORWARD", "-p IPv4 -j ACCEPT ", "-p ARP -j CONTINUE ", "-j DROP "), [], [ALL]),
        (chain("FORWARD", SOME), [], [f"ebtables filter FORWARD: {SOME.strip()}"]),
        (chain("FORWARD", "-p IPv6 -j DROP "), [], []),
        (chain("FORWARD", "-p IPv6 -j ACCEPT ", "-j DROP "), [ALL], []),
        (
            chain("FORWARD", '--log-level notice --log-prefix "x -j ACCEPT " --log-ip -j DROP '),
            [f'{ALL[:-7]}--log-level notice --log-prefix "x -j ACCEPT " --log-ip -j DROP'],
            [],
        ),
        (chain("FORWARD", '--log-level notice --log-prefix "x -j DROP " -j CONTINUE '), [], []),
        (chain("FORWARD", "-p ARP -j arpreply --arpreply-mac 10:11:12:13:14:15 "), [], []),
        (chain("FORWARD", "-p IPv4 -j redirect ", "-j DROP "), [], [ALL]),
        (chain("FORWARD", "--nflog-group 1 -j DROP "), [f"{ALL[:-7]}--nflog-group 1 -j DROP"], []),
        (chain("FORWARD", "--ulog-nlgroup 1 -j DROP "), [f"{ALL[:-7]}--ulog-nlgroup 1 -j DROP"], []),
        (chain("FORWARD", "--log-ip -i veth1 -j DROP "), [], [f"{ALL[:-7]}--log-ip -i veth1 -j DROP"]),
        (chain("FORWARD", "-p LENGTH -j DROP ", "-p 0x86DD -j DROP ", "-p 0x86dd -j DROP "), [], []),
    ],
)
def test_what_drops_frames(forward: str, closed: list[str], doubts: list[str]) -> None:
    assert ebtables.drops(f"{TABLE}{chain('INPUT')}{forward}") == (closed, doubts)


def test_a_mark_may_drop_as_well() -> None:
    rule = "-p IPv4 -j mark --mark-set 0x1 --mark-target {}"
    assert ebtables.drops(TABLE + chain("FORWARD", rule.format("ACCEPT"))) == ([], [])
    assert ebtables.drops(TABLE + chain("FORWARD", rule.format("DROP")))[1] == [f"{ALL[:-7]}{rule.format('DROP')}"]


@pytest.mark.parametrize(
    ("forward", "site", "closed", "doubts"),
    [
        (["-j SITE "], chain("SITE", "-j DROP ", policy="RETURN"), [ALL], []),
        (["-j SITE "], chain("SITE", policy="DROP"), ["ebtables filter FORWARD: policy DROP of SITE"], []),
        (["-i veth1 -j SITE "], chain("SITE", policy="DROP"), [], ["ebtables filter FORWARD: policy DROP of SITE"]),
        (["-j SITE ", "-j DROP "], chain("SITE"), [], []),  # its policy accepts what no rule of it is for
        (["-j SITE ", "-j DROP "], chain("SITE", "-j ACCEPT ", policy="RETURN"), [], []),
        (["-i veth1 -j SITE ", "-j DROP "], chain("SITE"), [], [ALL]),
        (["-j SITE ", "-j DROP "], chain("SITE", "-j RETURN ", "-j ACCEPT "), [ALL], []),
        (["-j SITE "], chain("SITE", "-j SITE ", policy="RETURN"), [], []),
        (["-j KUBE-DEDUP "], chain("KUBE-DEDUP", "-p IPv4 -o veth+ -j DROP ", policy="RETURN"), [], []),
        (["-j KUBE-DEDUP ", "-j DROP "], chain("KUBE-DEDUP", policy="RETURN"), [ALL], []),
        (["-j KUBE-DEDUP ", "-j DROP "], chain("KUBE-DEDUP"), [], []),
        (["-j SITE ", SOME], chain("SITE", "-j DROP "), [ALL], []),
        (["-i veth1 -j SITE ", "-j SITE "], chain("SITE", "-j DROP "), [ALL], []),  # for some, then for all
        (["-i veth1 -j SITE ", "-j SITE "], chain("SITE", "-j NEXT ") + chain("NEXT", "-j DROP "), [ALL], []),
        (["-i veth1 -j SITE "], chain("SITE", "-j NEXT ") + chain("NEXT", "-j DROP "), [], [ALL]),
    ],
)
def test_chains_of_ones_own(forward: list[str], site: str, closed: list[str], doubts: list[str]) -> None:
    assert ebtables.drops(TABLE + chain("FORWARD", *forward) + site) == (closed, doubts)


def test_tables_have_chains_of_the_same_name() -> None:
    nat = "Bridge table: nat\n\n" + chain("OUTPUT", "-j DROP ")
    assert ebtables.drops(TABLE + chain("OUTPUT") + nat) == (["ebtables nat OUTPUT: -j DROP"], [])


@pytest.mark.parametrize("base", ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"])
def test_each_chain_of_the_kernel_is_judged(base: str) -> None:
    found = ebtables.drops(f"{TABLE}{chain(base, policy='DROP')}")
    assert found == ([f"ebtables filter {base}: policy DROP of {base}"], [])


def test_chains_of_libvirt_are_its_own_affair() -> None:
    links = chain("FORWARD", "-j libvirt-O-vnet0 "), chain("libvirt-O-vnet0", "-j DROP ", policy="RETURN")
    assert ebtables.drops(f"{TABLE}{''.join(links)}") == ([], [])


def test_no_table_drops_nothing() -> None:
    assert ebtables.drops("") == ([], [])


@pytest.mark.parametrize(
    "text",
    [
        TABLE,
        chain("FORWARD"),
        TABLE + chain("FORWARD", "-j GONE "),
        TABLE + chain("FORWARD", "-p IPv4"),
        TABLE + chain("FORWARD", "-p IPv4 -j"),
        f"{TABLE}{chain('FORWARD')}Bridge table: nat, cut off\n\n{chain('OUTPUT')}",
        f"{TABLE}{chain('FORWARD')}Sorry -j DROP\n",
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
    links = (chain(f"C{at}", f"-j C{at + 1} ", f"-p IPv4 -j C{at + 1} ", policy="RETURN") for at in range(5000))
    text = f"{TABLE}{chain('FORWARD', '-j C0 ')}{''.join(links)}{chain('C5000', '-j DROP ', policy='RETURN')}"
    assert ebtables.drops(text) == ([ALL], [])
