"""Files written by the Ascend driver's installer: version.info and /etc/ascend_install.info (runbook 2.1)."""

from __future__ import annotations

import re

from dlws.parse.text import lines_from, unparsable

_PAIR = re.compile(r"([A-Za-z][A-Za-z0-9_]*)=(.*)")


def version_info(text: str) -> str:
    """/usr/local/Ascend/driver/version.info: the driver's version, to be passed to `dlws.parse.versions.ascend`.

    The file has that line only (`Version=1.72.T2.100.B020`) or, since 20.1, also lines with lower-case keys
    (`package_version=`). A driver built of its public sources writes `version=` (hicann/driver, build.sh).
    """
    pairs = _pairs("version.info", text, re.compile("[Vv]ersion="))
    version = pairs.get("Version") or pairs.get("version")
    if not version:
        raise unparsable("version.info", text, "no Version")
    return version


def install_info(text: str) -> dict[str, str]:
    """/etc/ascend_install.info as a mapping, with keys such as UserName, UserGroup and Driver_Install_Path_Param."""
    return _pairs("ascend_install.info", text, _PAIR)


def _pairs(source: str, text: str, start: re.Pattern[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for line in lines_from(source, text, start):
        pair = _PAIR.fullmatch(line)
        if pair is None or values.get(pair[1], pair[2]) != pair[2]:
            raise unparsable(source, line)
        values[pair[1]] = pair[2].strip()
    return values
