"""Error counters of the memory controllers."""

from __future__ import annotations

import re

from dlws.parse.text import number, unparsable
from dlws.remote.host import Host

EDAC = "/sys/devices/system/edac/mc"
READ_EDAC = (
    f"set -e; cut -d. -f1 /proc/uptime; if test -d {EDAC}; then find {EDAC} -mindepth 2 -maxdepth 2"
    " -name '[uc]e_count' -exec grep -H . {} +; fi"
)
DAY = 86_400


def memory_errors(host: Host) -> tuple[float, dict[str, int]]:
    """Days since the boot, one at least, and each counter, `mc0/ue_count`; none on a machine that counts no errors."""
    uptime, *rows = host.lines(READ_EDAC) or [""]
    found = {}
    for row in rows:
        counter = re.fullmatch(r".*/(mc[0-9]+/[uc]e_count):([0-9]{1,18})", row)
        if counter is None:
            raise unparsable("EDAC", row)
        found[counter[1]] = int(counter[2])
    return max(number("/proc/uptime", uptime) / DAY, 1.0), found
