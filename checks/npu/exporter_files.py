"""P: the generator of NPU information on hosts with Ascend NPUs (runbook 3.16.9)."""

from __future__ import annotations

import re

from dlws.engine.check import check, expect
from dlws.engine.targets import platform_npu_hosts
from dlws.facts.files import digest_of
from dlws.facts.rendered import sha256
from dlws.facts.units import unit
from dlws.parse.accelerators import npu_smi
from dlws.parse.text import unparsable
from dlws.platform import npu_info
from dlws.remote.host import Host

FRESH = 60
"""Seconds: a round of npu-smi over eight NPUs takes up to ten."""
AGES = f"set -e; date +%s; find {npu_info.FOLDER} -maxdepth 1 -name 'device*' -size +0 -printf '%T@ %f\\n'"


@check(
    "P23",
    section="3.16",
    source="upstream npu_info_gen.py",
    on=platform_npu_hosts,
    title_zh="NPU 信息生成服务运行且数据及时更新",
    fix=f"systemctl status {npu_info.UNIT}; npu-smi info -m on the host; -m install --stages npu_info",
)
def test_npu_info(host: Host) -> None:
    """Exactly one NPU information generator runs, is enabled at boot, and keeps its files under a minute old."""
    active, at_boot = unit(host, npu_info.UNIT, "ActiveState", "UnitFileState")
    expect(npu_info.UNIT, found=[active, at_boot or "not installed"], expected=["active", "enabled"])
    texts = {npu_info.UNIT_FILE: npu_info.UNIT_TEXT, npu_info.SCRIPT_FILE: npu_info.SCRIPT}
    others = [path for path, text in texts.items() if digest_of(host, path) != sha256(text)]
    expect("generator files that are not the suite's", found=others, expected=[])
    rivals = host.run_expect([0, 1], "pgrep -f %s", npu_info.UPSTREAM).stdout.split()
    expect("upstream generators also running", found=rivals, expected=[])
    title = f"files in {npu_info.FOLDER} missing or older than {FRESH} s"
    expect(title, found=stale_files(host), expected=[])


def stale_files(host: Host) -> list[str]:
    """The generator's files that are not there, or not of its latest round: one of each NPU, and their list."""
    wanted = ["device_list", *(f"device{card}" for card in npu_smi.cards(host.read("npu-smi info -l")))]
    fresh = fresh_files(host)
    return [name for name in dict.fromkeys(wanted) if name not in fresh]


def fresh_files(host: Host) -> set[str]:
    """The names of the generator's files that hold something and are fresh, by the host's own clock."""
    result = host.run_expect([0, 1], AGES)
    if result.rc and "No such file or directory" in result.stderr:
        return set()
    now, *rows = result.stdout.splitlines() if result.rc == 0 else [""]
    found = [re.fullmatch(r"([0-9]+)\.?[0-9]* (\S+)", row) for row in rows]
    if not now.isdecimal() or None in found:
        raise unparsable("find", result.stdout or result.stderr)
    return {row[2] for row in found if row and int(now) - int(row[1]) < FRESH}
