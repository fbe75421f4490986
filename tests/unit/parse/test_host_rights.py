"""Who may become root without a password, and what sudo lets start, where the listing is crooked (sudo 1.8 and 1.9)."""

from __future__ import annotations

import pytest

from dlws.parse.host import sudoers
from dlws.verdict import Unparsable

HEAD = "User a may run the following commands on b:\n"


def listed(*rules: str, defaults: str = "") -> sudoers.Rights:
    head = f"Matching Defaults entries for a on b:\n    {defaults}\n\n" if defaults else ""
    return sudoers.parse(head + HEAD + "".join(f"    {rule}\n" for rule in rules))


@pytest.mark.parametrize(
    ("rules", "is_free"),
    [
        (["(ALL) NOPASSWD: ALL", "(%adm) NOPASSWD: ALL"], True),
        (["(root, %adm) NOPASSWD: ALL"], True),
        (["(%#0) NOPASSWD: ALL"], True),
        (["(+admins) NOPASSWD: ALL"], None),
        (["(ALL) NOTBEFORE=20200101000000Z NOPASSWD: ALL"], None),
        (["(ALL) NOPASSWD: !ALL"], False),
        (["(ALL) /bin/echo NOPASSWD: x, ALL"], False),
    ],
)
def test_the_last_rule_for_root_and_everything_decides(rules: list[str], is_free: bool | None) -> None:
    assert listed(*rules).is_root_without_password is is_free


def test_a_message_that_reads_like_a_setting_is_none() -> None:
    words = 'x\n\nRunas and Command-specific defaults for a:\n    Defaults!/bin/id badpass_message="{}"'
    quoted = words.format("see Defaults>root !authenticate")
    assert listed("(ALL) ALL", defaults=quoted).is_root_without_password is False


@pytest.mark.parametrize(
    ("rules", "defaults", "forbids"),
    [
        (["(ALL) NOEXEC: ALL"], "", True),
        (["(ALL) NOEXEC: NOPASSWD: ALL"], "", True),
        (["(%adm) NOEXEC: ALL"], "", True),
        (["(ALL) NOEXEC: ALL", "(ALL) /bin/ls"], "", True),
        (["(ALL) ALL"], "noexec", True),
        (["(ALL) /bin/ls"], "noexec", True),
        (["(ALL) ALL"], "!noexec", False),
        (["(ALL) ALL"], "", False),
        (["(ALL) EXEC: ALL"], "noexec", False),
        (["(ALL) NOEXEC: /bin/ls, EXEC: ALL"], "", False),
        (["(ALL) NOEXEC: /bin/ls"], "", False),
        (["(ALL) NOEXEC: ALL", "(ALL) EXEC: ALL"], "", False),
        (["(ALL) NOEXEC: ALL", "(ALL) ALL"], "", False),
        (["(daemon) NOEXEC: ALL"], "", False),
        (["(ALL) /bin/echo NOEXEC: x, ALL"], "", False),
    ],
)
def test_noexec_counts_where_it_stands_last(rules: list[str], defaults: str, forbids: bool) -> None:
    assert listed(*rules, defaults=defaults).forbids_programs is forbids


def test_blanks_within_a_command_join_no_rules() -> None:
    assert len(listed("(ALL) NOPASSWD: ALL", "(root) /bin/echo a      b").rules) == 2


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "        /bin/b\n",
        HEAD.replace(":", ": none") + "    (ALL) ALL\n",
        f"x {HEAD}    (ALL) ALL\n",
        "User a is not allowed to run sudo on b. x\n",
        "x User a is not allowed to run sudo on b.\n",
        HEAD + "    () ALL\n",
        HEAD + "    (ALL) : ALL\n"[:10],
    ],
)
def test_a_listing_with_a_doubt_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        sudoers.parse(text)
