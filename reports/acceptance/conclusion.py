"""The conclusion: passed, conditionally passed or not passed, by a rule that every document states in full."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dlws.record.ledger import End
from dlws.verdict import Verdict
from reports.acceptance.blocks import Tone
from reports.acceptance.language import VERDICTS
from reports.record import Record

REFUSING = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.UNREACHABLE, Verdict.NOT_RUN)
CONDITIONS = (Verdict.WARN, Verdict.WAIVED)

RULE = (
    (
        "不通过：有下列任一情形。(1) 巡检未正常结束：被中断、被终止或验收工具自身出错；(2) 未覆盖或无法证明已覆盖"
        "配置中的全部主机与全部检查项；"
        "(3) 没有执行任何检查；(4) 任一项的判定为不通过（FAIL）、未知（UNKNOWN）、不可达（UNREACHABLE）"
        "或未执行（NOT RUN）。",
        "Not passed, if any of these holds: (1) the audit did not end normally: it was interrupted or killed, or the "
        "suite itself failed; (2) it did not cover, or cannot be shown to have covered, all hosts of the "
        "configuration and all checks; (3) nothing was checked; (4) any item is FAIL, UNKNOWN, UNREACHABLE or NOT RUN.",
    ),
    (
        "有条件通过：不存在上述情形，但至少一项（含安装阶段的发现）为警告（WARN）或豁免（WAIVED）。"
        "条件即第 9、10 部分所列各项。",
        "Conditionally passed, if none of the above holds but at least one item, or a finding that a stage went on "
        "with, is WARN or WAIVED. The conditions are those items, listed in parts 9 and 10.",
    ),
    (
        "通过：其余情形，即每一项均为通过（PASS）、不适用（N/A）或产品自身造成的偏离"
        "（DEVIATION，见第 9 部分，须签字认可）。",
        "Passed, in all other cases: every item is PASS, N/A, or a DEVIATION that the product itself imposes (part 9, "
        "to be accepted by signature).",
    ),
    (
        "未知与未执行的项不算通过：不能证明的，不予验收。本结论仅针对本文档所列主机与检查项。",
        "Items that are unknown or were not run have not passed: what cannot be proved cannot be accepted. The "
        "conclusion covers only the hosts and items listed in this document.",
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
    """The level and the reasons for it, each in Chinese and in English."""

    level: Level
    reasons: tuple[tuple[str, str], ...]


def conclude(record: Record, end: End | None, gaps: Sequence[tuple[str, str]], accepted: int) -> Conclusion:
    """The conclusion of a run by `RULE`. With --strict a warning means not passed, as it makes the run fail.

    `gaps` are the reasons why the run does not cover the whole cluster, `accepted` the number of findings that stages
    went on with by a waiver.
    """
    counts: dict[Verdict, int] = record["counts"]["checks"]
    refusing = REFUSING + ((Verdict.WARN,) if record["strict"] else ())
    reasons = [*_ending_reasons(end), *gaps]
    if not counts.keys() - {Verdict.NA}:
        reasons.append(("没有执行任何检查", "nothing was checked"))
    reasons += [_counted(verdict, counts[verdict]) for verdict in refusing if counts.get(verdict)]
    if not reasons and end and end.exit_status:
        reasons.append(("运行以退出码 1 结束", "the run ended with exit status 1"))
    if reasons:
        return Conclusion(Level.NOT_PASSED, tuple(reasons))
    conditions = tuple(_counted(verdict, counts[verdict]) for verdict in CONDITIONS if counts.get(verdict))
    if accepted:
        findings = "finding of a stage is" if accepted == 1 else "findings of stages are"
        conditions += ((f"{accepted} 项安装阶段的发现被豁免", f"{accepted:,} {findings} WAIVED"),)
    return Conclusion(Level.CONDITIONAL if conditions else Level.PASSED, conditions)


def _ending_reasons(end: End | None) -> Iterator[tuple[str, str]]:
    if end is None:
        yield "巡检被终止，没有结束记录", "the audit was cut off before its end"
    elif end.exit_status == 2:
        yield "巡检被中断", "the audit was interrupted"
    elif end.exit_status not in (0, 1):
        why = end.reason or "no reason given"
        yield (
            f"验收工具自身出错（退出码 {end.exit_status}）：{why}",
            f"the suite itself failed ({end.exit_status}): {why}",
        )


def _counted(verdict: Verdict, number: int) -> tuple[str, str]:
    zh, en = VERDICTS[verdict]
    return f"{number} 项{zh}", f"{number:,} {'item is' if number == 1 else 'items are'} {en}"
