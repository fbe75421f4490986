"""The hosts of `--hosts`: addresses and ranges."""

from __future__ import annotations

import pytest

from dlws.init.listing import MOST, BadList, from_option


@pytest.mark.parametrize(
    ("text", "last_bytes"),
    [
        ("192.168.3.2", [2]),
        ("192.168.3.2-5", [2, 3, 4, 5]),
        ("192.168.3.2 - 192.168.3.4", [2, 3, 4]),
        (" 192.168.3.9 ,192.168.3.2-3,", [9, 2, 3]),
        ("192.168.3.2~3\n192.168.3.7", [2, 3, 7]),
    ],
)
def test_ranges_and_addresses_are_hosts_in_the_order_given(text: str, last_bytes: list[int]) -> None:
    assert [host.address for host in from_option(text)] == [f"192.168.3.{n}" for n in last_bytes]


def test_a_range_may_leave_its_last_byte() -> None:
    assert [host.address for host in from_option("10.1.0.254-10.1.1.1")] == [
        "10.1.0.254",
        "10.1.0.255",
        "10.1.1.0",
        "10.1.1.1",
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no host is named"),
        ("192.168.3.9-2", "is empty"),
        ("192.168.3.2-300", "is no IPv4 address"),
        ("192.168.3", "is no IPv4 address"),
        ("atlas01", "is no IPv4 address"),
        ("192.168.3.2-4,192.168.3.3", "192.168.3.3 is named twice"),
        ("10.0.0.1-10.255.0.1", f"more than {MOST} addresses"),
        ("127.0.0.1", "every host's own loopback"),
        ("192.168.3.2;reboot", "is no IPv4 address"),
    ],
)
def test_a_list_that_is_none_says_why_and_how(text: str, why: str) -> None:
    with pytest.raises(BadList, match=why) as caught:
        from_option(text)
    assert str(caught.value).endswith(")")
