"""nft: which base chains are a site's own, and which of their rules drop packets, or may."""

from __future__ import annotations

import pytest

from dlws.parse.network import nftables
from dlws.verdict import Unparsable

OWN = "kube-proxy calico cilium weave flannel flannel-ipv4 flannel-ipv6 f2b-table docker-bridges libvirt_network"
BASE = nftables.BaseChain("inet", "site", "pass", "accept")


def listed(hook: str, *, family: str = "inet", table: str = "site", chain: str = "pass", more: str = "") -> list[str]:
    """The base chains of `nft list chains`, as text."""
    rows = f"{more}table {family} {table} {{\n\tchain {chain} {{\n\t\ttype filter hook {hook} priority 0;\n\t}}\n}}\n"
    found = nftables.base_chains(rows, nftables.INCOMING | nftables.PASSING, nftables.OF_IPTABLES)
    assert all(one.policy == "accept" for one in found)
    return [str(one) for one in found]


def closing(*rules: str, more: str = "") -> tuple[list[str], list[str]]:
    lines = "".join(f"\t\t{rule}\n" for rule in ("type filter hook forward priority 0; policy accept;", *rules))
    return nftables.closing(f"table inet site {{\n\tchain pass {{\n{lines}\t}}\n{more}}}\n", BASE)


@pytest.mark.parametrize("hook", sorted(nftables.INCOMING | nftables.PASSING))
def test_each_hook_of_packets_is_read(hook: str) -> None:
    assert listed(hook) == ["inet site pass"]
    assert listed(f"{hook}x") == []


@pytest.mark.parametrize(
    ("family", "is_read"), [("ip", True), ("inet", True), ("netdev", True), ("bridge", True), ("ip6", False)]
)
def test_packets_of_ipv4_pass_some_families(family: str, *, is_read: bool) -> None:
    assert listed("forward", family=family) == ([f"{family} site pass"] if is_read else [])


@pytest.mark.parametrize(
    ("table", "chains"),
    [
        ("filter", "INPUT FORWARD OUTPUT"),
        ("mangle", "PREROUTING INPUT FORWARD OUTPUT POSTROUTING"),
        ("nat", "PREROUTING INPUT OUTPUT POSTROUTING"),
        ("raw", "PREROUTING OUTPUT"),
        ("security", "INPUT FORWARD OUTPUT"),
    ],
)
def test_chains_of_iptables_are_left_to_it(table: str, chains: str) -> None:
    for chain in chains.split():
        assert listed("forward", family="ip", table=table, chain=chain) == []
        assert listed("forward", table=table, chain=chain) == [f"inet {table} {chain}"]


@pytest.mark.parametrize(("table", "chain"), [("firewall", "INPUT"), ("filter", "PREROUTING"), ("nat", "FORWARD")])
def test_iptables_shows_no_chain_of_another_table(table: str, chain: str) -> None:
    assert listed("forward", family="ip", table=table, chain=chain) == [f"ip {table} {chain}"]


def test_a_legacy_iptables_shows_nothing_of_nft() -> None:
    rows = "table ip filter {\n\tchain INPUT {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n}\n"
    [chain] = nftables.base_chains(rows, nftables.INCOMING, shown=())
    assert (str(chain), chain.policy) == ("ip filter INPUT", "drop")


@pytest.mark.parametrize("table", OWN.split())
def test_tables_of_the_clusters_software_are_its_own(table: str) -> None:
    assert listed("forward", table=table) == []
    assert listed("forward", table=f"my-{table}") == [f"inet my-{table} pass"]
    assert listed("forward", table=f"{table}-fw") == [f"inet {table}-fw pass"]


@pytest.mark.parametrize("more", ["# Warning: table ip nat is managed by iptables-nft\n", ""])
def test_a_comment_before_the_first_table_is_passed_over(more: str) -> None:
    assert listed("forward", more=more) == ["inet site pass"]


@pytest.mark.parametrize("more", ["Error: no\n", "chain x\n", "table inet\n", "# table inet x {\nx\n"])
def test_anything_else_there_is_not_understood(more: str) -> None:
    with pytest.raises(Unparsable, match="nft list chains"):
        listed("forward", more=more)


@pytest.mark.parametrize(
    "rule", ['log prefix "x drop " counter', 'tcp dport 1 accept comment "no drop"', 'counter comment "jump x"']
)
def test_what_is_quoted_decides_nothing(rule: str) -> None:
    assert closing(rule) == ([], [])


def test_a_comment_accepts_nothing() -> None:
    text = 'table inet site {\n\tchain pass {\n\t\tcounter comment "accept"\n\t}\n}\n'
    assert not nftables.accepts_some(text, BASE)


@pytest.mark.parametrize(
    "rule",
    [
        "drop",
        "reject",
        "counter packets 1 bytes 2 drop",
        'log prefix "x" level warn drop',
        'log prefix "" drop comment "x"',
    ],
)
def test_a_rule_without_a_condition_drops_all(rule: str) -> None:
    assert closing(rule, "tcp dport 1 drop") == ([rule], [])
    assert closing("accept", rule) == ([], [])
    assert closing("tcp dport 1 accept", rule) == ([rule], [])


@pytest.mark.parametrize(
    "rule",
    [
        "tcp dport 22 drop",
        "udp dport 1 reject",
        "ip saddr 10.0.0.1 queue to 1",
        "x vmap { a : drop }",
        "ct state invalid,new drop",
    ],
)
def test_one_with_a_condition_is_a_doubt(rule: str) -> None:
    assert closing(rule, "drop") == (["drop"], [rule])


@pytest.mark.parametrize(
    "rule",
    [
        "counter",
        "ct state invalid drop",
        "ct state invalid counter drop",
        "tcp dport 1 dropped",
        "ip saddr @backdrop accept",
        "ip saddr @site_vmap @th,16,16 6443 accept",
        'comment "what they drop"',
        "# drop",
    ],
)
def test_one_that_drops_what_belongs_to_nothing_is_none(rule: str) -> None:
    assert closing(rule) == ([], [])


@pytest.mark.parametrize("verb", ["jump", "goto"])
def test_a_chain_that_a_rule_leads_to_is_a_doubt(verb: str) -> None:
    more = "\tchain a {\n\t\ttcp dport 1 jump b\n\t\tdrop\n\t}\n\tchain b {\n\t\tjump a\n\t\treject\n\t}\n"
    assert closing(f"tcp dport 80 {verb} a", more=more) == ([], ["drop", "reject"])
    assert closing(f"tcp dport 80 {verb}er a", more=more) == ([], [])


def test_only_the_clusters_own_chains_keep_nothing_out() -> None:
    more = "\tchain {} {{\n\t\tdrop\n\t}}\n"
    assert closing("tcp dport 80 jump DOCKER", more=more.format("DOCKER")) == ([], [])
    assert closing("tcp dport 80 jump DOCKERS", more=more.format("DOCKERS")) == ([], ["drop"])


@pytest.mark.parametrize("words", ["chain other {", "map other {", "type filter hook forward priority 1; policy drop;"])
def test_what_a_comment_says_is_no_line_of_its_own(words: str) -> None:
    text = f'\t\tcomment "{words}"\n\t\ttype filter hook forward priority 0; policy accept;\n\t\tdrop\n'
    table = f"table inet site {{\n\tchain pass {{\n{text}\t}}\n}}\n"
    assert nftables.base_chains(table, nftables.PASSING) == (BASE,)
    assert nftables.closing(table, BASE) == (["drop"], [])


@pytest.mark.parametrize(
    ("elements", "doubts"),
    [
        ("6443 : drop, 80 : accept", ["tcp dport vmap elements = { 6443 : drop, 80 : accept }"]),
        ("6443 : jump closed", ["drop"]),
        ("6443 : jump KUBE-FIREWALL, 80 : accept", []),
    ],
)
def test_a_map_of_verdicts_counts_where_a_rule_asks_it(elements: str, doubts: list[str]) -> None:
    more = f"\tmap m {{\n\t\ttype inet_service : verdict\n\t\telements = {{ {elements} }}\n\t}}\n"
    more += "\tchain closed {\n\t\tdrop\n\t}\n\tchain KUBE-FIREWALL {\n\t\tdrop\n\t}\n"
    assert closing("tcp dport vmap @m", more=more) == ([], doubts)


def test_a_map_that_is_not_there_is_a_doubt() -> None:
    assert closing("tcp dport vmap @gone") == ([], ["tcp dport vmap @gone"])


def test_what_follows_a_chain_is_no_rule_of_it() -> None:
    assert closing("counter", more="\tmap m {\n\t\telements = { 10.0.0.1 : drop }\n\t}\n") == ([], [])


@pytest.mark.parametrize(
    ("rules", "accepts"),
    [
        (["counter", "ct state established accept"], True),
        (["tcp dport 1 jump a"], True),
        (["ip saddr @longjump drop", "ip saddr @accepted drop"], False),
    ],
)
def test_a_chain_that_drops_the_rest_may_accept_some(rules: list[str], *, accepts: bool) -> None:
    text = "".join(f"\t\t{rule}\n" for rule in ("type filter hook forward priority 0; policy drop;", *rules))
    table = f"table inet site {{\n\tchain pass {{\n{text}\t}}\n}}\n"
    assert nftables.accepts_some(table, BASE) is accepts
    [base] = nftables.base_chains(table, nftables.PASSING)
    assert base.policy == "drop"


def test_a_table_without_the_chain_is_not_understood() -> None:
    with pytest.raises(Unparsable, match="nft list table"):
        nftables.closing("table inet site {\n}\n", BASE)
