"""Parts 12 to 14: hand-over list, signatures, and the appendix that makes everything verifiable."""

from __future__ import annotations

from collections.abc import Sequence

from dlws.record.printable import clip, one_line
from dlws.record.run_folder import Command
from dlws.verdict import Verdict
from reports import manifest
from reports.acceptance.blocks import Block, Cell, Heading, Pairs, Part, Signatures, Table, Text, Verbatim
from reports.acceptance.language import VERDICTS, Language, place, title
from reports.acceptance.opening import when
from reports.acceptance.source import Source

_LONGEST = 240  # characters of a command


def hand_over(source: Source, language: Language) -> Part:
    """12: what the customer receives; its location is filled in by hand."""
    say, stacked, run = language.say, language.stacked, source.recorded.ledger.run
    things = [
        (say("集群配置文件 config.yaml（及 waivers.yaml）", "config.yaml (and waivers.yaml)"), run.config),
        (say("控制主机（用于安装与验收）", "The control host, used for installation and acceptance"), ""),
        (
            say(
                "状态目录 state/<集群名称>（集群 ID、已固定的主机公钥）",
                "State folder state/<cluster> (ID, pinned host keys)",
            ),
            "",
        ),
        (say("备份目录与恢复方法", "Backup folder and restore procedure"), ""),
        (say("集群 SSH 私钥（当面移交）", "The cluster's private SSH key, handed over in person"), ""),
        (say("管理员账号（移交后由接收方修改密码）", "Admin accounts (the recipient changes the passwords)"), ""),
        (say("IP 规划表、NPU 设备 IP 表", "IP address plan, NPU device addresses"), ""),
        (say("安装与运维手册", "Installation and operation manuals"), ""),
        (say("本次运行目录（台账、证据）", "This run's folder (ledger, evidence)"), source.record["run"]),
        (say("本文档及其分离签名", "This document and its detached signature"), ""),
        (say("签名公钥与 allowed_signers 文件", "The signer's public key and the allowed_signers file"), ""),
    ]
    head = [
        stacked("序号", "No."),
        stacked("移交内容", "Item"),
        stacked("位置或编号", "Location or number"),
        stacked("移交", "Handed over"),
        stacked("接收", "Received"),
    ]
    rows = [(str(number), *thing, "☐", "☐") for number, thing in enumerate(things, start=1)]
    return Part(12, say("移交清单", "Hand-over list"), [Table(head, rows, [9, 46, 42, 12, 16])])


def signatures(source: Source, language: Language) -> Part:
    """13: blanks for all signatories, which the suite never fills in."""
    say = language.say
    parties = [
        say("测试人", "Tester"),
        say("复核人（第三方）", "Third-party reviewer"),
        say("建设单位（甲方）", "Customer"),
        say("监理单位", "Supervisor"),
    ]
    declaration = language.stacked(
        f"签字各方已阅读本文档，其证据清单的 SHA-256 为：\n{source.digest}",
        f"The signatories have read this document. Its evidence manifest has this SHA-256:\n{source.digest}",
    )
    fields = [say("姓名", "Name"), say("意见", "Remarks"), say("签字（盖章）", "Signature (seal)"), say("日期", "Date")]
    return Part(13, say("签字", "Signatures"), [Text(declaration), Signatures(parties, fields)])


def appendix(source: Source, language: Language) -> Part:
    """14: the time range, every command that was run, the digests, and how to verify the signature."""
    say = language.say
    times = sorted(command.at for _, command in source.commands if command.at)
    clocks = [check for check in source.checks if check["id"] in ("H22", "H35")]
    clock_results = [
        (f"{c['id']} {title(c, language)}", f"{say(*VERDICTS[Verdict(c['verdict'])])} {c['message']}".strip())
        for c in clocks
    ]
    bounds = [
        (
            say("巡检开始（控制主机时钟，UTC）", "Audit started (control host's clock, UTC)"),
            when(source.record["started"]),
        ),
        (say("第一条命令", "First command"), times[0] if times else "—"),
        (say("最后一条命令", "Last command"), times[-1] if times else "—"),
        *clock_results,
    ]
    unreadable = [f"{name}: {why}" for name, why in source.recorded.transcripts.items() if isinstance(why, str)]
    blocks: list[Block] = [
        Heading(say("（一）时间范围", "A. Time range")),
        Pairs(bounds),
        Heading(say("（二）执行的命令", "B. Commands run")),
        *(Text(sentence) for sentence in unreadable),
        _commands(source, language),
        Heading(say("（三）证据清单（SHA-256）", "C. Evidence manifest (SHA-256)")),
        Verbatim(manifest.text(source.digests)),
        Heading(say("（四）验证方法", "D. How to verify")),
        *_how(language),
    ]
    return Part(14, say("附录", "Appendix"), blocks)


def _commands(source: Source, language: Language) -> Block:
    say, stacked = language.say, language.stacked
    together: dict[tuple[str, bool], list[tuple[str, Command]]] = {}
    for file, command in source.commands:
        together.setdefault((command.command, command.changes), []).append((file, command))
    if not together:
        return Text(language.stacked("证据中没有命令。", "The evidence contains no commands."))
    rows: list[Sequence[str | Cell]] = []
    for (text, changes), runs in together.items():
        hosts = dict.fromkeys(place(file.rsplit(".", 2)[0], language) for file, _ in runs)
        statuses = sorted({"?" if command.rc is None else str(command.rc) for _, command in runs})
        kind = Cell(say("更改", "change"), "caution") if changes else say("检查", "check")
        rows.append((clip(one_line(text), _LONGEST), _few(list(hosts)), str(len(runs)), ", ".join(statuses), kind))
    head = [
        stacked("命令", "Command"),
        stacked("主机", "Hosts"),
        stacked("次数", "Count"),
        stacked("退出码", "Exit status"),
        stacked("性质", "Kind"),
    ]
    return Table(head, rows, [62, 26, 10, 14, 12])


def _few(hosts: Sequence[str]) -> str:
    return ", ".join(hosts[:6]) + (f" + {len(hosts) - 6}" if len(hosts) > 6 else "")


def _how(language: Language) -> list[Block]:
    explanation = language.stacked(
        "本文档的分离签名（文档名加 .sig）用 OpenSSH 8.1 或更高版本验证，证据清单在运行目录中用 sha256sum 验证；"
        "dlws reports check-signature 同时验证二者。证据清单的 SHA-256 须与第 1 部分所列一致。",
        "Verify the detached signature of this document (its name plus .sig) with OpenSSH 8.1 or newer, and the "
        "manifest with sha256sum in the run's folder. dlws reports check-signature verifies both. The SHA-256 of the "
        "manifest must match the one in part 1.",
    )
    commands = (
        "ssh-keygen -Y verify -n dlws-acceptance -I SIGNER -f ALLOWED_SIGNERS -s DOCUMENT.sig < DOCUMENT\n"
        "cd RUN_FOLDER && sha256sum manifest.sha256 && sha256sum -c manifest.sha256\n"
        "dlws reports check-signature DOCUMENT --signers ALLOWED_SIGNERS --run RUN_FOLDER\n"
    )
    return [Text(explanation), Verbatim(commands)]
