"""What the checks of GPUs ask of nvidia-smi: one command for all that is common to every driver, bounded in time."""

from __future__ import annotations

import re

from dlws.parse import versions
from dlws.parse.accelerators import nvidia_smi
from dlws.remote.host import Host
from dlws.verdict import Unknown

PATIENCE = 10
"""Seconds in which nvidia-smi must answer."""
BOUND = f"timeout -k 1 {PATIENCE} nvidia-smi "
FORM = " --format=csv,noheader,nounits"
FIELDS = (
    "index",
    "name",
    "uuid",
    "serial",
    "vbios_version",
    "driver_version",
    "persistence_mode",
    "compute_mode",
    "ecc.mode.current",
    "ecc.errors.corrected.volatile.total",
    "ecc.errors.uncorrected.volatile.total",
    "ecc.errors.uncorrected.aggregate.total",
    "retired_pages.single_bit_ecc.count",
    "retired_pages.double_bit.count",
    "retired_pages.pending",
    "pcie.link.width.current",
    "pcie.link.width.max",
    "temperature.gpu",
    "power.limit",
    "power.default_limit",
    "memory.used",
    "utilization.gpu",
)
"""Fields that every driver from 418 on knows: one that a driver does not know would make the whole query fail."""
CARDS = BOUND + "--query-gpu=" + ",".join(FIELDS) + FORM
ROWS = ("gpu_uuid", "remapped_rows.uncorrectable", "remapped_rows.pending", "remapped_rows.failure")
REMAPPED = BOUND + "--query-remapped-rows=" + ",".join(ROWS) + FORM
AMPERE = "450"
"""The first driver that knows cards that remap rows, and cards that can be parted (MIG)."""
EVENTS = "535.54.03"
"""The first driver in which clocks_throttle_reasons is called clocks_event_reasons."""

NVLINKS = {
    "P100-SXM2": 4,
    "V100-SXM2": 6,
    "V100-SXM3": 6,
    "A100-SXM4": 12,
    "A800-SXM4": 8,
    "H100 80GB HBM3": 18,
    "H800": 8,
    "H20": 18,
    "H200": 18,
    "B200": 18,
}
"""The NVLinks of models of the SXM form, by how their names end, before a memory size."""

Card = dict[str, str | None]


def cards(host: Host) -> tuple[Card, ...]:
    """A row for each GPU. Unknown where there is none: what is said of no card is said of nothing."""
    return some(nvidia_smi.query(host.read(CARDS), FIELDS))


def by_driver(host: Host, driver_of: Card) -> tuple[Card, ...]:
    """What has a name that depends on a card's driver: `mig.mode.current` (None before 450), `throttle reasons`.

    The card is one that was read already: a check that asks for the same twice has it read anew.
    """
    driver = versions.nvidia(known(driver_of, "driver_version"))
    reasons = "clocks_event_reasons" if driver >= versions.nvidia(EVENTS) else "clocks_throttle_reasons"
    mig = ["mig.mode.current"] if driver >= versions.nvidia(AMPERE) else []
    fields = ["index", f"{reasons}.active", *mig]
    rows = some(nvidia_smi.query(host.read(BOUND + "--query-gpu=" + ",".join(fields) + FORM), fields))
    return tuple({"mig.mode.current": None, **row, "throttle reasons": row[fields[1]]} for row in rows)


def remapped(host: Host, driver_of: Card) -> dict[str, Card]:
    """By uuid what is told of a card's remapped rows; nothing before driver 450, which knows no card that has them."""
    if versions.nvidia(known(driver_of, "driver_version")) < versions.nvidia(AMPERE):
        return {}
    return {str(row["gpu_uuid"]): row for row in some(nvidia_smi.query(host.read(REMAPPED), ROWS))}


def some(rows: tuple[Card, ...]) -> tuple[Card, ...]:
    """The rows, if there are any. Unknown for none."""
    if not rows:
        raise Unknown("nvidia-smi: no devices were found")
    return rows


def known(card: Card, field: str) -> str:
    """A field of a card. Unknown for one that the card or its driver does not have."""
    value = card[field]
    if value is None:
        raise Unknown(f"{called(card)} does not report its {field}")
    return value


def count(card: Card, field: str) -> int:
    """A field that is a number. Unknown as in `known`."""
    return int(known(card, field))


def called(card: Card) -> str:
    """How a finding names a card: `GPU 3`."""
    return f"GPU {card['index']}" if "index" in card else f"GPU {card['gpu_uuid']}"


def nvlinks(card: Card) -> int | None:
    """How many NVLinks a card of the SXM form has and uses; None for another card, which may have a bridge."""
    name = known(card, "name")
    return next((n for model, n in NVLINKS.items() if re.search(rf"\b{model}(?:-[0-9]+GB)?$", name)), None)


def lacks_ecc(card: Card) -> bool:
    """Whether the card has no ECC to switch on: one made for a desk, or one for a workstation that tells no mode."""
    words = ("GeForce", "TITAN") if card["ecc.mode.current"] else ("GeForce", "TITAN", "Quadro", "RTX")
    return any(word in known(card, "name") for word in words)
