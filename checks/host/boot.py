"""H: that a host is still in the boot in which it was last looked at."""

from __future__ import annotations

from dlws.engine.check import check, expect_that
from dlws.remote.change import boot_of
from dlws.remote.host import Host
from dlws.verdict import NotApplicable, Severity
from fixtures.earlier import Earlier


@check(
    "H31",
    section="2.1",
    source="drift",
    severity=Severity.INFO,
    title_zh="自上次运行以来主机未重启",
    fix="find out who restarted it or why it went down: last -x reboot shutdown; journalctl -b -1 -e",
)
def test_host_has_not_restarted(host: Host, earlier: Earlier) -> None:
    """The host has not restarted since the last run, other than by the suite itself."""
    now, then = boot_of(host), earlier.host()
    if then is None:
        raise NotApplicable("no earlier run recorded which boot the host was in")
    expect_that(boot_of(then) == now, "boot", found="a different one", expected="the one recorded by the last run")
