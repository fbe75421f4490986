"""The table of known differences, `differences.yaml`: the same rows as in docs/platform.md, with where each shows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from tests.upstream.comparison import Difference

TABLE: Final = Path(__file__).with_name("differences.yaml")


@dataclass(frozen=True, slots=True)
class Row:
    """One difference that is meant: what deploy.py does, what the suite does, and why.

    `at` are patterns of the lines that it explains, `*` for any text; a row without them is about what is done, which
    no comparison of files shows.
    """

    deploy_py: str
    suite: str
    why: str
    at: tuple[str, ...] = ()

    @property
    def markdown(self) -> str:
        """The row as it stands in docs/platform.md."""
        return f"| {self.deploy_py} | {self.suite} | {self.why} |"

    def explains(self, difference: Difference) -> bool:
        """Whether the row is about this difference."""
        return any(_fits(pattern, str(difference)) for pattern in self.at)


HEAD: Final = "| deploy.py | the suite | why |\n|---|---|---|\n"


def markdown() -> str:
    """The table as docs/platform.md has it."""
    return HEAD + "".join(f"{row.markdown}\n" for row in rows())


def rows() -> tuple[Row, ...]:
    """Every row, in the table's order."""
    read = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return tuple(Row(r["deploy.py"], r["suite"], r["why"], tuple(r.get("at", ()))) for r in read)


def explained(
    found: Iterable[Difference], table: Iterable[Row]
) -> tuple[dict[Row, list[Difference]], list[Difference]]:
    """The differences by the row that explains them, and those that no row does."""
    by_row: dict[Row, list[Difference]] = {row: [] for row in table}
    unknown = []
    for difference in found:
        row = next((row for row in by_row if row.explains(difference)), None)
        (unknown if row is None else by_row[row]).append(difference)
    return by_row, unknown


def _fits(pattern: str, line: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), line, re.DOTALL) is not None
