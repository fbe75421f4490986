"""Reading, writing and the managed block of a hosts file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlws.hostfiles import hosts_file
from dlws.hostfiles.hosts_file import BEGIN, END, HostsEntry, block, parse, render, with_block
from dlws.verdict import Unparsable

NAMES = {
    "192.168.3.2": ("atlas01.sigsus.cn", "atlas01", "atlas.sigsus.cn"),
    "192.168.3.6": ("atlas02.sigsus.cn", "atlas02"),
}
BLOCK = block(NAMES)
UBUNTU = "127.0.0.1\tlocalhost\n127.0.1.1\tatlas02.sigsus.cn atlas02\n\n# IPv6\n::1 ip6-localhost ip6-loopback\n"


def test_lines_are_read_as_the_c_library_reads_them() -> None:
    parsed = parse("\n# comment\n  192.168.3.2\tatlas01  atlas01.sigsus.cn # master\nfe80::1%lo0 link\n")
    assert parsed.entries == (
        HostsEntry(3, "192.168.3.2", ("atlas01", "atlas01.sigsus.cn")),
        HostsEntry(4, "fe80::1%lo0", ("link",)),
    )
    assert parsed.problems == ()


@pytest.mark.parametrize("line", ["192.168.3 atlas01", "atlas01 192.168.3.2", "192.168.3.2", "192.168.3.2 # atlas01"])
def test_a_line_that_is_none_is_a_problem_with_its_number(line: str) -> None:
    (problem,) = parse(f"127.0.0.1 localhost\n{line}\n").problems
    assert problem[0] == 2


def test_a_name_may_have_several_addresses() -> None:
    parsed = parse("192.168.3.2 a\n192.168.3.3 A\n::1 a\n")
    assert parsed.addresses_of("a") == ["192.168.3.2", "192.168.3.3"]


def test_what_is_rendered_is_read_back() -> None:
    assert {entry.address: entry.names for entry in parse(render(NAMES)).entries} == NAMES


def test_the_block_is_appended_and_the_rest_kept() -> None:
    assert with_block("127.0.0.1 localhost", BLOCK) == "127.0.0.1 localhost\n" + BLOCK


def test_an_older_block_is_replaced_where_it_stands() -> None:
    old = block({"192.168.3.9": ("atlas09",)})
    assert with_block(f"before\n{old}after\n", BLOCK) == f"before\n{BLOCK}after\n"


def test_of_two_blocks_one_is_left() -> None:
    assert with_block(f"a\n{BLOCK}b\n{BLOCK}c\n", BLOCK) == f"a\n{BLOCK}b\nc\n"


def test_the_loopback_line_of_the_own_name_is_removed() -> None:
    assert with_block(UBUNTU, BLOCK) == UBUNTU.replace("127.0.1.1\tatlas02.sigsus.cn atlas02\n", "") + BLOCK


def test_other_names_on_a_loopback_line_are_kept() -> None:
    assert with_block("127.0.0.1 localhost atlas02 # mine\n", BLOCK).startswith("127.0.0.1\tlocalhost # mine\n# BEGIN")


@pytest.mark.parametrize("text", [f"{BEGIN}\nx\n", f"x\n{END}\n", f"{BEGIN}\n{BEGIN}\n{END}\n"])
def test_a_marker_without_its_partner_is_not_guessed_at(text: str) -> None:
    with pytest.raises(Unparsable, match="without its partner"):
        with_block(text, BLOCK)


@given(st.text(alphabet=st.sampled_from("ab 1.#\n\t\r\x0b\u2028") | st.characters(codec="utf-8")))
def test_the_block_is_there_once_and_stays_as_it_is(text: str) -> None:
    once = with_block(text, BLOCK)
    assert once.count(BEGIN) == 1
    assert with_block(once, BLOCK) == once


@given(st.lists(st.sampled_from([*UBUNTU.splitlines(), "10.0.0.1 other", "", "# x", *BLOCK.splitlines()])))
def test_foreign_lines_are_kept_in_order(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    try:
        result = with_block(text, BLOCK)
    except Unparsable:
        return
    foreign = {"127.0.0.1\tlocalhost", "10.0.0.1 other", "", "# x", "# IPv6", "::1 ip6-localhost ip6-loopback"}
    outside = "".join(part.split(f"{END}\n")[-1] for part in text.split(f"{BEGIN}\n"))
    kept = [line for line in outside.splitlines() if line in foreign]
    assert [line for line in result.replace(BLOCK, "").splitlines() if line in foreign] == kept


def test_names_are_compared_without_case() -> None:
    assert hosts_file.parse("192.168.3.2 Atlas01\n").addresses_of("atlas01") == ["192.168.3.2"]
