"""A finding about a configuration, and the exception that carries all findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

KeyPath = tuple[str | int, ...]

_LONGEST_SHOWN: Final = 60
"""Characters of a value that a message shows at most."""


class Level(StrEnum):
    """The weight of a finding: with any `error` the configuration is not used."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: where (`line` and `column` count from 1, 0 means the file itself), what, and how to fix it."""

    file: str
    line: int
    column: int
    key: str
    message: str
    fix: str
    level: Level = Level.ERROR

    @property
    def place(self) -> tuple[str, int, int, str, str]:
        """The sort key of findings."""
        return (self.file, self.line, self.column, self.key, self.message)

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        what = f"{self.key}: {self.message}" if self.key else self.message
        return f"{where}: {self.level}: {what} ({self.fix})" if self.fix else f"{where}: {self.level}: {what}"


class ConfigError(Exception):
    """The configuration has errors. `findings` is everything that is wrong with it, including warnings."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings: tuple[Finding, ...] = tuple(sorted(findings, key=lambda finding: finding.place))
        super().__init__("\n".join(map(str, self.findings)))


class ConfigUnreadable(ConfigError):
    """The configuration's file is missing, is not a file, or must not be read."""


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """The findings of level error."""
    return [finding for finding in findings if finding.level is Level.ERROR]


def dotted(path: Sequence[str | int]) -> str:
    """A key path as people write it: `machines.atlas02.private-ip`, `UserGroups.DLWSAdmins.Allowed[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if part and part.isprintable() and not set(part) & set(' ."') else shown(part)
            text += f".{name}" if text else name
    return text


def shown(value: object) -> str:
    """A value for a message: on one line, quoted if it is text, shortened to 60 characters."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value) if isinstance(value, str) else repr(value)
    if len(text) > _LONGEST_SHOWN:
        text = text[: _LONGEST_SHOWN - 3] + "..."
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return f'"{escaped}"' if isinstance(value, str) else escaped
