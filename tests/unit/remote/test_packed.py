"""Answers wait in few bytes, and are what they were."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from dlws.record.answer import Answer
from dlws.remote.packed import NOTHING, WINDOW, PackedAnswer, Packing

LINES = [f"08:{n:04} kernel: {hashlib.sha256(str(n).encode()).hexdigest()}\n" for n in range(400)]
LOG = Answer("journalctl", 0, "".join(LINES).encode(), b"w" * 5000, 0.1)
SHORT = Answer("uname", 1, b"Linux\n", b"", 0.1, timed_out=True, truncated=True)


def test_a_long_answer_waits_in_few_bytes() -> None:
    packed = PackedAnswer.of(LOG, NOTHING)
    assert packed.unpacked(LOG.command) == LOG
    assert packed.size < (len(LOG.out) + len(LOG.err)) * 0.7


def test_a_short_answer_waits_as_it_is() -> None:
    packed = PackedAnswer.of(SHORT, NOTHING)
    assert packed.unpacked(SHORT.command) == SHORT
    assert (packed.size, packed.timed_out, packed.truncated) == (6, True, True)


@pytest.mark.parametrize("answer", [LOG, SHORT])
def test_the_same_answer_of_a_like_host_takes_no_bytes(answer: Answer) -> None:
    again = Answer(answer.command, 0, bytes(bytearray(answer.out)), bytes(bytearray(answer.err)), 0.7)
    packed = PackedAnswer.of(again, answer)
    assert (packed.unpacked(answer.command), packed.size) == (again, 0)


def test_a_log_that_differs_in_its_times_takes_few_bytes() -> None:
    other = replace(LOG, out=LOG.out.replace(b"08:", b"09:"))
    packed = PackedAnswer.of(other, LOG)
    assert packed.unpacked(LOG.command) == other
    assert packed.size < PackedAnswer.of(other, NOTHING).size / 3


def test_a_log_longer_than_the_dictionary_is_what_it_was() -> None:
    like = replace(LOG, out=LOG.out * (WINDOW // len(LOG.out) + 2))
    other = replace(like, out=like.out.replace(b"08:", b"09:"))
    assert PackedAnswer.of(other, like).unpacked(LOG.command) == other


def test_hosts_are_packed_by_the_first_of_their_kind_and_of_no_other() -> None:
    packing = Packing()
    sizes = [packing.packed(kind, host, SHORT).size for kind, host in (("npu", "a"), ("npu", "b"), ("gpu", "c"))]
    assert sizes == [0, 0, 0]
    assert packing.packed("npu", "b", replace(SHORT, out=b"Darwin\n")).size == 7
    assert packing.packed("gpu", "d", replace(SHORT, command="id", out=b"0")).size == 1


def test_the_first_hosts_second_answer_is_its_own() -> None:
    packing = Packing()
    packing.packed("npu", "a", LOG)
    later = replace(LOG, out=LOG.out + b"one more line\n")
    assert packing.packed("npu", "a", later).unpacked(LOG.command) == later
