"""Generations of Huawei's Ascend chips: what npu-smi calls them, and what is expected of each.

Sources: PCI ids and names of Huawei's driver (hicann/driver: dcmi_common.h, dms_chip_info_adapt.c,
ascend_bug_report.sh); HBM of the HAMi project's table of chips; ports, clocks and power of public logs
(docs/upstream.md#generations-of-accelerators).
A chip that no row names is Unknown, with its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dlws.verdict import Unknown

VENDOR = "19e5"
ACCELERATOR_CLASS = "1200"
"""The PCI class of all of them: a processing accelerator."""
ENGINES = ("a250", "a251")
"""PCI device ids of the compression engine (ZIP) in a Kunpeng CPU, and of its virtual functions: of the same vendor and
class, but no Ascend chip. Source: Linux, drivers/crypto/hisilicon/zip/zip_main.c; `class 0x120000` in kernel logs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One generation of chips.

    `hbm` is the memory in MB by name of the chip (None: sold with more than one size); a chip that is not in it has no
    HBM. `port_speed` is what the chip's own RoCE port runs at, in Mb/s (None: it has no port). `steady_clock` in MHz is
    the highest rated clock of chips that stay at it, and draw `IDLE_POWER`, when they are idle (0: none does).
    `chips_per_card` is None where there are cards with one chip and with several; `shares_functions` where the chips
    of a card may be behind one PCI function.
    """

    name: str
    pci: str
    chips: str
    hbm: Mapping[str, int | None] = field(default_factory=dict)
    port_speed: int | None = None
    steady_clock: int = 0
    chips_per_card: int | None = 1
    shares_functions: bool = False
    has_work_modes: bool = False
    has_two_planes: bool = False
    has_hccs_status: bool = False
    """Whether npu-smi tells how a chip's links to the others of its server are."""
    may_do_without_ports: bool = False
    """Whether switches of HCCS may join its servers, so that no RoCE port need be used."""


MOST_CARDS = 8
"""Cards with several chips in a server (Atlas 800 A3)."""
IDLE_POWER = (50.0, 110.0)
"""W that a first-generation 910 without work draws; of later chips it is not published."""

GENERATIONS = (
    Generation(
        name="910, first generation",
        pci="d801",
        chips="910A|910B|910ProA|910ProB|910PremiumA",
        hbm=dict.fromkeys(("910A", "910B", "910ProA", "910ProB", "910PremiumA"), 32768),
        port_speed=100_000,
        steady_clock=1000,
        has_work_modes=True,
        has_two_planes=True,
    ),
    Generation(
        name="910B (A2)",
        pci="d802",
        chips="910B[1-4](?:C|-1)?",
        hbm={**dict.fromkeys(("910B1", "910B2", "910B2C", "910B3"), 65536), "910B4": 32768, "910B4-1": None},
        port_speed=200_000,
        has_hccs_status=True,
    ),
    Generation(
        name="910 (A3), two chips a card",
        pci="d803",
        chips="910|910_93[0-9]{2}",
        hbm={"910": 65536},
        port_speed=200_000,
        chips_per_card=2,
        has_hccs_status=True,
        may_do_without_ports=True,
    ),
    Generation(name="310P", pci="d500", chips="310P[0-9]?", chips_per_card=None, shares_functions=True),
    Generation(name="310", pci="d100", chips="310|MiniD", chips_per_card=None),
)
"""A 910 with a digit after its letter is of the second generation, without a letter of the third. `npu-smi info -m` of
newer drivers calls a 310 MiniD (hicann/driver, npu_info_print.c)."""


def bare(name: str) -> str:
    """The name of a chip as the table has it: `Ascend 910B3` and `Ascend910B3` are 910B3."""
    return name.removeprefix("Ascend").lstrip()


def find(name: str) -> Generation | None:
    """The generation of a chip that npu-smi calls so; None where no row has it."""
    return next((row for row in GENERATIONS if re.fullmatch(row.chips, bare(name))), None)


def generation(name: str) -> Generation:
    """As `find`. Unknown, with the name, where no row has it."""
    if (found := find(name)) is None:
        raise Unknown(f"{name}: the suite does not know this model of Ascend chip")
    return found


def generation_on_bus(device: str) -> Generation:
    """The generation of a PCI device id of Huawei's, `d802`. Unknown where no row has it."""
    found = next((row for row in GENERATIONS if row.pci == device), None)
    if found is None:
        raise Unknown(f"PCI device {VENDOR}:{device}: the suite does not know this model of Ascend chip")
    return found


def chips_promised(count: int, rows: Iterable[Generation]) -> int:
    """How many chips a configured number of NPUs stands for: up to a server's eight cards, it counts cards of an A3."""
    per_card = {row.chips_per_card or 1 for row in rows}
    return count * per_card.pop() if len(per_card) == 1 and count <= MOST_CARDS else count


def hbm_size(name: str) -> int | None:
    """The HBM of a chip in MB, None where it is sold with more than one size.

    Unknown for a chip that the table does not name, or of which it has no size.
    """
    row = generation(name)
    if bare(name) not in row.hbm:
        raise Unknown(f"{name}: the suite does not know the HBM size of this chip")
    return row.hbm[bare(name)]


def keeps_its_clock(name: str, rated: int) -> bool:
    """Whether an idle chip of this name and rated clock, in MHz, runs at it: a first-generation 910 does.

    Unknown for a chip that no row names.
    """
    return 0 < rated <= generation(name).steady_clock


MODULES = (
    (
        "drv_devdrv_host",
        "drv_devmm_host",
        "drv_devmng_host",
        "drv_pcie_hdc_host",
        "drv_pcie_host",
        "drv_pcie_vnic_host",
        "drv_seclib_host",
    ),
    (
        "asdrv_buff",
        "asdrv_dms",
        "asdrv_queue",
        "asdrv_svm",
        "asdrv_vnic",
        "drv_pcie_hdc_host",
        "drv_pcie_host",
        "drv_seclib_host",
    ),
)
"""The kernel modules of a host's driver: up to 25.5, and of the one after it (hicann/driver, specific_func.inc)."""
