"""Answers that somebody pasted: a shell session, or YAML."""

from __future__ import annotations

import pytest

from dlws.parse import pasted
from dlws.parse.pasted import Pasted
from dlws.verdict import Unparsable

SESSION = """
# as seen on Monday
$ free
total
> of all

a$ cat <<x
> one
> x
[exit 1] is not the end
b.c-1$ false
[exit 1]
b.c-1$ ls a
one
two
[exit 2]
"""


def test_a_session_has_the_answers_by_host_and_command() -> None:
    assert pasted.read(SESSION) == {
        "": {"free": Pasted("total\n> of all\n")},
        "a": {"cat <<x\none\nx": Pasted("[exit 1] is not the end\n")},
        "b.c-1": {"false": Pasted(status=1), "ls a": Pasted("one\ntwo\n", status=2)},
    }


def test_yaml_has_texts_or_what_a_command_gave() -> None:
    text = "free: total\nfalse: {exit: 1}\nls: {out: a, err: no b}\nhosts: {a: {id: }}\n"
    assert pasted.read(text) == {
        "": {"free": Pasted("total\n"), "False": Pasted(status=1), "ls": Pasted("a\n", "no b\n")},
        "a": {"id": Pasted()},
    }


def test_a_block_of_yaml_has_its_own_line_end() -> None:
    assert pasted.read("free: |\n  total\n  used\n") == {"": {"free": Pasted("total\nused\n")}}


@pytest.mark.parametrize(
    "text", ["", "{}", "free", "free: {exit: no number}", "free: {status: 1}", "hosts: 1", "a: 1\n1a: ["]
)
def test_anything_else_is_not_understood(text: str) -> None:
    with pytest.raises(Unparsable, match="pasted answers"):
        pasted.read(text)


def test_a_command_is_there_once() -> None:
    with pytest.raises(Unparsable, match="twice: 'free'"):
        pasted.read("$ free\n$ free\n")


@pytest.mark.parametrize(
    ("command", "key"),
    [
        ("free -m", "free -m"),
        ("free -m", "free …"),
        ("free -m", "f...-m"),
        ("timeout 5 free -m", "free -m"),
        ("timeout -k 1 60 free -m", "free -m"),
        ("timeout 5 free -m", "timeout 5 free …"),
        ("timeout 5 timeout 3 free", "timeout 3 free"),
        ("a\nb", "a…b"),
    ],
)
def test_an_answer_is_found_by_its_command(command: str, key: str) -> None:
    assert pasted.answer_to(command, {"other": Pasted(), key: Pasted()}) == key


@pytest.mark.parametrize(
    "command", ["free -m -h", "timeout  free -m", "timeout -k  5 free -m", "timeout 5 timeout 3 free -m"]
)
def test_another_command_has_no_answer(command: str) -> None:
    assert pasted.answer_to(command, {"free -m": Pasted()}) is None


def test_what_is_asked_for_can_be_pasted_back() -> None:
    text = pasted.template("a", "cat <<x\none\nx")
    assert text == "a$ cat <<x\n> one\n> x"
    assert pasted.read(text) == {"a": {"cat <<x\none\nx": Pasted()}}
