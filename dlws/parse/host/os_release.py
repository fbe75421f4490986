"""/etc/os-release: the distribution and, for Ubuntu, the point release (runbook 2.1)."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from dlws.parse.text import lines_from, unparsable

SOURCE = "/etc/os-release"
_ASSIGNMENT = re.compile(r"([A-Z][A-Z0-9_]{1,60})=(.*)")


@dataclass(frozen=True, slots=True)
class OsRelease:
    """For example `id` ubuntu, `version` 18.04, `point` 18.04.1 (None if the distribution has no such number)."""

    id: str
    version: str | None
    point: str | None
    pretty: str


def parse(text: str) -> OsRelease:
    """/etc/os-release: shell assignments, see os-release(5).

    The point release is the number that starts VERSION ("18.04.1 LTS (Bionic Beaver)"); VERSION_ID does not have it.
    """
    values: dict[str, str] = {}
    for line in lines_from(SOURCE, text, _ASSIGNMENT):
        if line.lstrip().startswith("#"):
            continue
        assignment = _ASSIGNMENT.fullmatch(line.strip())
        if assignment is None:
            raise unparsable(SOURCE, line)
        values[assignment[1]] = _unquoted(assignment[2], line)
    if "ID" not in values:
        raise unparsable(SOURCE, why="no ID")
    leading = re.match(r"[0-9]+(?:\.[0-9]+)*", values.get("VERSION", ""))
    return OsRelease(
        id=values["ID"],
        version=values.get("VERSION_ID"),
        point=leading[0] if leading else None,
        pretty=values.get("PRETTY_NAME", ""),
    )


def _unquoted(value: str, line: str) -> str:
    try:
        words = shlex.split(value)
    except ValueError as error:
        raise unparsable(SOURCE, line) from error
    if len(words) > 1:
        raise unparsable(SOURCE, line)
    return words[0] if words else ""
