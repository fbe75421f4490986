"""Passed, conditionally passed, not passed: by one rule, which every document states in full."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from cluster.ledger import Ledger
from reports.acceptance.blocks import Tone
from reports.matrix import Kind, Matrix

REFUSED = (Kind.FAIL, Kind.UNKNOWN, Kind.UNREACHABLE, Kind.NOT_RUN)
ON_CONDITION = (Kind.WARN, Kind.WAIVED)

RULE = (
    (
        "不通过：审计未正常结束（被中断、被终止或程序自身出错）、没有任何检查项，或任一检查项的判定为"
        "不通过（FAIL）、未知（UNKNOWN）、不可达（UNREACHABLE）或未执行（NOT RUN）。",
        "Not passed: the audit did not come to its proper end (interrupted, killed, or the suite itself broke), nothing "
        "was checked, or any item is FAIL, UNKNOWN, UNREACHABLE or NOT RUN.",
    ),
    (
        "有条件通过：不属于“不通过”，但至少一项为警告（WARN）或豁免（WAIVED）。条件即第 9、10 部分所列各项。",
        "Conditionally passed: not that, and at least one item is WARN or WAIVED. The conditions are those items, "
        "listed in parts 9 and 10.",
    ),
    (
        "通过：其余情况，即每一项均为通过（PASS）、不适用（N/A）或产品自身所致的偏离（DEVIATION，见第 9 部分，须签字认可）。",
        "Passed: otherwise; every item is PASS, N/A, or a DEVIATION that the product itself imposes (part 9, to be "
        "accepted by signature).",
    ),
    (
        "未知与未执行的项不是通过：无法证明即不能验收。本结论仅涉及所列主机和所列检查项。",
        "What is unknown or was not run has not passed: what cannot be shown cannot be accepted. The conclusion speaks "
        "of the hosts and items listed here, and of nothing else.",
    ),
)


class Level(StrEnum):
    """The three conclusions."""

    PASSED = "passed"
    CONDITIONAL = "conditionally passed"
    NOT_PASSED = "not passed"


WORDS: dict[Level, tuple[str, str]] = {
    Level.PASSED: ("通过", "Passed"),
    Level.CONDITIONAL: ("有条件通过", "Conditionally passed"),
    Level.NOT_PASSED: ("不通过", "Not passed"),
}
TONES: dict[Level, Tone] = {Level.PASSED: "good", Level.CONDITIONAL: "caution", Level.NOT_PASSED: "bad"}


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The level, and what brought it about: each reason in Chinese and in English."""

    level: Level
    reasons: tuple[tuple[str, str], ...]


def of(ledger: Ledger, matrix: Matrix) -> Conclusion:
    """The conclusion of a run by `RULE`. With --strict a warning refuses, as it makes the run fail."""
    found = Counter(cell.kind for row in matrix.rows for cell in row.cells.values())
    refused = REFUSED + ((Kind.WARN,) if ledger.run.strict else ())
    reasons = _end(ledger)
    if not found.keys() - {Kind.NA}:
        reasons.append(("没有任何检查项", "nothing was checked"))
    reasons += [_counted(kind, found[kind]) for kind in refused if found[kind]]
    if not reasons and ledger.end and ledger.end.exit_status:
        reasons.append(("运行以退出码 1 结束", "the run ended with exit status 1"))
    if reasons:
        return Conclusion(Level.NOT_PASSED, tuple(reasons))
    conditions = tuple(_counted(kind, found[kind]) for kind in ON_CONDITION if found[kind])
    return Conclusion(Level.CONDITIONAL if conditions else Level.PASSED, conditions)


def _end(ledger: Ledger) -> list[tuple[str, str]]:
    end = ledger.end
    if end is None:
        return [("审计被终止，没有结束记录", "the audit was cut off before its end")]
    if end.exit_status == 2:
        return [("审计被中断", "the audit was interrupted")]
    if end.exit_status not in (0, 1):
        why = end.reason or "no reason given"
        return [(f"程序自身出错（退出码 {end.exit_status}）：{why}", f"the suite broke ({end.exit_status}): {why}")]
    return []


def _counted(kind: Kind, number: int) -> tuple[str, str]:
    from reports.acceptance.language import VERDICTS

    zh, en = VERDICTS[kind]
    return f"{number} 项{zh}", f"{number:,} {'item is' if number == 1 else 'items are'} {en}"
