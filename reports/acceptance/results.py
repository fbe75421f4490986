"""Parts 6 to 8: the counts, every item, and the results of comparing hosts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from dlws.record.printable import clip
from dlws.verdict import Verdict
from reports.acceptance.blocks import Block, Cell, Heading, Part, Table, Text
from reports.acceptance.language import SEVERITIES, VERDICTS, Language, area, place, title, verdict_cell
from reports.acceptance.source import Line, Source

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
_WIDTHS = {Language.ZH: [13] * len(_COLUMNS)}  # Chinese verdicts are equally wide
_WIDE = [11, 12, 18, 25, 14, 12, 15, 19, 11]
LONGEST = 600  # characters of a finding; the ledger and the CSV table have the full text
_MANY = 6  # hosts, or pieces of evidence, listed in one cell
_MOST_NAMES = 60  # hosts named in a cell where it is neither all of them nor all but a few


def counts(source: Source, language: Language) -> Part:
    """6: the number of items by area, severity and verdict; the totals include every item."""
    say, stacked = language.say, language.stacked
    numbers = Counter((check["id"][:1], check["severity"], Verdict(check["verdict"])) for check in source.checks)
    groups = dict.fromkeys((letter, severity) for letter, severity, _ in numbers)
    rows: list[Sequence[str | Cell]] = [
        (
            area(letter, language),
            say(*SEVERITIES.get(severity, ("—", "—"))),
            str(sum(numbers[letter, severity, verdict] for verdict in _COLUMNS)),
            *(_count(numbers[letter, severity, verdict], verdict) for verdict in _COLUMNS),
        )
        for letter, severity in groups
    ]
    totals = Counter(Verdict(check["verdict"]) for check in source.checks)
    rows.append(
        (say("合计", "Total"), "", str(totals.total()), *(_count(totals[verdict], verdict) for verdict in _COLUMNS))
    )
    heads = [language.stacked(*VERDICTS[verdict]) for verdict in _COLUMNS]
    head = [stacked("领域", "Area"), stacked("级别", "Severity"), stacked("项数", "Items"), *heads]
    explanation = Text(
        language.stacked(
            "一项指一个检查项在一台主机上（或整个集群上）的结果。未知：工具缺失、超时、输出无法解析或被截断；"
            "未执行：前提不成立，或巡检未进行到该项。二者都不算通过。",
            "An item is the result of one check on one host, or on the cluster as a whole. UNKNOWN: a tool is missing "
            "or timed out, or its output was not understood or truncated. NOT RUN: a prerequisite failed, or the audit "
            "did not get that far. Neither counts as passed.",
        )
    )
    return Part(
        6,
        say("结果汇总", "Summary of results"),
        [explanation, Table(head, rows, [30, 15, 11, *_WIDTHS.get(language, _WIDE)])],
    )


def items(source: Source, language: Language) -> Part:
    """7: every item with its criterion, finding, verdict and evidence."""
    say, stacked = language.say, language.stacked
    explanation = Text(
        language.stacked(
            "结果相同的主机合并为一行；“全部”指该检查项适用的全部主机。证据：运行目录 evidence/ 下的文件，#n 为行号；"
            "主机多于六台时，其余主机的证据见 CSV 表（dlws reports csv）；"
            f"一格至多列出 {_MOST_NAMES} 台主机，该表有全部主机。",
            "Hosts with the same result share a row; “all” means all hosts that the check applies to. Evidence: file "
            "under evidence/ in the run's folder, and line number n as #n. For more than six hosts, the other evidence "
            f"is in the CSV table (dlws reports csv), and so are hosts beyond the {_MOST_NAMES} that a cell names.",
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
    blocks: list[Block] = [explanation]
    for heading, lines in groupby(source.lines, key=lambda line: area(line.check["id"], language)):
        blocks += [Heading(heading), Table(head, [_item(line, language) for line in lines], [9, 31, 19, 30, 19, 26])]
    return Part(7, say("检查项明细", "Items"), blocks)


def across(source: Source, language: Language) -> Part:
    """8: the checks that compare hosts or concern the cluster, and findings common to several hosts."""
    say, stacked = language.say, language.stacked
    compared = [line for line in source.lines if line.hosts == ("cluster",)]
    shared = [line for line in source.lines if len(line.hosts) > 1 and line.verdict not in (Verdict.PASS, Verdict.NA)]
    head = [stacked("编号", "Id"), stacked("要求", "Criterion"), stacked("实测", "Found"), stacked("判定", "Verdict")]
    blocks: list[Block] = [
        Heading(say("跨主机对比或针对整个集群的检查项", "Checks across hosts or of the whole cluster"))
    ]
    if compared:
        rows = [
            (line.check["id"], title(line.check, language), finding_text(line), verdict_cell(line.verdict, language))
            for line in compared
        ]
        blocks.append(Table(head, rows, [9, 43, 43, 19]))
    else:
        blocks.append(Text(language.stacked("本次巡检没有此类检查项。", "This audit had no such checks.")))
    blocks.append(Heading(say("多台主机共有的问题", "Findings common to several hosts")))
    if shared:
        rows = [
            (
                line.check["id"],
                title(line.check, language),
                f"{hosts(line, language)}\n{finding_text(line)}",
                verdict_cell(line.verdict, language),
            )
            for line in shared
        ]
        blocks.append(Table(head, rows, [9, 43, 43, 19]))
    else:
        blocks.append(Text(language.stacked("无。", "None.")))
    return Part(8, say("跨主机检查结果", "Cross-host findings"), blocks)


def hosts(line: Line, language: Language) -> str:
    """The hosts of a row by name; if there are many, their number and the exceptions."""
    if len(line.hosts) <= _MANY or len(line.others) > _MANY:
        return named(line.hosts, language)
    everyone = language.stacked(f"全部 {len(line.hosts)} 台", f"all {len(line.hosts)} hosts")
    others = ", ".join(line.others)
    most = language.stacked(f"除下列外的 {len(line.hosts)} 台：{others}", f"{len(line.hosts)} hosts, all but {others}")
    return most if line.others else everyone


def named(hosts: Sequence[str], language: Language) -> str:
    """The names of hosts, of very many the first; the CSV table has all of them."""
    names = ", ".join(place(host, language) for host in hosts[:_MOST_NAMES])
    more = len(hosts) - _MOST_NAMES
    return names if more <= 0 else f"{names} {language.stacked(f'等，另有 {more} 台', f'and {more} more')}"


def finding_text(line: Line) -> str:
    """The finding, shortened if very long; a tick for a pass without one, a dash otherwise."""
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
        finding_text(line),
        verdict_cell(line.verdict, language),
        "\n".join(evidence[:_MANY] + more) or "—",
    )
