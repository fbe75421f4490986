"""Parts 1 to 3: document control, scope, conclusion."""

from __future__ import annotations

from datetime import datetime, timedelta

from reports.acceptance import conclusion
from reports.acceptance.blocks import Block, Bullets, Cell, Heading, Pairs, Part, Table, Text
from reports.acceptance.conclusion import RULE, TONES, WORDS, Conclusion
from reports.acceptance.language import Language, section
from reports.acceptance.source import Source
from reports.text import count, duration


def control(source: Source, language: Language) -> Part:
    """1: the run that the document describes, and the digest that ties it to the evidence."""
    say, run, end = language.say, source.recorded.ledger.run, source.recorded.ledger.end
    ended = f"{when(run.started, end.seconds)} ({duration(end.seconds)})" if end else say("无结束记录", "not recorded")
    last = (
        (say("重放（重新判定）", "Judged again in a replay"), f"{run.run} ({when(run.started)})")
        if run.replays
        else (say("巡检结束", "Audit ended"), ended)
    )
    rows: list[tuple[str, str | Cell]] = [
        (say("项目名称", "Project"), ""),
        (say("合同编号", "Contract no."), ""),
        (say("验收地点", "Site"), ""),
        (say("集群名称", "Cluster"), run.cluster),
        (say("运行编号", "Run"), source.record["run"]),
        (say("巡检开始", "Audit started"), when(source.record["started"])),
        last,
        (say("验收工具版本", "Suite version"), run.suite_version),
        (say("配置文件", "Configuration"), run.config),
        (say("配置 SHA-256", "SHA-256 of the configuration"), run.config_sha256),
        (say("台账 SHA-256", "SHA-256 of the ledger"), source.digests[source.recorded.folder.ledger.name]),
        (say("证据清单 SHA-256", "SHA-256 of the manifest (part 14)"), source.digest),
    ]
    return Part(1, say("文档信息", "Document control"), [Pairs(rows)])


def scope(source: Source, language: Language) -> Part:
    """2: what was judged, by which rules, and the parties."""
    say, stacked = language.say, language.stacked
    sections = sorted({check["section"] for check in source.checks if check["section"]}, key=_numbers)
    basis = [
        stacked(
            f"《DLWS 集群安装步骤》的下列章节：{'、'.join(section(number, language) for number in sections)}。",
            f"Sections of the DLWS runbook: {'; '.join(section(number, Language.EN) for number in sections)}.",
        ),
        stacked(
            "检查项目录：第 7 部分所列各项，含编号与来源。",
            "The catalogue of checks: every item in part 7, with its id and source.",
        ),
        stacked(
            "集群配置文件，其 SHA-256 见第 1 部分。",
            "The cluster's configuration file, whose SHA-256 is in part 1.",
        ),
    ]
    hosts, items = len(source.hosts), len(source.checks)
    blank = ("", "", "")
    roles = [
        say("建设单位（甲方）", "Customer"),
        say("承建单位（乙方）", "Contractor"),
        say("监理单位", "Supervisor"),
        say("复核人（第三方）", "Third-party reviewer"),
    ]
    blocks: list[Block] = [
        Text(
            stacked(
                f"本文档涉及集群 {source.record['cluster']} 的 {hosts} 台主机和 {items} 项检查结果；"
                "执行过的命令及其性质（检查或更改）见第 14 部分。未列出的主机与检查项不在验收范围内；"
                "会产生负载或写入的检查仅在使用 --active 时执行。",
                f"This document covers {count(hosts, 'host')} of the cluster {source.record['cluster']} and "
                f"{count(items, 'result')}. Part 14 lists every command that was run and its kind (check or change). "
                "Hosts and items that are not listed are outside the scope of acceptance; checks that cause load or "
                "write something are only run with --active.",
            )
        ),
        Heading(say("验收依据", "Basis")),
        Bullets(basis),
        Heading(say("参与单位", "Parties")),
        Table(
            [
                stacked("角色", "Role"),
                stacked("单位", "Organisation"),
                stacked("姓名", "Name"),
                stacked("联系方式", "Contact"),
            ],
            [(role, *blank) for role in roles],
            [3, 4, 3, 3],
        ),
    ]
    return Part(2, say("范围、依据与参与单位", "Scope, basis and parties"), blocks)


def concluded(source: Source, language: Language) -> Part:
    """3: the conclusion, its reasons, and the rule."""
    say, stacked = language.say, language.stacked
    concluded = source.conclusion
    blocks: list[Block] = [Pairs([(say("验收结论", "Conclusion"), verdict_cell(concluded, language))])]
    if concluded.reasons:
        is_refused = concluded.level is conclusion.Level.NOT_PASSED
        heading = say("原因", "Reasons") if is_refused else say("条件", "Conditions")
        blocks += [Heading(heading), Bullets([stacked(zh, en) for zh, en in concluded.reasons])]
    blocks += [Heading(say("判定规则", "Rule")), Bullets([stacked(zh, en) for zh, en in RULE])]
    return Part(3, say("验收结论", "Conclusion"), blocks)


def verdict_cell(concluded: Conclusion, language: Language) -> Cell:
    """The conclusion as a coloured cell."""
    return Cell(language.say(*WORDS[concluded.level]), TONES[concluded.level])


def when(started: str, after: float = 0.0) -> str:
    """A time of the run in UTC, `2026-11-24 06:30:00 UTC`; anything but an ISO 8601 time is returned as it is."""
    try:
        moment = datetime.fromisoformat(started) + timedelta(seconds=after)
    except ValueError:
        return started
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def _numbers(number: str) -> list[int]:
    return [int(part[:18]) for part in number.split(".") if part.isdecimal()]
