"""The files that the NPU information generator keeps (runbook 3.16.9)."""

from __future__ import annotations

import re

from dlws.facts.ascend import required_npu_cards
from dlws.parse.text import unparsable
from dlws.platform import npu_info
from dlws.remote.host import Host

FRESH = 60
"""Seconds: a round of npu-smi over eight NPUs takes up to ten."""
AGES = f"set -e; date +%s; find {npu_info.FOLDER} -maxdepth 1 -name 'device*' -size +0 -printf '%T@ %f\\n'"


def stale_files(host: Host) -> list[str]:
    """The generator's files that are not there, or not of its latest round: one of each card, and their list."""
    wanted = ["device_list", *(f"device{card}" for card in required_npu_cards(host))]
    fresh = fresh_files(host)
    return [name for name in dict.fromkeys(wanted) if name not in fresh]


def fresh_files(host: Host) -> set[str]:
    """The names of the generator's files that hold something and are fresh, by the host's own clock."""
    result = host.run_expect([0, 1], AGES)
    if result.rc and "No such file or directory" in result.stderr:
        return set()
    now, *rows = result.stdout.splitlines() if result.rc == 0 else [""]
    found = [re.fullmatch(r"([0-9]{1,12})(?:\.[0-9]{0,12})? (\S+)", row) for row in rows]
    if not now.isdecimal() or None in found:
        raise unparsable("find", result.stdout or result.stderr)
    return {row[2] for row in found if row and int(now) - int(row[1]) < FRESH}
