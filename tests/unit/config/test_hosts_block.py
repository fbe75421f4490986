"""The hosts file that the suite itself has written never contradicts a configuration that was changed afterwards."""

from __future__ import annotations

from dlws.hostfiles import hosts_file

BLOCK = hosts_file.block({"192.168.3.2": ["atlas02.sigsus.cn", "atlas02"]})


def test_lines_outside_the_block_keep_their_numbers() -> None:
    text = f"127.0.0.1 localhost\n{BLOCK}192.168.3.9 other\n"
    assert hosts_file.parse(hosts_file.without_block(text)).entries[-1].line == 5


def test_the_block_speaks_for_nobody() -> None:
    assert hosts_file.parse(hosts_file.without_block(BLOCK)).entries == ()
