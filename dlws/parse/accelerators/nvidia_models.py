"""Models of NVIDIA GPUs: their form, their NVLinks, and who programs their NVSwitches. Generations Pascal to Blackwell.

Sources: names as nvidia-smi prints them, and as the README of open-gpu-kernel-modules lists them by PCI id; PCI ids of
pci.ids (10de); NVLinks of NVIDIA's data sheets: docs/upstream.md#generations-of-accelerators.
A model that no row names is None: a check that needs to know it is UNKNOWN.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class Form(Enum):
    """How a card is built: what NVLinks it must have."""

    SXM = "a module on a board, joined by all its NVLinks"
    PCIE = "a card in a slot, on its own or with NVLink bridges"
    VIRTUAL = "a vGPU: a part of a card, or a whole one, lent to a virtual machine"


class Fabric(Enum):
    """Whether Fabric Manager must run on the host."""

    WITH_SWITCHES = "where NVSwitches are on its own PCI bus"
    ALWAYS = "always: the board has NVSwitches that are no PCI functions of NVIDIA's (HGX with NVLink 5)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model, or a family of models that are alike in this.

    `nvlinks` is the number of links that a module uses (None: not known); `bridged` the numbers of links that a card
    may use with NVLink bridges (empty: not known). `fabric` is None where it is not known. `pci` are device ids of
    vendor 10de.
    """

    names: str
    form: Form
    nvlinks: int | None = None
    bridged: frozenset[int] = frozenset()
    fabric: Fabric | None = Fabric.WITH_SWITCHES
    pci: frozenset[str] = frozenset()


def _ids(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SIZE = r"(?:[- ][0-9]+GB)?"
_ONE_TO_THREE_BRIDGES = frozenset({4, 8, 12})
_ALL_OF_HOPPER = frozenset({18})
"""Without a rack around it, or with one of the bridges for two and for four cards."""

MODELS = (
    Model(names=r"GRID .+|.+-[0-9]+(?:[ACQ]|B4?)(?:ME)?", form=Form.VIRTUAL),
    Model(names=rf"P100-SXM2{_SIZE}", form=Form.SXM, nvlinks=4, pci=_ids("15f9")),
    Model(names=rf"V100-SXM[23]{_SIZE}(?:-[A-Z]+)?", form=Form.SXM, nvlinks=6, pci=_ids("1db1 1db5 1db8 1df5")),
    Model(
        names=rf"A100-SXM4?{_SIZE}(?:-LC)?|A100-PG509-200|PG509-210",
        form=Form.SXM,
        nvlinks=12,
        pci=_ids("20b0 20b2 20b3"),
    ),
    Model(names=rf"A800-SXM4{_SIZE}", form=Form.SXM, nvlinks=8, pci=_ids("20bd 20f3")),
    Model(
        names=r"H100(?: SXM5)?(?: [0-9]+GB(?: HBM[23]e?)?)?",
        form=Form.SXM,
        nvlinks=18,
        pci=_ids("2330 2336 2337 2338 2339"),
    ),
    Model(names=r"H800(?: SXM5)?(?: [0-9]+GB(?: HBM3)?)?", form=Form.SXM, nvlinks=8, pci=_ids("2324")),
    Model(names=rf"H20(?:-3e)?{_SIZE}", form=Form.SXM, nvlinks=18, pci=_ids("2328 2329 232c")),
    Model(names=r"H200(?: SXM)?(?: [0-9]+GB(?: HBM3e)?)?", form=Form.SXM, nvlinks=18, pci=_ids("2335")),
    Model(
        names=r"B[12]00(?: SXM6)?(?: [0-9]+GB)?",
        form=Form.SXM,
        nvlinks=18,
        fabric=Fabric.ALWAYS,
        pci=_ids("2901 2909 2920 29bc"),
    ),
    Model(names=r"B300(?: SXM6)?(?: AC)?", form=Form.SXM, nvlinks=18, fabric=Fabric.ALWAYS, pci=_ids("3182")),
    # Of an NVL72 rack: its NVSwitches, and the Fabric Manager, are in trays of their own.
    Model(names=r"GB[23]00", form=Form.SXM, nvlinks=18, pci=_ids("2941 31a1 31c2 31c3")),
    # A Grace Hopper module has NVLinks, but stands alone unless it is in a rack made for it.
    Model(names=r"GH200 .+", form=Form.PCIE, bridged=_ALL_OF_HOPPER, pci=_ids("2342 2348")),
    Model(names=r"GB10", form=Form.PCIE),
    Model(
        names=rf"A[18]00(?:-PCIE{_SIZE}| [0-9]+GB PCIe(?: LC)?| [0-9]+GB Active)",
        form=Form.PCIE,
        bridged=_ONE_TO_THREE_BRIDGES,
        pci=_ids("20b1 20b5 20f1 20f5 20f6"),
    ),
    Model(
        names=r"H[18]00 (?:PCIe|NVL)",
        form=Form.PCIE,
        bridged=_ONE_TO_THREE_BRIDGES,
        pci=_ids("2321 2322 2331 233a"),
    ),
    Model(names=r"H200 NVL", form=Form.PCIE, bridged=_ALL_OF_HOPPER, pci=_ids("233b")),
    Model(
        names=r"A[34]0|RTX A(?:4500|5000|5500|6000)|GeForce RTX 3090(?: Ti)?",
        form=Form.PCIE,
        bridged=frozenset({4}),
        pci=_ids("20b7"),
    ),
    Model(names=r"GeForce RTX 2080 Ti|TITAN RTX|Quadro RTX [68]000", form=Form.PCIE, bridged=frozenset({2})),
    Model(
        names=r"GeForce .+|TITAN .+|Quadro .+|RTX .+|NVS .+|T[0-9]{3,4}.*|CMP .+|P100-PCIE.+"
        r"|[KMPTV][0-9]+(?:[GSmcX]|Xm)?(?: [0-9]+GB)?|DGX Display|V100S?-(?:PCIE|FHHL|DGXS).+|V100-FHHL.*"
        r"|P100-DGXS.+|P10[2-6]-[0-9]+"
        r"|A(?:2|10|10G|10M|16|30X|100X|X800)|L(?:2|4|20|40|40S|40G)",
        form=Form.PCIE,
        pci=_ids("15f7 15f8 1db3 1db4 1db6 1df6 1fb0 20b8 20b9 20fd"),
    ),
)
"""The first row that matches counts."""

_MODULE = re.compile(r"\bSXM[0-9]?\b")


def by_name(name: str) -> Model | None:
    """The model of a name of nvidia-smi, `NVIDIA H100 80GB HBM3`; None where no row has it.

    A name with SXM in it that no row has is a module of which neither the number of links nor the fabric is known.
    """
    bare = name.removeprefix("NVIDIA ").removeprefix("Tesla ")
    known = next((model for model in MODELS if re.fullmatch(model.names, bare)), None)
    if known is None and _MODULE.search(bare):
        return Model(names=re.escape(bare), form=Form.SXM, fabric=None)
    return known


def by_pci_id(device: str) -> Model | None:
    """The model of a PCI device id of vendor 10de, `2901`; None where no row has it."""
    return next((model for model in MODELS if device in model.pci), None)
