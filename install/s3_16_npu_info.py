"""Runbook 3.16.9: the generator of NPU information, started before monitor, whose job-exporter mounts its folder."""

from __future__ import annotations

from checks.npu import exporter_files as checks
from dlws.engine.stage import stage
from dlws.engine.targets import platform_npu_hosts
from dlws.facts.files import digest_of
from dlws.facts.npu_info import stale_files
from dlws.facts.rendered import sha256
from dlws.platform import npu_info
from dlws.remote.change import Change
from dlws.remote.host import Host

FIRST_ROUND = 120.0  # seconds until the first files exist


@stage(section="3.16", on=platform_npu_hosts, after=["platform", "reboot"], proves=[checks.test_npu_info])
def test_npu_info(host: Host, change: Change) -> None:
    """Run the generator of NPU information as a systemd unit instead of upstream's loop."""
    if host.run("pgrep -f %s", npu_info.UPSTREAM).rc == 0:
        change.run("pkill -f %s", npu_info.UPSTREAM, text="end upstream's npu_info_gen.py")
    if digest_of(host, npu_info.SCRIPT_FILE) != sha256(npu_info.SCRIPT):
        change.write_file(npu_info.SCRIPT_FILE, npu_info.SCRIPT, mode="0755")
    if digest_of(host, npu_info.UNIT_FILE) != sha256(npu_info.UNIT_TEXT):
        change.write_file(npu_info.UNIT_FILE, npu_info.UNIT_TEXT)
    change.run("systemctl daemon-reload && systemctl enable %s && systemctl restart %s", npu_info.UNIT, npu_info.UNIT)
    change.wait_until("the generator's files to exist", lambda: not stale_files(host), FIRST_ROUND)
