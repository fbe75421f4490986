"""NVIDIA GPUs, by nvidia-smi and the driver: one command for all that is common to every driver, bounded in time."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dlws.facts.files import text_of
from dlws.parse import versions
from dlws.parse.accelerators import nvidia_driver, nvidia_models, nvidia_smi
from dlws.parse.accelerators.nvidia_models import Model
from dlws.parse.host import lspci
from dlws.parse.text import lines, unparsable
from dlws.remote.host import ANY_STATUS, Host
from dlws.verdict import NotApplicable, Unknown

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
RECOVERY = "565"
"""The first driver with `gpu_recovery_action`: what it needs to recover a card."""
FABRIC_HEALTH = (
    f"out=$({BOUND}-q); rc=$?; printf '%s\\n' \"$out\" | sed -n '/^[^ ]/p; /^ *Fabric$/,/^ *Processes/p'; exit $rc"
)
REPAIRS = BOUND + "-q -d ECC"
FABRIC = "535"
"""The first driver that is asked for a card's fabric, the NVLinks that switches join: whether it is part of it."""
NO_SUCH_FIELD = re.compile('Field "[a-z_.]+" is not a valid field to query')
FABRIC_WORD = re.compile("^(?:state|status) +")
"""What the drivers 570 and 580 of a GB200 write before either: `state  Completed`."""
EVENTS = "535.54.03"
"""The first driver in which clocks_throttle_reasons is called clocks_event_reasons."""

LOADED = "/proc/driver/nvidia/version"
KERNEL_LOG = (
    "log=$(journalctl -k -q --no-pager -o short-monotonic) && printf '%s\\n' \"$log\""
    " | sed -n '1p; /NVRM: Xid/p; /SXid (/p; /NVRM: .*fallen off the bus/p'"
)
IDLE_MEMORY = 15
"""MiB that a card without work may have in use."""
DESK = ("GeForce", "TITAN")
WORKSTATION = ("Quadro", "RTX", "DGX Display", "GB10")
"""Words of their names. A workstation may have ECC; a DGX Station's display card and a DGX Spark (GB10) have none."""
WITHOUT_ECC = re.compile(r"(?:NVIDIA )?(?:T[0-9]{3,4}|NVS|CMP|P10[2-6]-[0-9]+|Tesla M10)\b.*")
"""Small workstation cards (T400 to T1200, NVS), those for mining, and the Tesla M10, none of which tells a mode."""
APPS = BOUND + "--query-compute-apps=pid,name" + FORM

Card = dict[str, str | None]


def answer_of(host: Host, command: str) -> str:
    """What nvidia-smi answers, without its warnings about infoROMs, which G05 reports.

    It says in words what ails a card; the exit status beside them varies (6, 9, 14, 15, 255). Unknown for one that
    neither such a warning, nor a lost card, nor that there is none explains.
    """
    result = host.run_expect(ANY_STATUS, command)
    text = nvidia_smi.answer(result.stdout, result.stderr)
    explained = nvidia_smi.corrupted_inforoms(text) or nvidia_smi.lost(text) or nvidia_smi.has_no_devices(text)
    if result.rc and not explained:
        raise host.unexpected(result)
    return nvidia_smi.without_warnings(text)


def cards_on_bus(host: Host) -> tuple[lspci.Function, ...]:
    """The GPUs on the PCI bus, with or without a driver; empty where there is none."""
    return lspci.display_cards(host.read("lspci -Dnn -d 10de:"))


def cards(host: Host) -> tuple[Card, ...]:
    """A row for each GPU. Unknown where there is none: what is said of no card is said of nothing."""
    return require_cards(nvidia_smi.query(answer_of(host, CARDS), FIELDS))


def recovery_actions(host: Host, driver_of: Card) -> list[str]:
    """What the driver needs to recover its cards, `GPU 1 Reset`; nothing before 565, which does not tell."""
    rows = newer_fields(host, driver_of, RECOVERY, "gpu_recovery_action")
    asked = [(card_name(row), optional_field(row, "gpu_recovery_action")) for row in rows]
    return [f"{name} {action}" for name, action in asked if action not in (None, "None")]


def fabric_states(host: Host, driver_of: Card) -> dict[str, str]:
    """By card how far it is in joining its fabric: `{"GPU 0": "Completed: Success", "GPU 1": "In Progress"}`.

    Only of cards that have one, from Hopper on (nvml.h, nvmlGpuFabricInfo_t).
    """
    fields = ("fabric.state", "fabric.status")
    rows = newer_fields(host, driver_of, FABRIC, *fields)
    told = {card_name(row): [optional_field(row, field) for field in fields] for row in rows}
    return {
        name: ": ".join(FABRIC_WORD.sub("", word) for word in words if word) for name, words in told.items() if words[0]
    }


def newer_fields(host: Host, driver_of: Card, since: str, *fields: str) -> tuple[Card, ...]:
    """A row for each GPU with fields that drivers have since a version; none where the driver does not know them."""
    if versions.nvidia(required_field(driver_of, "driver_version")) < versions.nvidia(since):
        return ()
    named = ("index", *fields)
    result = host.run_expect(ANY_STATUS, BOUND + "--query-gpu=" + ",".join(named) + FORM)
    text = nvidia_smi.answer(result.stdout, result.stderr)
    if result.rc and NO_SUCH_FIELD.search(text):
        return ()
    if result.rc and not nvidia_smi.corrupted_inforoms(text):
        raise host.unexpected(result)
    return require_cards(nvidia_smi.query(nvidia_smi.without_warnings(text), named))


def driver_dependent_fields(host: Host, driver_of: Card) -> tuple[Card, ...]:
    """What has a name that depends on a card's driver: `mig.mode.current` (None before 450), `throttle reasons`.

    The card is one that was read already: a check that asks for the same twice has it read anew.
    """
    driver = versions.nvidia(required_field(driver_of, "driver_version"))
    reasons = "clocks_event_reasons" if driver >= versions.nvidia(EVENTS) else "clocks_throttle_reasons"
    mig = ["mig.mode.current"] if driver >= versions.nvidia(AMPERE) else []
    fields = ["index", f"{reasons}.active", *mig]
    answer = answer_of(host, BOUND + "--query-gpu=" + ",".join(fields) + FORM)
    rows = require_cards(nvidia_smi.query(answer, fields))
    return tuple({"mig.mode.current": None, **row, "throttle reasons": row[fields[1]]} for row in rows)


def remapped_rows(host: Host, driver_of: Card) -> dict[str, Card]:
    """By uuid a card's remapped rows; nothing before driver 450, which knows no card that has them."""
    if versions.nvidia(required_field(driver_of, "driver_version")) < versions.nvidia(AMPERE):
        return {}
    return {str(row["gpu_uuid"]): row for row in require_cards(nvidia_smi.query(answer_of(host, REMAPPED), ROWS))}


def require_cards(rows: tuple[Card, ...]) -> tuple[Card, ...]:
    """The rows, if there are any. Unknown for none."""
    if not rows:
        raise Unknown("nvidia-smi: no devices were found")
    return rows


def required_field(card: Card, field: str) -> str:
    """A field of a card. Unknown for one that the card or its driver does not have, or that could not be read."""
    value = optional_field(card, field)
    if value is None:
        raise Unknown(f"{card_name(card)} does not report its {field}")
    return value


def optional_field(card: Card, field: str) -> str | None:
    """A field of a card, None where the card or its driver does not have it. Unknown for one that could not be read."""
    value = card.get(field)
    if isinstance(value, nvidia_smi.Unreadable):
        raise Unknown(f"{card_name(card)}: {field} could not be read: {value}")
    return value


def required_number(card: Card, field: str) -> int:
    """A field that is a number. Unknown as in `required_field`."""
    return int(required_field(card, field))


def card_name(card: Card) -> str:
    """How a finding names a card: `GPU 3`."""
    return f"GPU {card['index']}" if "index" in card else f"GPU {card.get('gpu_uuid')}"


def model_of(card: Card) -> Model:
    """The model of a card. Unknown, with its name, for one that the suite does not know."""
    name = required_field(card, "name")
    if (model := nvidia_models.by_name(name)) is None:
        raise Unknown(f"{card_name(card)} is a {name}: the suite does not know this model")
    return model


def lacks_ecc(card: Card) -> bool:
    """Whether the card has no ECC to switch on: one made for a desk, or one for a workstation that tells no mode."""
    name, mode = required_field(card, "name"), optional_field(card, "ecc.mode.current")
    words = DESK if mode else (*DESK, *WORKSTATION)
    return any(word in name for word in words) or (mode is None and WITHOUT_ECC.fullmatch(name) is not None)


def loaded_driver(host: Host) -> str | None:
    """The version of the driver that runs; None where none does."""
    text = text_of(host, LOADED)
    return None if text is None else nvidia_driver.loaded(text)


def kernel_errors(host: Host) -> str:
    """The kernel log's first line of this boot and its lines about GPUs and NVSwitches: what `nvidia_log` reads.

    Unparsable for an empty log: there is no boot without a line.
    """
    text = host.read(KERNEL_LOG)
    if not text.strip():
        raise unparsable("journalctl -k", why="the kernel log of this boot is empty")
    return text


def cards_with_ecc(there: Iterable[Card]) -> list[Card]:
    """Those of the cards whose memory counts errors: that have ECC, and it is on."""
    return [card for card in there if not lacks_ecc(card) and required_field(card, "ecc.mode.current") == "Enabled"]


def counting_cards(there: Iterable[Card]) -> list[Card]:
    """As `cards_with_ecc`. NotApplicable where there is none."""
    if not (found := cards_with_ecc(there)):
        raise NotApplicable("no GPU has ECC enabled")
    return found


def cards_that_retire_pages(host: Host) -> list[Card]:
    """The cards that retire pages. Unknown for one that tells neither its pages nor its rows.

    One that is parted (MIG) may tell neither (nvml.h, nvmlDeviceGetRemappedRows), but whatever can be parted has rows.
    """
    there = counting_cards(cards(host))
    rows, found = remapped_rows(host, there[0]), list[Card]()
    silent: list[str] = []
    for card in there:
        row = rows.get(required_field(card, "uuid"), {})
        if optional_field(card, "retired_pages.pending") is not None:
            found.append(card)
        elif optional_field(row, "remapped_rows.pending") is None:
            silent.append(card_name(card))
    if silent and (odd := sorted({*silent} - {*parted_cards(host, there[0])})):
        raise Unknown(f"{odd[0]} reports neither its retired pages nor its remapped rows")
    return found


def parted_cards(host: Host, driver_of: Card) -> list[str]:
    """The names of the cards that are parted (MIG)."""
    rows = driver_dependent_fields(host, driver_of)
    return [card_name(row) for row in rows if optional_field(row, "mig.mode.current") == "Enabled"]


def remapped_rows_by_card(host: Host) -> dict[str, Card]:
    """By name the rows of the cards that remap rows. Unknown for one that tells neither its rows nor its pages."""
    there = counting_cards(cards(host))
    rows, found = remapped_rows(host, there[0]), {}
    for card in there:
        row = rows.get(required_field(card, "uuid"), {})
        if optional_field(row, "remapped_rows.pending") is not None:
            found[card_name(card)] = row
        elif optional_field(card, "retired_pages.pending") is None:
            raise Unknown(f"{card_name(card)} reports neither its remapped rows nor its retired pages")
    return found


def retired_pages(card: Card) -> int:
    """How many pages a card has retired."""
    return required_number(card, "retired_pages.single_bit_ecc.count") + required_number(
        card, "retired_pages.double_bit.count"
    )


def gpu_processes(host: Host) -> list[str]:
    """Who uses the GPUs: `4211, python3`. Unparsable where a card does not answer: who uses it is not told."""
    text = answer_of(host, APPS)
    if lost := nvidia_smi.lost(text):
        raise unparsable("nvidia-smi", lost[0])
    return [line.strip() for line in lines("nvidia-smi", text) if line != "No running processes found"]


def is_idle(card: dict[str, str | None]) -> bool:
    """Whether a card is known to have nothing to do. Of one that is parted (MIG) its driver does not tell the load."""
    load = optional_field(card, "utilization.gpu")
    return load is not None and int(load) == 0 and required_number(card, "memory.used") <= IDLE_MEMORY
