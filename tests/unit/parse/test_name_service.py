"""resolv.conf and NetworkManager.conf: which lines count, and what an edit leaves alone."""

from __future__ import annotations

import pytest

from dlws.parse.network import network_manager, resolv_conf
from dlws.verdict import Unparsable

MANAGER = "[main]\nplugins=ifupdown\n dns = dnsmasq \n#dns=dnsmasq\ndns=dnsmasq2\nrc-dns=dnsmasq\n"


def test_dnsmasq_is_found_and_turned_off() -> None:
    off = network_manager.without_dnsmasq(MANAGER)
    assert off == MANAGER.replace(" dns = d", "# dns = d")
    assert network_manager.with_dnsmasq(f"== /a\n{off}") == ()


@pytest.mark.parametrize("line", ["dns=dnsmasq", " dns=dnsmasq", "dns =dnsmasq", "dns= dnsmasq", "dns=dnsmasq\t"])
def test_a_line_that_turns_dnsmasq_on_becomes_a_comment(line: str) -> None:
    assert network_manager.without_dnsmasq(f"[main]\n{line}\n") == f"[main]\n#{line}\n"
    assert network_manager.with_dnsmasq(f"== /a\n{line}\n") == ("/a",)


def test_only_the_section_main_is_about_it() -> None:
    assert network_manager.with_dnsmasq("== /a\n[x]\ndns=dnsmasq\n[main] y\ndns=dnsmasq\n") == ()
    assert network_manager.with_dnsmasq("== /a\n[x]\n[ main ]\ndns=dnsmasq\n") == ("/a",)
    with pytest.raises(Unparsable):
        network_manager.with_dnsmasq("[main]\ndns=dnsmasq\n")


def test_the_last_file_with_a_word_about_it_decides() -> None:
    on, other = "[main]\ndns=dnsmasq\n", "[main]\ndns=none\n"
    assert network_manager.with_dnsmasq(f"== /a\n{on}== /b\n[main]\n== /c\n{on}") == ("/a", "/c")
    assert network_manager.with_dnsmasq(f"== /a\n{on}== /b\n{other}") == ()
    assert network_manager.with_dnsmasq(f"== /a\n{other}== /b\n{on}") == ("/b",)


def test_the_last_search_wins_and_options_add_up() -> None:
    found = resolv_conf.parse(
        "domain a.cn b.cn\noptions edns0\n; a note\n# another\noptions rotate\nsortlist 10.0.0.0\n"
    )
    assert (found.search, found.options) == (("a.cn",), ("edns0", "rotate"))
    assert resolv_conf.parse("search a.cn b.cn\nsearch\n").search == ("a.cn", "b.cn")  # glibc passes over it


@pytest.mark.parametrize(
    "word", ["atlas01", "192.168.3.", "192.168.3.300", "192.168.3.1,", "192.168.3.1;", "192.168.3.1#a", "[::1]", "#"]
)
def test_a_name_server_is_an_address(word: str) -> None:
    found = resolv_conf.parse(f"nameserver {word} 10.0.0.2\nnameserver 10.0.0.1\n")
    assert (found.nameservers, found.unread) == (("10.0.0.1",), (f"line 1, no address: nameserver {word} 10.0.0.2",))
    with pytest.raises(Unparsable, match=r"resolv\.conf"):
        resolv_conf.written_servers(f"nameserver {word}\n")


@pytest.mark.parametrize("word", ["192.168.003.001", "192.168.3", "0x7f.1", "3232236289"])
def test_an_address_in_an_old_form_is_unknown(word: str) -> None:
    for read in (resolv_conf.parse, resolv_conf.written_servers):
        with pytest.raises(Unparsable, match="an old form of an address"):
            read(f"nameserver {word}\n")


def test_a_carriage_return_makes_no_server_of_what_is_none() -> None:
    found = resolv_conf.parse("nameserver 192.168.3.1, 192.168.3.2\r\nnameserver 10.0.0.1 x\r\n")
    assert found.nameservers == ("10.0.0.1",)


def test_an_address_of_ipv6_may_name_its_interface() -> None:
    assert resolv_conf.parse("nameserver fe80::1%eth0\n").nameservers == ("fe80::1%eth0",)


def test_a_line_names_one_server_and_every_setting_must_begin_it() -> None:
    found = resolv_conf.parse("nameserver 10.0.0.1 10.0.0.2\n sortlist 10.0.0.0\nnameserver 10.0.0.3 \r\n")
    assert (found.nameservers, found.unread) == (("10.0.0.1", "10.0.0.3"), ("line 2, indented: sortlist 10.0.0.0",))


def test_a_domain_and_a_server_are_added_once() -> None:
    once = resolv_conf.with_search("nameserver 10.0.0.1\nsearch a.cn\n\n", "b.cn", ["10.0.0.1", "10.0.0.2"])
    assert once == "nameserver 10.0.0.1\n\nnameserver 10.0.0.2\nsearch a.cn b.cn\n"
    assert resolv_conf.with_search(once, "b.cn", ["10.0.0.2"]) == once
    assert resolv_conf.with_search("search b.cn\nnameserver 10.0.0.1", "b.cn") == "search b.cn\nnameserver 10.0.0.1"
    assert resolv_conf.with_search("search a.cn\n", "b.cn") == "search a.cn b.cn\n"
    assert resolv_conf.with_search(once, "b.cn", ["10.0.0.3"]).endswith("nameserver 10.0.0.3\nsearch a.cn b.cn\n")
