"""The identity of a host's current boot, to recognise a reboot, also in a container (runbook 3.8)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import number, only_line, unparsable


@dataclass(frozen=True, slots=True)
class Boot:
    """Equal for the same boot. `id` is the kernel's boot id, which in a container is the outer host's.

    That one outlives the container's reboots, hence `init_started`: the start time of PID 1 in clock ticks since the
    kernel booted.
    """

    id: str
    init_started: int


def parse(boot_id: str, init_stat: str) -> Boot:
    """The boot, from the text of /proc/sys/kernel/random/boot_id and /proc/1/stat."""
    line = only_line("boot_id", boot_id)
    if re.fullmatch(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", line) is None:
        raise unparsable("boot_id", line)
    return Boot(line, starttime(init_stat))


def starttime(stat: str) -> int:
    """Field 22 of /proc/PID/stat, in clock ticks since boot.

    Counted from the last parenthesis because field 2, the command name, may contain spaces and parentheses.
    """
    line = only_line("/proc/PID/stat", stat)
    head, _, tail = line.rpartition(") ")
    fields = tail.split(" ")
    if re.match(r"[0-9]{1,10} \(", head) is None or len(fields) < 40:
        raise unparsable("/proc/PID/stat", line)
    return number("/proc/PID/stat", fields[22 - 3])
