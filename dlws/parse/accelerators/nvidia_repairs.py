"""`nvidia-smi -q -d ECC`: what a card's memory and cores need to be repaired. Formats: drivers 418 to 595.

Source: nvidia-smi(1), ECC Errors; NVIDIA's Xid catalogue and its GPU memory error management guide.
"""

from __future__ import annotations

from dlws.parse.accelerators import nvidia_query, nvidia_smi
from dlws.parse.text import unparsable

SOURCE = "nvidia-smi -q -d ECC"
_TOLD = ("Channel Repair Pending", "TPC Repair Pending", "Unrepairable Memory", "SRAM Threshold Exceeded")
"""Drivers have them from 550 (the last one), 555 or 570 on."""
_SOUND = "No"
_TO_BE_RESET = "GPU requires reset"
"""NVML's word for an answer that a card does not give before it is reset."""


def needed(text: str) -> dict[str, list[str]] | None:
    """By card what is wrong, `{"GPU 00000000:9A:00.0": ["TPC Repair Pending"]}`; None where no card tells.

    Raises Unparsable for a value that is none of the tool's.
    """
    of_cards = nvidia_query.cards(SOURCE, text)
    told = {f"GPU {card}": {key: values[key] for key in _TOLD if key in values} for card, values in of_cards.items()}
    if all(nvidia_smi.value(word) is None for values in told.values() for word in values.values()):
        return None
    return {card: wrong for card, values in told.items() if (wrong := _wrong(card, values))}


def _wrong(card: str, values: dict[str, str]) -> list[str]:
    found = []
    for key, value in values.items():
        if value not in (_SOUND, "Yes", _TO_BE_RESET) and nvidia_smi.value(value) is not None:
            raise unparsable(SOURCE, f"{card} {key} : {value}")
        found += [key] if value == "Yes" else [f"{key}: {value}"] if value == _TO_BE_RESET else []
    return found
