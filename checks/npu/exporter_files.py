"""P: the generator of NPU information on hosts with Ascend NPUs (runbook 3.16.9)."""

from __future__ import annotations

from dlws.engine.check import check, expect
from dlws.engine.targets import platform_npu_hosts
from dlws.facts.files import digest_of
from dlws.facts.npu_info import FRESH, stale_files
from dlws.facts.rendered import sha256
from dlws.platform import npu_info
from dlws.remote.host import Host


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
    generator = host.service(npu_info.UNIT)
    found = [generator.active_state, generator.unit_file_state or "not installed"]
    expect(npu_info.UNIT, found=found, expected=["active", "enabled"])
    texts = {npu_info.UNIT_FILE: npu_info.UNIT_TEXT, npu_info.SCRIPT_FILE: npu_info.SCRIPT}
    others = [path for path, text in texts.items() if digest_of(host, path) != sha256(text)]
    expect("generator files that are not the suite's", found=others, expected=[])
    rivals = host.run_expect([0, 1], "pgrep -f %s", npu_info.UPSTREAM).stdout.split()
    expect("upstream generators also running", found=rivals, expected=[])
    title = f"files in {npu_info.FOLDER} missing or older than {FRESH} s"
    expect(title, found=stale_files(host), expected=[])
