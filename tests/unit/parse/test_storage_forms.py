"""fstab, exports, RAID, SMART, resolv.conf: the forms that systems differ in, and what no reader takes for a value."""

from __future__ import annotations

import pytest

from dlws.parse.network import bonding, firewall, ip_route, resolv_conf, sockets
from dlws.parse.storage import df, fstab, mdstat, mounts, smart
from dlws.verdict import Unparsable


@pytest.mark.parametrize(
    ("options", "at_boot"),
    [("defaults", True), ("rw,noauto", False), ("noauto,x-systemd.automount", True), ("x-systemd.automount", True)],
)
def test_a_mount_comes_at_boot_or_on_access(options: str, at_boot: bool) -> None:
    (entry,) = fstab.parse(f"a:/b /c/ nfs {options} 0 0\n")
    assert (entry.mountpoint, entry.comes_at_boot) == ("/c", at_boot)


@pytest.mark.parametrize(
    ("written", "point"),
    [
        ("/var/run/a", "/run/a"),
        ("/var/run", "/run"),
        ("/var/lock/", "/run/lock"),
        ("/var/running", "/var/running"),
        ("/srv/root/var/run/a", "/srv/root/var/run/a"),
    ],
)
def test_what_is_mounted_behind_debian_s_links_is_where_they_lead(written: str, point: str) -> None:
    assert [entry.mountpoint for entry in fstab.parse(f"tmpfs {written} tmpfs\n")] == [point]


def test_an_entry_needs_three_fields() -> None:
    (entry,) = fstab.parse("a:/b / nfs\n")
    assert (entry.mountpoint, entry.options) == ("/", ("defaults",))
    with pytest.raises(Unparsable, match="line 2"):
        fstab.parse("\na:/b /c\n")


def test_every_swap_line_names_its_area_also_behind_a_hash() -> None:
    commented = "# /swap\\040file none swap sw\n#/dev/sdb2 none swap\nswap /x ext4\n# swap is off\n# no swap\n"
    text = f"/dev/sda2\tnone  swap sw 0 0\n{commented}"
    assert fstab.swap_specs(text) == ("/dev/sda2", "/swap file", "/dev/sdb2")


WANTED = "a:/b /c nfs rw 0 0"


@pytest.mark.parametrize(
    ("text", "then"),
    [
        ("", f"{WANTED}\n"),
        ("x:/y /z nfs rw 0 0", f"x:/y /z nfs rw 0 0\n{WANTED}\n"),
        ("\nx:/y /z nfs rw 0 0\n", f"\nx:/y /z nfs rw 0 0\n{WANTED}\n"),
        ("x:/y /c nfs rw 0 0\n", f"#x:/y /c nfs rw 0 0\n{WANTED}\n"),
        (f"x:/y /c nfs rw 0 0\n{WANTED}\n", f"#x:/y /c nfs rw 0 0\n{WANTED}\n"),
        (f"{WANTED}\n", f"{WANTED}\n"),
    ],
)
def test_a_mount_point_has_one_active_line(text: str, then: str) -> None:
    assert fstab.with_mount(text, WANTED) == then
    assert [entry.spec for entry in fstab.mounts_on(then, "/c")] == ["a:/b"]


def test_only_a_container_that_is_inactive_is_left_out() -> None:
    text = "Personalities : [raid1]\nmd0 : active raid1 sda[1] sdb[0]\n      5288 blocks super external:imsm\n"
    assert [array.name for array in mdstat.parse(text)] == ["md0"]
    assert mdstat.parse("Personalities : \n      5288 blocks super external:imsm\nunused devices: <none>\n") == ()


def test_a_host_has_mounts() -> None:
    with pytest.raises(Unparsable, match="no output"):
        mounts.parse("\n")


@pytest.mark.parametrize(
    "said",
    [
        "Device does not support SMART",
        "Operation not supported",
        "bad response to IEC mode page",
        "Read Device Identity failed: Invalid argument",
        "SMART Disabled. Use option -s with argument 'on' to enable it.",
        "SMART support is: Disabled",
    ],
)
def test_a_disk_without_smart_has_no_state(said: str) -> None:
    assert smart.parse(f"== /dev/sda\n{said}\n== rc 4\n") == {"/dev/sda": ""}


@pytest.mark.parametrize("unit", ["1-块", "1的块", "1块", "1B-blocks", "1-blocks"])
def test_df_counts_bytes_in_the_words_of_its_language(unit: str) -> None:
    assert df.parse(f"x {unit} y z\n/dev/vda 9 4 5 44% /\n")[0].size == 9


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        ("\ufeffsearch a.cn\n", ("line 1, behind a byte-order mark: \ufeffsearch a.cn",)),
        ("\n search a.cn\n", ("line 2, indented: search a.cn",)),
        ("\tsearch a.cn\n", ("line 1, indented: search a.cn",)),
        (" # a note\n", ()),
        ("search a.cn \r\n", ()),
        ("lookup a.cn\n", ()),
        ("sortlist\n", ()),
    ],
)
def test_what_glibc_passes_over_is_said(text: str, unread: tuple[str, ...]) -> None:
    assert resolv_conf.parse(text).unread == unread


def test_a_carriage_return_spoils_the_last_value_alone() -> None:
    found = resolv_conf.parse("search a.cn b.cn\r\noptions edns0 rotate\r\nnameserver 10.0.0.1 \r\n")
    assert (found.search, found.options, found.nameservers) == (("a.cn",), ("edns0",), ("10.0.0.1",))
    assert [line.partition(",")[0] for line in found.unread] == ["line 1", "line 2"]


def test_the_kubelet_reads_indented_servers_too() -> None:
    text = "nameserver\n  nameserver 10.0.0.1 10.0.0.2\nsearch 10.0.0.3\n"
    assert resolv_conf.written_servers(text) == ("10.0.0.1",)
    assert resolv_conf.parse("nameserver 10.0.0.1 10.0.0.2\ndomain a.cn b.cn\n").search == ("a.cn",)


BOND = """\
== /proc/net/bonding/bond0
Bonding Mode: IEEE 802.3ad Dynamic link aggregation
MII Status: up
{active}Slave Interface: eth1
MII Status: up
Aggregator ID: 2
{churn}"""


@pytest.mark.parametrize(
    ("active", "churn", "troubles"),
    [
        ("", "", ()),
        ("Aggregator ID: 2\n", "Actor Churn State: none\n", ()),
        ("Aggregator ID: 1\n", "", ("bond0: eth1 in aggregator 2, not in the active 1",)),
        ("", "Actor Churn State: churned\n", ("bond0: eth1 churned",)),
        ("", "Partner Churn State: churned\n", ("bond0: eth1 churned",)),
    ],
)
def test_a_member_of_a_bond_carries_traffic_or_says_why_not(active: str, churn: str, troubles: tuple[str, ...]) -> None:
    assert bonding.down(BOND.format(active=active, churn=churn)) == troubles


@pytest.mark.parametrize("line", ["-A INPUT", "-P ", "-N ", "-X INPUT -j DROP", "INPUT #"])
def test_a_rule_names_a_chain_and_what_is_done(line: str) -> None:
    assert firewall.iptables_chains("-P INPUT ACCEPT\n# Warning: x\n-A INPUT -j DROP\n") == {"INPUT": ("-j DROP",)}
    with pytest.raises(Unparsable):
        firewall.iptables_chains(f"-P INPUT ACCEPT\n{line}\n")


def test_a_route_may_be_of_one_word() -> None:
    assert [str(route.network) for route in ip_route.routes("default\nblackhole 10.0.0.0/8\n")] == [
        "0.0.0.0/0",
        "10.0.0.0/8",
    ]


def test_what_listens_has_a_port() -> None:
    with pytest.raises(Unparsable):
        sockets.parse("udp UNCONN 0 0 0.0.0.0:* 0.0.0.0:*\n")
