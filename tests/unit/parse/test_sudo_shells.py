"""Which rules of sudo, without a password, are as good as a root shell."""

from __future__ import annotations

import pytest

from dlws.parse.host import sudo_shells, sudoers

HEAD = "User ops may run the following commands on atlas01:\n"
DEFAULTS = "Matching Defaults entries for ops on atlas01:\n    env_reset, {}\n\n"


def answer(*rules: str, defaults: str = "") -> bool | None:
    """What is said of an account with these rules."""
    head = DEFAULTS.format(defaults) + HEAD if defaults else HEAD
    return sudo_shells.opens_root_shell(sudoers.parse(head + "".join(f"    {rule}\n" for rule in rules)))


@pytest.mark.parametrize(
    "rule",
    [
        "(ALL) NOPASSWD: ALL",
        "(ALL) NOPASSWD: ALL, !/bin/su, !/bin/bash",
        "(ALL) NOPASSWD: /bin/bash",
        "(www-data, root) NOPASSWD: /bin/bash",
        "(root) PASSWD: /bin/ls, NOPASSWD: /usr/bin/python3.6",
        "(root) NOPASSWD: /usr/bin/",
        "(root) NOPASSWD: /bin/*",
        "(root) NOPASSWD: ^/usr/bin/.*$",
        '(root) NOPASSWD: /bin/bash ""',
        "(root) NOPASSWD: /bin/bash -c *",
        "(root) NOPASSWD: /bin/su - root",
        "(root) NOPASSWD: /usr/bin/vim /etc/nginx/*",
        "(root) NOPASSWD: sudoedit /etc/sudoers",
        "(root) SETENV: NOPASSWD: /opt/conda/bin/python",
        "(root) NOPASSWD: sha224:0GomF8mNN3wlDt1HD9XldjJ3SNgpFdbjO1+NsQ== /bin/sh",
        "(root) NOPASSWD: /usr/bin/tee",
        "(root) NOPASSWD: /bin/systemctl *",
        f"(ALL) NOPASSWD: ALL, {', '.join(f'!{path}' for path in sudo_shells._USUAL)}",
        "(root) NOPASSWD: /usr/bin/vim /etc/hosts",
        "(root) NOPASSWD: /usr/bin/less /var/log/syslog",
        "(root) NOPASSWD: /bin/bash -i",
        "(root) NOPASSWD: /bin/sh -l -p",
        "(root) NOPASSWD: /bin/bash --login",
        "(root) NOPASSWD: /usr/bin/sudo -i",
        "(root) NOPASSWD: /usr/bin/tee /etc/sudoers.d/ops",
        "(root) NOPASSWD: /usr/bin/tee /opt/*",
        "(root) NOPASSWD: /bin/cp /opt/site/* /data/",
        "(root) NOPASSWD: /usr/bin/apt-get install *",
    ],
)
def test_it_opens_a_root_shell(rule: str) -> None:
    assert answer(rule) is True


@pytest.mark.parametrize(
    "rule",
    [
        "(ALL) ALL",
        "(www-data) NOPASSWD: ALL",
        "(root) NOPASSWD: /usr/bin/npu-smi, /bin/dmesg",
        "(root) NOPASSWD: /bin/bash /opt/site/collect.sh",
        "(root) NOPASSWD: /bin/systemctl restart docker",
        "(root) NOPASSWD: /bin/systemctl restart *",
        "(root) NOPASSWD: /bin/su - dlws",
        "(root) NOPASSWD: sudoedit /etc/motd",
        "(root) NOPASSWD: /bin/sh -x /opt/site/collect.sh",
        "(root) NOPASSWD: /usr/bin/tee /etc/motd",
        "(root) NOPASSWD: /usr/bin/sudo -l",
        "(root) NOPASSWD: /usr/bin/apt-get update",
        "(root) NOPASSWD: /tmp/other",
        "(ALL) NOPASSWD: ALL, !ALL",
        "(root) NOPASSWD: /opt/*",
        "(root) NOPASSWD: ^([$",
        "(root) NOPASSWD: /bin/bash, !ALL",
    ],
)
def test_it_opens_none(rule: str) -> None:
    assert answer(rule) is False


def test_the_last_rule_that_matches_a_program_decides() -> None:
    assert answer("(root) NOPASSWD: /bin/bash", "(ALL) ALL") is False
    assert answer("(ALL) NOPASSWD: ALL", "(root) PASSWD: /bin/bash") is True
    assert answer("(root) NOPASSWD: /bin/bash", "(root) PASSWD: /bin/bash /opt/site/collect.sh") is True


def test_defaults_may_take_the_question_away() -> None:
    assert answer("(root) /bin/bash", defaults="!authenticate") is True
    assert answer("(root) PASSWD: /bin/bash", defaults="!authenticate") is False


def test_a_rule_for_a_group_or_a_time_is_a_doubt() -> None:
    assert answer("(%wheel) NOPASSWD: /bin/bash") is None
    assert answer("(root) NOTBEFORE=20260101000000Z NOPASSWD: /bin/bash") is None
