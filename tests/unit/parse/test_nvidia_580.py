"""What an NVIDIA H200 in a virtual machine answered, driver 580.159.04, idle and under load (serial, UUID altered)."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlws.facts.nvidia import FIELDS, ROWS
from dlws.parse.accelerators import nvidia_driver, nvidia_smi, nvidia_temperature, nvidia_topology, nvlink

UUID = "GPU-5c8b2f4e-0c1d-9f0a-4b3e-6a7d1f2e3c4b"


def answer(name: str) -> str:
    return (Path(__file__).parents[2] / f"data/parse/nvidia_580/{name}.txt").read_text()


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_the_table_names_driver_and_card(state):
    table = nvidia_smi.table(answer(f"table_{state}"))
    assert (table.driver, table.cuda, table.bus_ids) == ("580.159.04", "13.0", ("00000000:00:06.0",))


@pytest.mark.parametrize(("state", "temperature", "used"), [("idle", "41", "0"), ("busy", "63", "883")])
def test_a_hopper_card_has_no_retired_pages(state, temperature, used):
    (card,) = nvidia_smi.query(answer(f"cards_{state}"), FIELDS)
    assert (card["uuid"], card["temperature.gpu"], card["memory.used"]) == (UUID, temperature, used)
    assert card["retired_pages.pending"] is None


def test_the_card_is_listed_and_remaps_rows():
    assert nvidia_smi.listed(answer("list")) == (UUID,)
    (rows,) = nvidia_smi.query(answer("remapped_rows"), ROWS)
    assert rows == dict(zip(ROWS, (UUID, "0", "No", "No"), strict=True))


@pytest.mark.parametrize(("state", "now", "margin"), [("idle", 41, 48), ("busy", 64, 21)])
def test_the_margin_counts_from_where_the_card_slows_down(state, now, margin):
    (card,) = nvidia_temperature.parse(answer(f"temperature_{state}"))
    assert (card.now, card.margin) == (now, margin)


@pytest.mark.parametrize(("state", "reason"), [("idle", "0x0000000000000001"), ("busy", "0x0000000000000004")])
def test_why_the_clocks_are_low_is_a_number(state, reason):
    (card,) = nvidia_smi.query(answer(f"reasons_{state}"), ["index", "reasons", "mig"])
    assert (card["reasons"], card["mig"]) == (reason, "Disabled")


def test_a_card_alone_has_no_links_and_no_neighbour():
    assert nvlink.parse(answer("nvlink")) == {}
    assert nvidia_topology.parse(answer("topology")) == {"GPU0": {}}


def test_the_open_kernel_module_tells_its_version():
    assert nvidia_driver.loaded(answer("proc_version")) == "580.159.04"
