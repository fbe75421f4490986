"""`nvidia-smi -q -d ECC`: the repairs that a card waits for, as drivers of several years tell them."""

from __future__ import annotations

import pytest

from dlws.parse.accelerators.nvidia_repairs import needed
from dlws.verdict import Unparsable

CARD = "Attached GPUs : 1\nGPU 00000000:9A:00.0\n"


def of(*values: str) -> str:
    return CARD + "    ECC Errors\n" + "".join(f"        {value}\n" for value in values)


def test_a_card_without_a_repair_is_sound() -> None:
    assert needed(of("SRAM Threshold Exceeded : No", "Channel Repair Pending : No", "TPC Repair Pending : N/A")) == {}


@pytest.mark.parametrize(
    "key", ["Channel Repair Pending", "TPC Repair Pending", "Unrepairable Memory", "SRAM Threshold Exceeded"]
)
def test_each_repair_is_named(key: str) -> None:
    assert needed(of(f"{key} : Yes")) == {"GPU 00000000:9A:00.0": [key]}


def test_a_card_that_does_not_tell_before_its_reset_needs_one() -> None:
    found = needed(of("Channel Repair Pending : GPU requires reset", "TPC Repair Pending : No"))
    assert found == {"GPU 00000000:9A:00.0": ["Channel Repair Pending: GPU requires reset"]}


@pytest.mark.parametrize("values", [[], ["Volatile : 0"], ["Unrepairable Memory : N/A", "TPC Repair Pending : [N/A]"]])
def test_cards_that_tell_nothing_are_none(values: list[str]) -> None:
    assert needed(of(*values)) is None


@pytest.mark.parametrize("word", ["no", "Yes, soon", "ERR!", "[Unknown Error]", "1"])
def test_another_word_is_unknown(word: str) -> None:
    with pytest.raises(Unparsable, match=r"9A:00\.0 TPC Repair Pending"):
        needed(of("Channel Repair Pending : No", f"TPC Repair Pending : {word}"))
