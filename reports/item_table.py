"""The table of all items as CSV (RFC 4180, UTF-8 with the byte order mark that Excel needs to read Chinese).

One row for each check or stage on each host. Cells that a spreadsheet would evaluate as formulas are made plain text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from dlws.record.printable import visible
from reports import record
from reports.overview import Overview
from reports.record import Record

HEAD = (
    "id",
    "test",
    "host",
    "verdict",
    "severity",
    "section",
    "title",
    "title_zh",
    "source",
    "expected",
    "found",
    "message",
    "fix",
    "evidence",
)
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""A spreadsheet evaluates a cell that begins with one of these, or with a tab (OWASP, CSV injection)."""


def render(overview: Overview) -> str:
    """The table of a run."""
    made = record.build(overview)
    references = {result.key: result.evidence for result in overview.ledger.results}
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEAD)
    writer.writerows(_rows(made["checks"] + made["stages"], references))
    return "\ufeff" + out.getvalue()


def as_text(value: str) -> str:
    """A cell that no spreadsheet evaluates: `'=1+1` for `=1+1`, also after leading blanks."""
    shown = visible(value)
    return f"'{shown}" if shown.startswith("\t") or shown.lstrip().startswith(_FORMULA) else shown


def _rows(tests: Sequence[Record], references: dict[str, tuple[str, ...]]) -> Iterator[list[str]]:
    for test in tests:
        values = test | {"evidence": " ".join(references.get(test["test"], ()))}
        yield [as_text(str(values.get(name, ""))) for name in HEAD]
