"""Parts 6 to 8: the counts, every item, and what is seen only by comparing hosts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from dlws.verdict import Verdict
from reports.acceptance.blocks import Block, Cell, Heading, Part, Table, Text
from reports.acceptance.language import SEVERITIES, VERDICTS, Language, area, place, title, verdict_cell
from reports.acceptance.source import Line, Source
from reports.text import clip

_COLUMNS = (
    Verdict.PASS,
    Verdict.FAIL,
    Verdict.UNKNOWN,
    Verdict.UNREACHABLE,
    Verdict.NOT_RUN,
    Verdict.WARN,
    Verdict.WAIVED,
    Verdict.DEVIATION,
    Verdict.NA,
)
_WIDTHS = {Language.ZH: [13] * len(_COLUMNS)}  # as wide as the words are
_WIDE = [11, 12, 18, 25, 14, 12, 15, 19, 11]
LONGEST = 600  # characters of a finding; the whole of it is in the ledger and in the CSV table
_MANY = 6  # hosts whose evidence is named in one cell


def counts(source: Source, language: Language) -> Part:
    """6: how many items of each area and severity have each verdict; nothing is left out of the sum."""
    say, stacked = language.say, language.stacked
    found = Counter((check["id"][:1], check["severity"], Verdict(check["verdict"])) for check in source.checks)
    groups = dict.fromkeys((letter, severity) for letter, severity, _ in found)
    rows: list[Sequence[str | Cell]] = [
        (
            area(letter, language),
            say(*SEVERITIES.get(severity, ("—", "—"))),
            str(sum(found[letter, severity, verdict] for verdict in _COLUMNS)),
            *(_count(found[letter, severity, verdict], verdict) for verdict in _COLUMNS),
        )
        for letter, severity in groups
    ]
    totals = Counter(Verdict(check["verdict"]) for check in source.checks)
    rows.append(
        (say("合计", "Total"), "", str(totals.total()), *(_count(totals[verdict], verdict) for verdict in _COLUMNS))
    )
    heads = [language.stacked(*VERDICTS[verdict]) for verdict in _COLUMNS]
    head = [stacked("领域", "Area"), stacked("级别", "Severity"), stacked("项数", "Items"), *heads]
    told = Text(
        language.stacked(
            "一项指一个检查项在一台主机上（或整个集群上）的结果。未知：工具缺失、超时、输出无法解析或被截断；"
            "未执行：前提不成立，或巡检未进行到该项。二者都不算通过。",
            "An item is one check on one host, or on the cluster as a whole. UNKNOWN: tool missing, time-out, output "
            "not understood or cut off. NOT RUN: what it needs did not hold, or the audit did not come to it. Neither "
            "has passed.",
        )
    )
    return Part(
        6, say("结果汇总", "Summary of results"), [told, Table(head, rows, [30, 15, 11, *_WIDTHS.get(language, _WIDE)])]
    )


def items(source: Source, language: Language) -> Part:
    """7: every item with what it demands, what was found, its verdict and where its evidence stands."""
    say, stacked = language.say, language.stacked
    told = Text(
        language.stacked(
            "结果相同的主机合并为一行；“全部”指该检查项适用的全部主机。证据：运行目录 evidence/ 下的文件，#n 为行号；"
            "主机多于六台时，其余主机的证据见 CSV 表（dlws reports csv）。",
            "Hosts with the same result share a row; “all” are all hosts that the check is for. Evidence: file under "
            "evidence/ in the run's folder, and the number n of its line. For more than six hosts the rest stands in "
            "the CSV table (dlws reports csv).",
        )
    )
    head = [
        stacked("编号", "Id"),
        stacked("要求", "Criterion"),
        stacked("主机", "Hosts"),
        stacked("实测", "Found"),
        stacked("判定", "Verdict"),
        stacked("证据", "Evidence"),
    ]
    blocks: list[Block] = [told]
    for heading, lines in groupby(source.lines, key=lambda line: area(line.check["id"], language)):
        blocks += [Heading(heading), Table(head, [_item(line, language) for line in lines], [9, 31, 19, 30, 19, 26])]
    return Part(7, say("检查项明细", "Items"), blocks)


def across(source: Source, language: Language) -> Part:
    """8: the checks that compare hosts, and the findings that several hosts share."""
    say, stacked = language.say, language.stacked
    compared = [line for line in source.lines if line.hosts == ("cluster",)]
    shared = [line for line in source.lines if len(line.hosts) > 1 and line.verdict not in (Verdict.PASS, Verdict.NA)]
    head = [stacked("编号", "Id"), stacked("要求", "Criterion"), stacked("实测", "Found"), stacked("判定", "Verdict")]
    blocks: list[Block] = [
        Heading(say("跨主机对比或针对整个集群的检查项", "Checks that compare hosts, or of the cluster"))
    ]
    if compared:
        rows = [
            (line.check["id"], title(line.check, language), found(line), verdict_cell(line.verdict, language))
            for line in compared
        ]
        blocks.append(Table(head, rows, [9, 43, 43, 19]))
    else:
        blocks.append(Text(language.stacked("本次巡检没有此类检查项。", "This audit had no such check.")))
    blocks.append(Heading(say("多台主机共有的问题", "Findings that hosts share")))
    if shared:
        rows = [
            (
                line.check["id"],
                title(line.check, language),
                f"{hosts(line, language)}\n{found(line)}",
                verdict_cell(line.verdict, language),
            )
            for line in shared
        ]
        blocks.append(Table(head, rows, [9, 43, 43, 19]))
    else:
        blocks.append(Text(language.stacked("无。", "None.")))
    return Part(8, say("跨主机检查结果", "Cross-host findings"), blocks)


def hosts(line: Line, language: Language) -> str:
    """The hosts of a row by name; of a large cluster how many, and those that are not among them."""
    if len(line.hosts) <= _MANY:
        return ", ".join(place(host, language) for host in line.hosts)
    if len(line.others) > _MANY:
        return ", ".join(line.hosts)
    whole = language.stacked(f"全部 {len(line.hosts)} 台", f"all {len(line.hosts)} hosts")
    but = ", ".join(line.others)
    rest = language.stacked(f"除下列外的 {len(line.hosts)} 台：{but}", f"{len(line.hosts)} hosts, all but {but}")
    return rest if line.others else whole


def found(line: Line) -> str:
    """What was found, cut where it is very long; that it holds, where the answer is not a short one."""
    return clip(line.found, LONGEST) or ("✓" if line.verdict is Verdict.PASS else "—")


def _count(number: int, verdict: Verdict) -> str | Cell:
    tone = verdict_cell(verdict, Language.EN).tone
    return Cell(str(number), tone) if number else Cell("·", "quiet")


def _item(line: Line, language: Language) -> Sequence[str | Cell]:
    files: dict[str, list[str]] = {}
    for reference in line.evidence:
        file, _, number = reference.partition("#")
        files.setdefault(file.removesuffix(".jsonl"), []).append(f"#{number}")
    evidence = [f"{file} {' '.join(numbers)}" for file, numbers in files.items()]
    more = [f"+ {len(evidence) - _MANY}"] if len(evidence) > _MANY else []
    return (
        line.check["id"] or "—",
        title(line.check, language),
        hosts(line, language),
        found(line),
        verdict_cell(line.verdict, language),
        "\n".join(evidence[:_MANY] + more) or "—",
    )
