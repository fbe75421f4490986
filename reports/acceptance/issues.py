"""Parts 9 to 11: deviations and waivers, open issues, and load tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlws.verdict import Verdict
from reports.acceptance.blocks import Block, Cell, Heading, Part, Table, Text
from reports.acceptance.language import Language, area, title, verdict_cell
from reports.acceptance.results import finding_text, hosts, named
from reports.acceptance.source import Line, Source

FINDINGS = (Verdict.UNREACHABLE, Verdict.FAIL, Verdict.UNKNOWN, Verdict.WARN)
OPEN = (*FINDINGS, Verdict.NOT_RUN)
_ORDER = {verdict: place for place, verdict in enumerate(FINDINGS)}


def accepted(source: Source, language: Language) -> Part:
    """9: deviations and waivers, each with blanks for a compensating measure and for acceptance."""
    say, stacked = language.say, language.stacked
    deviations = [line for line in source.lines if line.verdict is Verdict.DEVIATION]
    waived = [line for line in source.lines if line.verdict is Verdict.WAIVED]
    proofs = source.accepted_in_stages
    measure, consent = stacked("补偿措施", "Compensating measure"), stacked("认可签字", "Accepted by")
    blocks: list[Block] = [Heading(say("偏离", "Deviations"))]
    blocks.append(
        Text(stacked("以下规则与产品自身的要求相抵触。", "Rules that conflict with the product's own requirements."))
    )
    if deviations:
        head = [
            stacked("编号", "Id"),
            stacked("要求", "Criterion"),
            stacked("主机", "Hosts"),
            stacked("说明", "Reason"),
            measure,
            consent,
        ]
        rows = [
            (line.check["id"], title(line.check, language), hosts(line, language), finding_text(line), "", "")
            for line in deviations
        ]
        blocks.append(Table(head, rows, [9, 30, 18, 30, 22, 16]))
    else:
        blocks.append(Text(stacked("无。", "None.")))
    blocks.append(Heading(say("豁免", "Waivers")))
    if waived or proofs:
        head = [
            stacked("编号、要求", "Id, criterion"),
            stacked("主机", "Hosts"),
            stacked("实测与理由", "Found, reason"),
            stacked("责任人", "Owner"),
            stacked("到期", "Expires"),
            measure,
            consent,
        ]
        rows_waived = [_waiver(line, source, language) for line in waived]
        rows_waived += [_accepted_in_stage(*entry, source, language) for entry in proofs.items()]
        blocks.append(Table(head, rows_waived, [24, 15, 28, 14, 16, 21, 14]))
    else:
        blocks.append(Text(stacked("无。", "None.")))
    if idle := [waiver for waiver in source.record["waivers"] if not waiver["waives"]]:
        head = [
            stacked("编号", "Id"),
            stacked("主机", "Hosts"),
            stacked("责任人", "Owner"),
            stacked("理由", "Reason"),
            stacked("到期", "Expires"),
        ]
        idle_rows = [(w["id"], w["host"], w["owner"], w["reason"], w["expires"]) for w in idle]
        blocks += [Heading(say("未生效的豁免", "Unused waivers")), Table(head, idle_rows, [10, 20, 20, 40, 18])]
    return Part(9, say("偏离与豁免", "Deviations and waivers"), blocks)


def open_issues(source: Source, language: Language) -> Part:
    """10: every finding with its remedy, and blanks for who fixes it and by when."""
    say, stacked = language.say, language.stacked
    rows: list[Sequence[str | Cell]] = [
        (
            f"{line.check['id']}\n{title(line.check, language)}".strip(),
            hosts(line, language),
            verdict_cell(line.verdict, language),
            finding_text(line),
            line.check["fix"] or "—",
            "",
            "",
        )
        for line in sorted(source.lines, key=lambda line: _ORDER.get(line.verdict, 0))
        if line.verdict in FINDINGS
    ]
    rows += _not_run(source, language)
    title_ = say("遗留问题", "Open issues")
    if not rows:
        return Part(10, title_, [Text(language.stacked("无。", "None."))])
    head = [
        stacked("检查项", "Item"),
        stacked("主机", "Hosts"),
        stacked("判定", "Verdict"),
        stacked("实测", "Found"),
        stacked("处理办法", "Remedy"),
        stacked("责任人", "Responsible"),
        stacked("整改期限", "Due"),
    ]
    return Part(10, title_, [Table(head, rows, [26, 16, 22, 28, 26, 19, 13])])


def load(source: Source, language: Language) -> Part:
    """11: capacity and load, as far as this audit measured them; the rest is marked as not tested."""
    say, stacked = language.say, language.stacked
    measured = [line for line in source.lines if line.check["id"].startswith("Q")]
    blank = stacked(
        "本次巡检未测试；如另行测试，请填写报告编号：", "Not tested in this audit. If tested separately, report no.:"
    )
    rows: list[Sequence[str | Cell]] = [
        (
            f"{line.check['id']} {title(line.check, language)}",
            f"{hosts(line, language)}: {finding_text(line)}",
            verdict_cell(line.verdict, language),
        )
        for line in measured
    ]
    untested = [say("满载稳定性测试（如 24 小时）", "Soak test under full load (such as 24 h)")]
    untested += [say("重启后复查（pytest -m reboot）", "Re-check after a reboot (pytest -m reboot)")]
    untested = ([] if measured else [area("Q", language)]) + untested
    rows += [(name, blank, "") for name in untested]
    head = [stacked("项目", "Item"), stacked("结果", "Result"), stacked("判定", "Verdict")]
    return Part(
        11, say("容量、满载与重启测试结果", "Capacity, soak and reboot tests"), [Table(head, rows, [43, 52, 21])]
    )


def _not_run(source: Source, language: Language) -> Iterator[Sequence[str | Cell]]:
    """One row for all items that were not run on the same hosts for the same reason."""
    together: dict[tuple[tuple[str, ...], bool, str], list[Line]] = {}
    for line in source.lines:
        if line.verdict is Verdict.NOT_RUN:
            together.setdefault((line.hosts, bool(line.others), finding_text(line)), []).append(line)
    for (_, _, reason), lines in together.items():
        where = hosts(lines[0], language)
        names = ", ".join(dict.fromkeys(line.check["id"] or line.check["name"] for line in lines))
        yield names, where, verdict_cell(Verdict.NOT_RUN, language), reason, "—", "", ""


def _accepted_in_stage(
    what: tuple[str, str], where: list[str], source: Source, language: Language
) -> Sequence[str | Cell]:
    """The row of a finding that an install went on with."""
    id, sentence = what
    owner, expires = _who_accepted(source, id, where)
    return id, named(where, language), sentence, owner, expires, "", ""


def _who_accepted(source: Source, id: str, where: Sequence[str]) -> tuple[str, str]:
    """Owner and last day of the waiver; dashes if the run did not record the waiver itself."""
    kept = (w for w in source.record["waivers"] if w["id"] == id and set(where) <= set(w["waives"]))
    waiver = next(kept, {"owner": "—", "expires": "—"})
    return waiver["owner"], waiver["expires"]


def _waiver(line: Line, source: Source, language: Language) -> Sequence[str | Cell]:
    """The waiver's row; owner and expiry are dashes if the run did not record the waiver itself."""
    kept = (w for w in source.record["waivers"] if w["id"] == line.check["id"] and set(line.hosts) <= set(w["waives"]))
    waiver = next(kept, {"reason": "", "owner": "—", "expires": "—"})
    item = f"{line.check['id']}\n{title(line.check, language)}"
    finding = f"{finding_text(line)}\n{waiver['reason']}".strip()
    return item, hosts(line, language), finding, waiver["owner"], waiver["expires"], "", ""
