"""What is expected of a model: names as nvidia-smi and npu-smi print them in public logs, PCI ids as lspci does."""

from __future__ import annotations

import re

import pytest

from dlws.parse.accelerators import ascend_faults, ascend_models, nvidia_models
from dlws.parse.accelerators.nvidia_models import Fabric, Form
from dlws.parse.host import lspci
from dlws.verdict import Unknown

MODULES = {
    "Tesla P100-SXM2-16GB": 4,
    "Tesla V100-SXM2-32GB": 6,
    "Tesla V100-SXM2-32GB-LS": 6,
    "Tesla V100-SXM3-32GB-H": 6,
    "A100-SXM-80GB": 12,
    "NVIDIA A100-SXM-64GB": 12,
    "NVIDIA A100-SXM4-40GB": 12,
    "NVIDIA A100-PG509-200": 12,
    "NVIDIA PG509-210": 12,
    "NVIDIA A800-SXM4-80GB": 8,
    "NVIDIA H100": 18,
    "NVIDIA H100 80GB HBM3": 18,
    "NVIDIA H800": 8,
    "NVIDIA H20": 18,
    "NVIDIA H20-3e": 18,
    "NVIDIA H200": 18,
    "NVIDIA B200": 18,
    "NVIDIA B300 SXM6 AC": 18,
    "NVIDIA GB200": 18,
    "NVIDIA GB300": 18,
}
CARDS = [
    "Tesla V100-PCIE-32GB",
    "Tesla V100S-PCIE-32GB",
    "Tesla P100-PCIE-16GB",
    "Tesla T4",
    "Tesla K80",
    "Tesla M40 24GB",
    "Tesla T40 24GB",
    "Tesla V100-DGXS-32GB",
    "Tesla P100-DGXS-16GB",
    "P106-100",
    "NVIDIA A100-PCIE-40GB",
    "NVIDIA A100 80GB PCIe",
    "NVIDIA A800 80GB PCIe",
    "NVIDIA A800 80GB PCIe LC",
    "NVIDIA DGX Display",
    "NVIDIA T4G",
    "NVIDIA A30",
    "NVIDIA A40",
    "NVIDIA A10G",
    "NVIDIA AX800",
    "NVIDIA H100 PCIe",
    "NVIDIA H100 NVL",
    "NVIDIA H800 PCIe",
    "NVIDIA H200 NVL",
    "NVIDIA L4",
    "NVIDIA L40S",
    "NVIDIA L20",
    "NVIDIA GeForce RTX 4090",
    "GeForce RTX 2080 Ti",
    "NVIDIA RTX A6000",
    "NVIDIA RTX PRO 6000 Blackwell Server Edition",
    "Quadro RTX 8000",
    "NVIDIA TITAN V",
    "NVIDIA GH200 480GB",
    "NVIDIA GB10",
]


@pytest.mark.parametrize(("name", "links"), MODULES.items())
def test_a_module_uses_all_its_links(name: str, links: int) -> None:
    model = nvidia_models.by_name(name)
    assert model is not None
    assert (model.form, model.nvlinks) == (Form.SXM, links)


@pytest.mark.parametrize("name", CARDS)
def test_a_card_in_a_slot_needs_no_link(name: str) -> None:
    model = nvidia_models.by_name(name)
    assert model is not None
    assert (model.form, model.nvlinks, model.fabric) == (Form.PCIE, None, Fabric.WITH_SWITCHES)


@pytest.mark.parametrize(
    ("name", "links"),
    [
        *((name, {4, 8, 12}) for name in ("NVIDIA A100 80GB PCIe", "NVIDIA H100 NVL")),
        *((name, {18}) for name in ("NVIDIA GH200 120GB", "NVIDIA H200 NVL")),
        *((name, {4}) for name in ("NVIDIA RTX A6000", "NVIDIA A40", "NVIDIA A30", "NVIDIA GeForce RTX 3090 Ti")),
        *((name, {2}) for name in ("GeForce RTX 2080 Ti", "Quadro RTX 8000", "TITAN RTX")),
        *((name, set[int]()) for name in ("NVIDIA GB10", "NVIDIA L40S", "Tesla V100-DGXS-32GB", "Quadro RTX 5000")),
    ],
)
def test_a_whole_bridge_has_so_many_links(name: str, links: set[int]) -> None:
    model = nvidia_models.by_name(name)
    assert model is not None
    assert model.bridged == links


@pytest.mark.parametrize(
    "name",
    ["GRID V100D-32Q", "GRID T4-16Q", "NVIDIA A100-40C", "NVIDIA L40S-48Q", "NVIDIA A100-1-5CME", "NVIDIA A16-2B4"],
)
def test_a_vgpu_is_no_card(name: str) -> None:
    model = nvidia_models.by_name(name)
    assert model is not None
    assert model.form is Form.VIRTUAL


def test_a_module_to_come_has_links_but_nobody_knows_how_many() -> None:
    model = nvidia_models.by_name("NVIDIA R900 SXM8 AC")
    assert model is not None
    assert (model.form, model.nvlinks, model.fabric) == (Form.SXM, None, None)
    assert nvidia_models.by_name("NVIDIA R900") is None


@pytest.mark.parametrize(
    ("device", "fabric"),
    [
        ("2901", Fabric.ALWAYS),
        ("3182", Fabric.ALWAYS),
        ("2941", Fabric.WITH_SWITCHES),
        ("2330", Fabric.WITH_SWITCHES),
        ("1db5", Fabric.WITH_SWITCHES),
    ],
)
def test_a_pci_id_tells_who_programs_the_switches(device: str, fabric: Fabric) -> None:
    model = nvidia_models.by_pci_id(device)
    assert model is not None
    assert model.fabric is fabric
    assert nvidia_models.by_pci_id("ffff") is None


def test_no_two_rows_claim_a_pci_id() -> None:
    ids = [device for model in nvidia_models.MODELS for device in model.pci]
    assert sorted(set(ids)) == sorted(ids)
    assert all(re.fullmatch("[0-9a-f]{4}", device) for device in ids)


@pytest.mark.parametrize(
    ("name", "generation"),
    [
        ("Ascend 910A", "910, first generation"),
        ("910B", "910, first generation"),
        ("910PremiumA", "910, first generation"),
        ("Ascend 910B3", "910B (A2)"),
        ("910B2C", "910B (A2)"),
        ("910B4-1", "910B (A2)"),
        ("Ascend910", "910 (A3), two chips a card"),
        ("Ascend 310P3", "310P"),
        ("310", "310"),
        ("MiniD", "310"),
    ],
)
def test_a_chips_name_tells_its_generation(name: str, generation: str) -> None:
    assert ascend_models.generation(name).name == generation


def test_an_unknown_chip_is_unknown_with_its_name() -> None:
    for name in ("Ascend 920", "910C", "Mcu"):
        with pytest.raises(Unknown, match=name):
            ascend_models.generation(name)
    with pytest.raises(Unknown, match="19e5:d806"):
        ascend_models.generation_on_bus("d806")
    with pytest.raises(Unknown, match="HBM size"):
        ascend_models.hbm_size("310P3")


def test_a_chips_memory_and_ports() -> None:
    for names, size in (
        ("910A 910B 910ProA 910ProB 910PremiumA 910B4", 32768),
        ("910B1 910B2 910B2C 910B3 Ascend910", 65536),
        ("910B4-1", None),
    ):
        assert {ascend_models.hbm_size(name) for name in names.split()} == {size}
    ports = [ascend_models.generation(name).port_speed for name in ("910ProB", "910B1", "Ascend910", "310P3")]
    assert ports == [100_000, 200_000, 200_000, None]


def test_a_configured_number_counts_cards_of_an_a3_up_to_eight() -> None:
    a3, a2, duo = (ascend_models.generation_on_bus(device) for device in ("d803", "d802", "d500"))
    assert [ascend_models.chips_promised(n, [a3] * 16) for n in (4, 8, 9, 16)] == [8, 16, 9, 16]
    assert [ascend_models.chips_promised(n, [a2] * 8) for n in (8, 16)] == [8, 16]
    assert [ascend_models.chips_promised(8, rows) for rows in ([duo], [], [a2, a3])] == [8, 8, 8]


def test_only_the_first_910_keeps_its_clock_when_idle() -> None:
    assert [ascend_models.keeps_its_clock("910A", mhz) for mhz in (0, 1, 900, 1000, 1001)] == [
        False,
        True,
        True,
        True,
        False,
    ]
    assert not any(ascend_models.keeps_its_clock(name, 900) for name in ("910B3", "Ascend910", "310P3"))


def test_the_gravest_of_several_fault_codes_counts() -> None:
    assert ascend_faults.action(("80E21007", "80E01801", "80C98001")) == "reset the chip"
    assert ascend_faults.action(("80E18402", "80C98001")) == "take the chip out of use"
    assert ascend_faults.action(("FFFFFFFF",)) == ""


@pytest.mark.parametrize(
    ("code", "action"),
    [
        ("80E21007", "nothing need be done"),
        ("80C98008", "send the request again"),
        ("80E01801", "restart the job"),
        ("8C0E4E00", "reset the chip when it is idle"),
        ("80E24E00", "reset the chip"),
        ("80E3A201", "take the chip out of use"),
    ],
)
def test_each_level_of_a_fault_asks_for_something(code: str, action: str) -> None:
    assert ascend_faults.action((code,)) == action


def test_a_fault_code_is_eight_digits_in_upper_case() -> None:
    assert all(re.fullmatch("[0-9A-F]{8}", code) for code in ascend_faults.LEVELS)


@pytest.mark.parametrize(
    ("name", "modes", "planes", "shares"),
    [("910A", True, True, False), ("910B3", False, False, False), ("310P3", False, False, True)],
)
def test_what_only_one_generation_has(name: str, modes: bool, planes: bool, shares: bool) -> None:
    row = ascend_models.generation(name)
    assert (row.has_work_modes, row.has_two_planes, row.shares_functions) == (modes, planes, shares)


@pytest.mark.parametrize(
    ("name", "hccs", "without_ports"),
    [("910A", False, False), ("910B3", True, False), ("910_9392", True, True), ("310P3", False, False)],
)
def test_which_generations_tell_of_links_between_chips_and_do_without_ports(
    name: str, *, hccs: bool, without_ports: bool
) -> None:
    row = ascend_models.generation(name)
    assert (row.has_hccs_status, row.may_do_without_ports) == (hccs, without_ports)


KUNPENG = """\
0000:01:00.0 Processing accelerators [1200]: Huawei Technologies Co., Ltd. Device [19e5:d801] (rev 20)
0000:75:00.0 Processing accelerators [1200]: Huawei Technologies Co., Ltd. HiSilicon ZIP Engine [19e5:a250] (rev 21)
0000:75:00.1 Processing accelerators [1200]: Huawei Technologies Co., Ltd. HiSilicon ZIP Engine [19e5:a251] (rev 21)
"""


def test_the_engines_of_a_kunpeng_are_told_from_chips() -> None:
    engines = [f.address for f in lspci.functions(KUNPENG) if f.device in ascend_models.ENGINES]
    assert engines == ["0000:75:00.0", "0000:75:00.1"]


def test_an_idle_910_draws_no_more_and_no_less() -> None:
    assert ascend_models.IDLE_POWER == (50.0, 110.0)


UP_TO_25_5 = """\
drv_pcie_vnic_host     24576  0
drv_pcie_hdc_host     110592  1 drv_devmm_host
drv_devmm_host        450560  1
drv_devmng_host       131072  0
drv_devdrv_host       184320  3 drv_devmng_host,drv_devmm_host
drv_pcie_host         122880  3 drv_pcie_vnic_host,drv_pcie_hdc_host,drv_devdrv_host
drv_seclib_host        20480  6 drv_pcie_host
"""
LATER = """\
asdrv_vnic             24576  0
asdrv_buff             65536  1
asdrv_queue            65536  0
asdrv_dms             131072  2
asdrv_svm             450560  1
drv_pcie_hdc_host     110592  1 asdrv_svm
drv_pcie_host         122880  2 drv_pcie_hdc_host
drv_seclib_host        20480  8 drv_pcie_host
"""


def test_the_modules_that_a_driver_loads() -> None:
    loaded = [sorted(line.split()[0] for line in lsmod.splitlines()) for lsmod in (UP_TO_25_5, LATER)]
    assert [sorted(modules) for modules in ascend_models.MODULES] == loaded
