"""The stand-ins' answers, from the awk programs themselves with the tables in a temporary folder."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from dlws.parse.accelerators import (
    dcgm,
    hccn,
    hccn_link,
    npu_chip,
    nvidia_log,
    nvidia_repairs,
    nvidia_temperature,
    nvidia_topology,
    nvlink,
)
from dlws.parse.accelerators import npu_smi as npu_smi_parser
from dlws.parse.accelerators import nvidia_smi as nvidia_smi_parser
from dlws.parse.host import lspci
from lab import devices
from lab.plan import HOSTS, LAB

GPU = LAB / "rootfs/gpu/usr/lib/dlws-lab"
NPU = LAB / "rootfs/npu/usr/lib/dlws-lab"
ALL = " " + "  ".join(str(index) for index in range(8)) + " "


class Tool:
    """One stand-in, asked with arguments."""

    def __init__(self, folder: Path, table: str, programs: list[Path]) -> None:
        (folder / "table").write_text(table)
        self.table = folder / "table"
        self.options: list[str] = ["-v", f"present={ALL}", "-v", "now=Tue Nov 24 06:50:34 2026"]
        for program in programs:
            copy = folder / program.name
            text = program.read_text()
            for name in ("gpu", "npu"):
                text = text.replace(f"/etc/dlws-lab/{name}.tsv", str(folder / "table"))
            copy.write_text(text)
            self.options += ["-f", str(copy)]

    def __call__(self, *words: str, status: int = 0) -> str:
        done = subprocess.run(
            ["awk", "-F", "\t", *self.options, "--", *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stderr
        return done.stdout


@pytest.fixture
def nvidia_smi(tmp_path: Path) -> Tool:
    return Tool(tmp_path, devices.gpus(HOSTS["atlas-gpu01"]), [GPU / "nvidia-smi.awk"])


def test_in_a_container_the_only_card_is_number_0(tmp_path: Path) -> None:
    one = Tool(tmp_path, devices.gpus(HOSTS["atlas-gpu01"]), [GPU / "nvidia-smi.awk"])
    one.options[1] = "present= 3 "
    assert one("-L").startswith("GPU 0: ")
    assert [line.split(":")[1].strip() for line in one("-q").splitlines() if "Minor Number" in line] == ["3"]


@pytest.fixture
def npu_smi(tmp_path: Path) -> Tool:
    return Tool(tmp_path, devices.npus(HOSTS["atlas01"]), [NPU / "npu-table.awk", NPU / "npu-smi.awk"])


@pytest.fixture
def hccn_tool(tmp_path: Path) -> Tool:
    return Tool(tmp_path, devices.npus(HOSTS["atlas01"]), [NPU / "npu-table.awk", NPU / "hccn-tool.awk"])


def test_query_prints_one_csv_line_per_card(nvidia_smi: Tool) -> None:
    lines = nvidia_smi("--query-gpu=index,driver_version,memory.total", "--format=csv,noheader,nounits").splitlines()
    assert lines[0] == "0, 440.64, 32510"
    assert len(lines) == 8


def test_query_prints_units_unless_told_not_to(nvidia_smi: Tool) -> None:
    header, first = nvidia_smi("--query-gpu=index,power.limit", "--format=csv").splitlines()[:2]
    assert (header, first) == ("index, power.limit [W]", "0, 300.00 W")


def test_query_of_an_unknown_field_fails_by_name(nvidia_smi: Tool) -> None:
    answer = nvidia_smi("--query-gpu=mig.mode.current", "--format=csv", status=2)
    assert answer.startswith('Field "mig.mode.current" is not a valid field to query.')


def test_default_table_lines_are_all_equally_wide(nvidia_smi: Tool) -> None:
    lines = nvidia_smi().splitlines()[1:]
    assert "| NVIDIA-SMI 440.64       Driver Version: 440.64       CUDA Version: 10.2     |" in lines
    assert {len(line) for line in lines} == {79}


def test_a_lost_card_is_missing_everywhere(nvidia_smi: Tool) -> None:
    text = nvidia_smi.table.read_text().splitlines(keepends=True)
    nvidia_smi.table.write_text("".join(line for line in text if not line.startswith("3\t")))
    assert len(nvidia_smi("-L").splitlines()) == 7
    assert nvidia_smi("--query-gpu=count", "--format=csv,noheader").splitlines()[0] == "7"


def test_options_that_came_with_later_drivers_are_refused(nvidia_smi: Tool) -> None:
    for option in ("--version", "--query-remapped-rows=gpu_uuid"):
        assert nvidia_smi(option, "--format=csv", status=1).startswith("Invalid combination of input arguments")


def test_newer_driver_knows_row_remapping_and_its_version(nvidia_smi: Tool) -> None:
    nvidia_smi.table.write_text(nvidia_smi.table.read_text().replace("440.64", "535.54.03"))
    rows = nvidia_smi("--query-remapped-rows=remapped_rows.pending", "--format=csv,noheader").splitlines()
    assert rows == ["[N/A]"] * 8
    assert "DRIVER version      : 535.54.03" in nvidia_smi("--version")


def test_a_field_has_the_name_that_its_driver_gives_it(nvidia_smi: Tool) -> None:
    event = ("--query-gpu=index,clocks_event_reasons.active,mig.mode.current", "--format=csv,noheader")
    assert "not a valid field" in nvidia_smi(*event, status=2)
    nvidia_smi.table.write_text(nvidia_smi.table.read_text().replace("440.64", "535.54.03"))
    assert nvidia_smi(*event).splitlines()[0] == "0, 0x0000000000000001, [N/A]"


def test_a_section_is_shown_alone(nvidia_smi: Tool) -> None:
    text = nvidia_smi("-q", "-d", "TEMPERATURE")
    assert "Product Name" not in text
    assert {card.margin for card in nvidia_temperature.parse(text)} == {54, 53, 52, 51}


def test_repairs_are_told_by_newer_drivers_alone(nvidia_smi: Tool) -> None:
    assert nvidia_repairs.needed(nvidia_smi("-q", "-d", "ECC")) is None
    nvidia_smi.table.write_text(nvidia_smi.table.read_text().replace("440.64", "580.95.05"))
    assert nvidia_repairs.needed(nvidia_smi("-q", "-d", "ECC")) == {}


def shell(tmp_path: Path, tool: str, *words: str, kind: str = "gpu") -> str:
    """What a stand-in that is a shell script prints, its files in a folder of the test."""
    text = (LAB / "rootfs" / kind / tool).read_text().replace("/etc/dlws-lab", str(tmp_path))
    return subprocess.run(["sh", "-c", text, "sh", *words], capture_output=True, text=True, check=True).stdout


def test_the_kernels_log_is_the_hosts_own(tmp_path: Path) -> None:
    (tmp_path / "kernel.log").write_text(devices.kernel_log(HOSTS["atlas-gpu01"], "2026-11-24T06:49:58+0000"))
    text = shell(tmp_path, "usr/local/bin/journalctl", "-k", "-q", "--no-pager", "-o", "short-iso")
    assert text.startswith("2026-11-24T06:49:58+0000 atlas-gpu01 kernel: Linux version ")
    text = shell(tmp_path, "usr/local/bin/journalctl", "-k", "-q", "--no-pager", "-o", "short-monotonic")
    assert text.startswith("[    0.000000] atlas-gpu01 kernel: Linux version ")
    assert (nvidia_log.begins(text), nvidia_log.errors(text)) == (0.0, nvidia_log.Errors((), ()))


def test_the_driver_on_disk_is_loaded_unless_upgraded(tmp_path: Path) -> None:
    (tmp_path / "gpu.tsv").write_text(devices.gpus(HOSTS["atlas-gpu01"]))
    assert shell(tmp_path, "usr/local/sbin/modinfo", "-F", "version", "nvidia") == "440.64\n"
    (tmp_path / "nvidia-module").write_text("450.80.02\n")
    assert shell(tmp_path, "usr/local/sbin/modinfo", "-F", "version", "nvidia") == "450.80.02\n"


def test_dcgm_finds_nothing(tmp_path: Path) -> None:
    (tmp_path / "gpu.tsv").write_text(devices.gpus(HOSTS["atlas-gpu01"]))
    assert dcgm.failures(shell(tmp_path, "usr/bin/dcgmi", "diag", "-r", "1", "-j")) == []


def test_lspci_shows_the_link_of_each_npu_to_who_asks_for_more(tmp_path: Path) -> None:
    (tmp_path / "pci.tsv").write_text(devices.pci(HOSTS["atlas01"]))
    text = shell(tmp_path, "usr/bin/lspci", "-D", "-vv", "-d", "19e5::1200", kind="common")
    assert lspci.links(text) == ({}, [f"0000:{number.lower()}:00.0" for number in devices.NPU_BUS])
    text = shell(tmp_path, "usr/bin/lspci", "-Dnn", "-d", "19e5::1200", kind="common")
    assert {function.device for function in lspci.functions(text)} == {"d801"}


def test_setpci_shows_the_registers_of_a_link(tmp_path: Path) -> None:
    (tmp_path / "pci.tsv").write_text(devices.pci(HOSTS["atlas01"]))
    registers = ("CAP_EXP+0c.l", "CAP_EXP+12.w")
    text = shell(tmp_path, "usr/bin/setpci", "-s", "0000:c1:00.0", *registers, kind="common")
    link = lspci.PcieLink(16, 16, 16.0, 16.0)
    assert lspci.registered_links(f"== 0000:c1:00.0\n{text}") == {"0000:c1:00.0": link}
    text = shell(tmp_path, "usr/bin/setpci", "-s", "0000:7d:00.0", *registers, kind="common")
    assert lspci.registered_links(f"== 0000:7d:00.0\n{text}") == {"0000:7d:00.0": lspci.PcieLink(8, 8, 5.0, 5.0)}


def test_a_port_without_light_says_so(hccn_tool: Tool) -> None:
    assert hccn_link.optical(hccn_tool("-i", "3", "-optical", "-g")) == hccn_link.Optical(present=True)
    hccn_tool.table.write_text(hccn_tool.table.read_text().replace("\t1.0189\t", "\t0.0000\t"))
    dark = hccn_link.optical(hccn_tool("-i", "3", "-optical", "-g"))
    assert (dark.astray[0], dark.lost) == ("Rx Power0 0 mW", ("Rx Los Flag",))


def test_a_port_remembers_when_its_link_went_down(hccn_tool: Tool) -> None:
    always = timedelta(days=36500)
    assert hccn_link.downs(hccn_tool("-i", "3", "-link_stat", "-g"), always) == 0
    hccn_tool.table.write_text(hccn_tool.table.read_text().replace("\tnever", "\tTue Nov 24 06:49:58 2026"))
    assert hccn_link.downs(hccn_tool("-i", "3", "-link_stat", "-g"), always) == 1


def test_npu_table_has_two_equally_wide_rows_per_chip(npu_smi: Tool) -> None:
    lines = npu_smi("info").splitlines()
    assert {len(line) for line in lines} == {86}
    assert sum("| OK " in line for line in lines) == 8


def test_npu_health_of_the_chip_is_not_the_management_units(npu_smi: Tool) -> None:
    npu_smi.table.write_text(npu_smi.table.read_text().replace("\tOK\tNA\t", "\tAlarm\t80C98001\t"))
    assert "Alarm" in npu_smi("info", "-t", "health", "-i", "0", "-c", "0")
    assert "Alarm" not in npu_smi("info", "-t", "health", "-i", "0")


def test_npu_255_means_all_of_them(npu_smi: Tool) -> None:
    assert npu_smi("info", "-t", "common", "-i", "255").count("NPU ID") == 8


def test_unknown_npu_is_an_error(npu_smi: Tool) -> None:
    assert npu_smi("info", "-t", "board", "-i", "9", status=1) == "Error parameter of -i\n"


def test_hccn_tool_answers_as_recorded(hccn_tool: Tool) -> None:
    assert hccn_tool("-i", "3", "-link", "-g") == "link status: UP\n"
    assert hccn_tool("-i", "3", "-speed", "-g") == "Speed: 100000 Mb/s\n"
    assert hccn_tool("-i", "3", "-ip", "-g") == "ipaddr:10.20.3.60\nnetmask:255.255.255.0\n"


def test_the_suites_parsers_read_nvidia_smi(nvidia_smi: Tool) -> None:
    query = ("--query-gpu=" + ",".join(nvidia_smi_parser.GPU_FIELDS), "--format=csv,noheader,nounits")
    gpus = nvidia_smi_parser.gpus(nvidia_smi(*query))
    assert [gpu.memory for gpu in gpus] == [32510] * 8
    assert nvidia_smi_parser.listed(nvidia_smi("-L")) == tuple(gpu.uuid for gpu in gpus)
    assert nvlink.parse(nvidia_smi("nvlink", "-s")) == dict.fromkeys(range(8), (25.781,) * 6)
    assert nvidia_topology.parse(nvidia_smi("topo", "-m"))["GPU7"]["GPU6"] == "NV2"
    assert nvidia_smi_parser.table(nvidia_smi()).bus_ids == tuple(gpu.bus_id for gpu in gpus)


def test_the_suites_parsers_read_npu_smi(npu_smi: Tool) -> None:
    info = npu_smi_parser.info(npu_smi("info"))
    assert (info.driver, len(info.chips), info.chips[0].hbm_total) == ("1.72.T2.100.B020", 8, 32768)
    assert npu_smi_parser.cards(npu_smi("info", "-l")) == dict.fromkeys(range(8), 1)
    assert [chip.logic for chip in npu_smi_parser.mapping(npu_smi("info", "-m"))] == list(range(8))
    assert npu_chip.common(npu_smi("info", "-t", "common", "-i", "3"))[0].power == 69.9


def test_the_suites_parsers_read_one_chips_state(npu_smi: Tool) -> None:
    assert npu_chip.health(npu_smi("info", "-t", "health", "-i", "3", "-c", "0"))
    assert npu_chip.board(npu_smi("info", "-t", "board", "-i", "3"))
    assert npu_chip.ecc(npu_smi("info", "-t", "ecc", "-i", "3"))
    assert npu_chip.work_mode(npu_smi("info", "-t", "work-mode", "-i", "3")) == "SMP"


def test_the_suites_parsers_read_hccn_tool(hccn_tool: Tool) -> None:
    assert hccn.link_is_up(hccn_tool("-i", "3", "-link", "-g"))
    assert hccn.net_health(hccn_tool("-i", "3", "-net_health", "-g")) == "Success"
    assert hccn.fec(hccn_tool("-i", "3", "-fec", "-g")) == "rs FEC mode"
    assert hccn.lost(hccn_tool("-i", "3", "-ping", "-g", "address", "10.20.3.20")) == 0
    assert not hccn.tls_is_on(hccn_tool("-i", "3", "-tls", "-g"))
    assert hccn.ip(hccn_tool("-i", "3", "-ip", "-g")) == hccn.conf(devices.hccn_conf(HOSTS["atlas01"]))[3]
