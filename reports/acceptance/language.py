"""The languages of an acceptance document: Chinese, English, or both side by side."""

from __future__ import annotations

from enum import StrEnum

from dlws.verdict import Verdict
from reports.acceptance.blocks import Cell, Tone
from reports.matrix import AREAS, SECTIONS
from reports.record import Record


class Language(StrEnum):
    """The languages of a document. BOTH puts the Chinese first."""

    ZH = "zh"
    EN = "en"
    BOTH = "both"

    def say(self, zh: str, en: str) -> str:
        """A word or a heading; with both languages, side by side on one line."""
        return self._joined(zh, en, " ")

    def stacked(self, zh: str, en: str) -> str:
        """A sentence or a column heading; with both languages, one above the other."""
        return self._joined(zh, en, "\n")

    def _joined(self, zh: str, en: str, separator: str) -> str:
        if self is Language.BOTH and zh and en and zh != en:
            return f"{zh}{separator}{en}"
        return (zh or en) if self is not Language.EN else (en or zh)


VERDICTS: dict[Verdict, tuple[str, str]] = {
    Verdict.PASS: ("通过", "PASS"),
    Verdict.FAIL: ("不通过", "FAIL"),
    Verdict.UNKNOWN: ("未知", "UNKNOWN"),
    Verdict.UNREACHABLE: ("不可达", "UNREACHABLE"),
    Verdict.NOT_RUN: ("未执行", "NOT RUN"),
    Verdict.WARN: ("警告", "WARN"),
    Verdict.WAIVED: ("豁免", "WAIVED"),
    Verdict.DEVIATION: ("偏离", "DEVIATION"),
    Verdict.NA: ("不适用", "N/A"),
}
SEVERITIES = {"blocker": ("必须", "blocker"), "warning": ("警告", "warning"), "info": ("提示", "info")}
_AREAS_ZH = {
    "H": "主机与操作系统",
    "N": "网络与 DNS",
    "U": "用户、SSH 与 sudo",
    "S": "存储与 NFS",
    "R": "容器运行时",
    "G": "NVIDIA GPU",
    "P": "昇腾 NPU",
    "C": "Kubernetes 控制平面",
    "K": "Kubernetes 节点",
    "W": "工作负载",
    "D": "DLWS 服务",
    "X": "安全",
    "T": "证书",
    "Q": "容量",
}
_SECTIONS_ZH = {
    "2.1": "环境要求",
    "2.2": "主机名",
    "2.3": "公网域名",
    "2.4": "域名解析",
    "3.1": "安装脚本路径",
    "3.2": "集群配置",
    "3.3": "控制主机",
    "3.4": "集群 ID 与密钥",
    "3.5": "root 密码",
    "3.6": "管理用户与 SSH 密钥",
    "3.7": "域名解析与连通性",
    "3.8": "节点环境",
    "3.9": "GPU 运行时",
    "3.10": "kubeadm",
    "3.11": "Kubernetes",
    "3.12": "共享存储",
    "3.13": "设备插件",
    "3.14": "NodePort 端口段",
    "3.15": "Web 界面配置",
    "3.16": "集群应用",
}

_ROLES_ZH = {"infrastructure": "主节点", "worker": "工作节点"}
_PLACES_ZH = {"cluster": "整个集群", "control": "控制主机"}  # targets of checks that are not hosts


def area(check_id: str, language: Language) -> str:
    """The heading for a check id: `Host and OS` for H09."""
    letter = check_id[:1]
    return language.say(_AREAS_ZH.get(letter, "其他"), AREAS.get(letter, "Other"))


def role(name: str, language: Language) -> str:
    """A host's role, in Chinese as in the runbook, in English as in config.yaml."""
    return language.say(_ROLES_ZH.get(name, ""), name)


def place(host: str, language: Language) -> str:
    """The name of a host, or of another target of checks: the whole cluster, the control host."""
    return language.say(_PLACES_ZH.get(host, ""), host)


def section(number: str, language: Language) -> str:
    """The number and name of a runbook section: `3.11 Kubernetes`."""
    return f"{number} {language.say(_SECTIONS_ZH.get(number, ''), SECTIONS.get(number, ''))}".strip()


_TONES: dict[Verdict, Tone] = {
    Verdict.PASS: "good",
    Verdict.FAIL: "bad",
    Verdict.UNKNOWN: "bad",
    Verdict.UNREACHABLE: "bad",
    Verdict.NOT_RUN: "bad",
    Verdict.WARN: "caution",
    Verdict.WAIVED: "caution",
    Verdict.DEVIATION: "caution",
    Verdict.NA: "quiet",
}


def verdict_cell(verdict: Verdict, language: Language) -> Cell:
    """A verdict as a coloured cell."""
    return Cell(language.stacked(*VERDICTS[verdict]), _TONES[verdict])


def title(check: Record, language: Language) -> str:
    """The title of a check, from the ledger; failing that, its name with spaces."""
    return language.stacked(check["title_zh"], check["title"].removesuffix(".") or check["name"].replace("_", " "))
