"""P: Huawei Ascend NPUs: that they are there, their driver and their tools (P01 to P05, P12, P13, P29).

P06 to P11, P26, P27: `checks.npu.chips`; P14 to P21, P28: `checks.npu.network`.
"""

from __future__ import annotations

from dlws.config.cluster import Cluster
from dlws.engine.check import Mismatch, check, expect, expect_that, preflight
from dlws.engine.targets import npu_hosts
from dlws.facts.ascend import (
    INSTALL_RECORD,
    SHARED_DEVICE_FILES,
    TOOLS,
    device_files,
    functions_on_bus,
    listed_chips,
    npu_cards,
    npu_smi_answers,
)
from dlws.facts.files import text_of
from dlws.inventory import Node
from dlws.parse import versions
from dlws.parse.accelerators import ascend, ascend_models, npu_chip
from dlws.parse.accelerators.ascend_models import MODULES
from dlws.parse.host import dkms
from dlws.parse.host.dkms import ModuleBuild
from dlws.parse.text import only_line, unparsable
from dlws.remote.host import Host
from dlws.verdict import NotApplicable, Severity, Unknown

DKMS_MODULE = "davinci_ascend"
"""What Ascend's driver is called by DKMS, where it was installed with --dkms."""


@preflight
@check(
    "P01",
    section="2.1",
    source="runbook 1",
    on=npu_hosts,
    title_zh="NPU 数量与配置一致",
    fix="reseat or replace the missing card, or correct gpu_count_per_node",
)
def test_npu_count(node: Node, host: Host) -> None:
    """The PCI bus, npu-smi and /dev/davinciN show as many NPUs as configured.

    Of an A3, whose cards have two chips, gpu_count_per_node may count the eight cards or the sixteen chips; of all
    others it counts chips. The two chips of a 310P may share a PCI function.
    """
    functions = functions_on_bus(host)
    cards = npu_cards(host)
    chips, files = sum(cards.values()), len(device_files(host))
    rows = [ascend_models.generation_on_bus(function.device) for function in functions]
    wanted = ascend_models.chips_promised(node.device_count, rows)
    may_share = any(row.shares_functions for row in rows)
    on_bus = max(chips, len(rows)) if may_share and len(cards) <= len(rows) else len(rows)
    counts = "{} on the PCI bus, {} in npu-smi and {} as /dev/davinciN"
    expect("NPUs", found=counts.format(on_bus, chips, files), expected=counts.format(wanted, wanted, wanted))


@preflight
@check(
    "P02",
    section="2.1",
    source="runbook 1",
    on=npu_hosts,
    title_zh="NPU 驱动版本不低于要求",
    fix="install the required Ascend driver by hand; the suite never installs drivers",
)
def test_npu_driver(cluster: Cluster, host: Host) -> None:
    """The Ascend driver is at least the required version."""
    found = ascend.version_info(host.read("cat /usr/local/Ascend/driver/version.info"))
    wanted = cluster.suite.required_npu_driver
    expect_that(
        versions.ascend(found) >= versions.ascend(wanted), "Ascend driver", found=found, expected=f"{wanted} or newer"
    )


@preflight
@check(
    "P29",
    section="2.1",
    source="Ascend",
    on=npu_hosts,
    title_zh="npu-smi 与 hccn_tool 可用",
    causes=[test_npu_count],
    fix="reboot the host; if that does not help, reinstall the driver by hand",
)
def test_npu_tools_work(host: Host) -> None:
    """npu-smi lists the host's chips, and hccn_tool is executable."""
    if not listed_chips(host):
        raise Mismatch("chips in npu-smi", found="none", expected="at least one")
    runs = host.run_expect([0, 1], f"test -x {TOOLS}/hccn_tool").rc == 0
    expect(f"{TOOLS}/hccn_tool", found="executable" if runs else "not executable", expected="executable")


@preflight
@check(
    "P03",
    section="2.1",
    source="Ascend version mapping",
    on=npu_hosts,
    title_zh="NPU 固件与驱动配套且各卡一致",
    causes=[test_npu_tools_work, test_npu_driver],
    fix="on every card, install the firmware named in the driver's release notes, and reboot",
)
def test_npu_firmware(host: Host) -> None:
    """All NPUs have the same firmware, which the driver reports as compatible."""
    answers = npu_smi_answers(host)
    boards = {f"card {npu}": npu_chip.board(answers.card(npu, "board")) for npu in answers.cards}
    wrong = [f"{name} {board.firmware}" for name, board in boards.items() if board.compatible is False]
    expect("cards with firmware incompatible with the driver", found=wrong, expected=[])
    found = sorted({board.firmware for board in boards.values()})
    expect_that(len(found) == 1, "firmware versions", found=found, expected="the same on all cards")
    if silent := [name for name, board in boards.items() if board.compatible is None]:
        raise Unknown(f"npu-smi does not report the firmware compatibility of {', '.join(silent)}")


@preflight
@check(
    "P04",
    section="2.1",
    source="Ascend",
    on=npu_hosts,
    title_zh="NPU 驱动内核模块已加载",
    fix="dmesg | grep drv_; build the driver for this kernel (dkms) or reinstall it by hand",
)
def test_npu_modules(host: Host) -> None:
    """Every kernel module of the Ascend driver is loaded, of its older or of its newer set."""
    names = sorted({name for modules in MODULES for name in modules})
    missing = host.lines(f"for m in {' '.join(names)}; do test -d /sys/module/$m || echo $m; done")
    if not set(missing) <= set(names):
        raise unparsable("/sys/module", missing[0])
    of_each = [[name for name in modules if name in missing] for modules in MODULES]
    expect("modules not loaded", found=min(of_each, key=len), expected=[])


@preflight
@check(
    "P05",
    section="2.1",
    source="ascend-docker-runtime",
    on=npu_hosts,
    title_zh="NPU 设备文件齐全且属组正确",
    fix="reboot the host; for a wrong group, reinstall the driver with the right --install-username",
)
def test_npu_device_files(host: Host) -> None:
    """The Ascend driver's and the NPUs' device files exist and belong to the group set at installation."""
    group = ascend.install_info(host.read("cat %s", INSTALL_RECORD)).get("UserGroup", "")
    if not group:
        raise unparsable(INSTALL_RECORD, why="no UserGroup")
    paths = [*sorted(device_files(host)), *SHARED_DEVICE_FILES]
    shown = host.lines(f"for f in {' '.join(paths)}; do test ! -e $f || stat -c '%n %F:%G' $f; done")
    found = dict(line.split(" ", 1) for line in shown if " " in line)
    if len(found) != len(shown) or not found.keys() <= set(paths):
        raise unparsable("stat", shown[0])
    expected = f"character special file:{group}"
    wrong = [f"{path} {found.get(path, 'missing')}" for path in paths if found.get(path) != expected]
    expect(f"device files missing or not owned by group {group}", found=wrong, expected=[])


@check(
    "P12",
    section="2.1",
    source="Ascend FAQ",
    on=npu_hosts,
    title_zh="NPU 驱动已为当前内核编译（DKMS）",
    fix="apt-get install linux-headers-$(uname -r); dkms autoinstall; or boot the kernel that the driver is built for",
)
def test_npu_driver_is_built_for_the_kernel(host: Host) -> None:
    """An Ascend driver managed by DKMS is built for the running kernel, whose headers are installed."""
    if host.run_expect([0, 1], f"test -d /var/lib/dkms/{DKMS_MODULE}").rc:
        raise NotApplicable("the Ascend driver was installed without DKMS: its modules are prebuilt")
    kernel = only_line("uname -r", host.read("uname -r"))
    builds = [build for build in module_builds(host) if build.module == DKMS_MODULE]
    here = [build.state for build in builds if build.kernel in (kernel, None) and build.state != "added"]
    expect(f"{DKMS_MODULE} for {kernel}", found=here or "not built", expected=["installed"])
    headers = f"/lib/modules/{kernel}/build/include"
    there = host.run_expect([0, 1], "test -d %s", headers).rc == 0
    expect(f"headers of {kernel}", found="installed" if there else "missing", expected="installed")


@check(
    "P13",
    section="2.1",
    source="Ascend",
    on=npu_hosts,
    severity=Severity.WARNING,
    title_zh="NPU 驱动安装完整且与安装记录一致",
    fix="reinstall the Ascend driver with --full, by hand",
)
def test_npu_install_record(host: Host) -> None:
    """The Ascend driver is fully installed, and the folder and user in its record exist."""
    text = text_of(host, INSTALL_RECORD)
    if text is None:
        raise Mismatch(INSTALL_RECORD, found="no file", expected="the driver's installation record")
    record = ascend.install_info(text)
    expect("Driver_Install_Type", found=record.get("Driver_Install_Type", "none"), expected="full")
    folder, user = record.get("Driver_Install_Path_Param", ""), record.get("UserName", "")
    there = bool(folder) and host.run_expect([0, 1], "test -d %s/driver", folder).rc == 0
    expect(f"driver folder {folder or '(not named)'}", found="present" if there else "missing", expected="present")
    known = bool(user) and host.user(user).exists
    expect(f"driver user {user or '(not named)'}", found="present" if known else "missing", expected="present")


def module_builds(host: Host) -> tuple[ModuleBuild, ...]:
    """What DKMS says of all modules. It ends with 4 where one is broken, which says nothing of the others."""
    result = host.run_expect([0, 4], "dkms status")
    builds = dkms.status(f"{result.stdout}\n{result.stderr}" if result.rc else result.stdout)
    if result.rc and not any(build.state == dkms.BROKEN for build in builds):
        raise host.unexpected(result)
    return builds
