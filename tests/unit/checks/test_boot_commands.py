"""Commands at boot: the files of a host are asked about by the names that the host gives them."""

from __future__ import annotations

import shlex

from dlws.facts.boot_commands import boot_commands_that
from dlws.remote.host import Host
from tests.kits.scripted import Scripted

NAME = "x; touch owned #.service"


def test_a_file_s_name_is_one_word_of_the_next_command() -> None:
    files = f"== /etc/systemd/system/{NAME}\nExecStart=/sbin/swapon /swap.img\n"
    link = Scripted("atlas01", {"for f in": (0, files, ""), "list-unit-files": (1, "", "")})
    assert len(boot_commands_that(Host(link), lambda command: command.turns_swap_on)) == 1
    assert shlex.split(link.asked[-1])[-1] == NAME
