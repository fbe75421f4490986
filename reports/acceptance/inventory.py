"""Parts 4 and 5: the inventory, and the versions required and found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dlws.verdict import Verdict
from reports.acceptance import facts
from reports.acceptance.blocks import Block, Cell, Heading, Part, Table, Text
from reports.acceptance.facts import Device
from reports.acceptance.language import Language, role, title, verdict_cell
from reports.acceptance.source import Source

WORST = (
    Verdict.UNREACHABLE,
    Verdict.FAIL,
    Verdict.UNKNOWN,
    Verdict.NOT_RUN,
    Verdict.WARN,
    Verdict.WAIVED,
    Verdict.DEVIATION,
    Verdict.PASS,
    Verdict.NA,
)
_LABELS = {"serial": "S/N ", "product_uuid": "UUID ", "machine_id": "machine-id ", "host_key": "SSH "}
_UNITS = {"cpus": " CPUs"}
# component, the facts that hold its version, the checks that judge it
VERSIONS: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("操作系统", "Operating system", ("os",), ("H01",)),
    ("内核", "Kernel", ("kernel",), ("K14",)),
    ("CPU 架构", "Architecture", ("arch",), ("H02",)),
    ("GPU 驱动", "NVIDIA driver", ("gpu_driver",), ("G02",)),
    ("NPU 驱动", "Ascend driver", ("npu_driver",), ("P02",)),
    ("Docker", "Docker", ("docker",), ("R02",)),
    ("nvidia-docker2", "nvidia-docker2", ("nvidia-docker2",), ("R06",)),
    ("kubeadm 软件包", "Package kubeadm", ("kubeadm",), ("K20",)),
    ("kubelet 软件包", "Package kubelet", ("kubelet",), ("K20",)),
    ("运行中的 kubelet", "Running kubelet", ("kubelet_running",), ("K07",)),
    ("离线内容 content.lock 的 SHA-256", "SHA-256 of content.lock", ("content",), ("R31",)),
)


def hardware(source: Source, language: Language) -> Part:
    """4: every host with its serial numbers, as far as they are in the evidence."""
    say, stacked = language.say, language.stacked
    head = [
        stacked("主机", "Host"),
        stacked("地址", "Address"),
        stacked("角色与类型", "Role, kind"),
        stacked("系统与内核", "System, kernel"),
        stacked("CPU、内存", "CPUs, memory"),
        stacked("序列号", "Serial no."),
    ]
    rows = [
        (
            host.name,
            host.address,
            f"{role(host.role, language)}\n{host.kind}",
            _lines(source, host.name, "os", "kernel", "arch"),
            _lines(source, host.name, "cpus", "memory"),
            _lines(source, host.name, "vendor", "product", "serial", "product_uuid", "machine_id", "host_key"),
        )
        for host in source.hosts
    ]
    blocks: list[Block] = [
        Text(
            language.stacked(
                "以下内容取自本次巡检的证据；“—”表示本次巡检未读取。序列号一栏依次为已读取到的厂商、型号、序列号、"
                "主板 UUID（product_uuid）、machine-id 和 SSH 主机密钥指纹。",
                "Taken from the evidence of this audit; a dash means that the audit did not read it. The serial number "
                "column lists vendor, model, serial number, firmware UUID, machine-id and the SSH host key's "
                "fingerprint, as far as they were read.",
            )
        ),
        Table(head, rows, [17, 16, 18, 25, 15, 30]),
        Heading(say("加速卡", "Accelerators")),
        _devices(source, language),
        Heading(say("网卡", "Network interfaces")),
        _cards(source, language),
    ]
    return Part(4, say("设备清单", "Inventory"), blocks)


def versions(source: Source, language: Language) -> Part:
    """5: for each component the required version, the versions found, and the verdict of the checks."""
    say, stacked = language.say, language.stacked
    rows: list[Sequence[str | Cell]] = []
    for zh, en, names, ids in VERSIONS:
        by_host = {host.name: source.all_facts[host.name].values.get(names[0], "") for host in source.hosts}
        if any(by_host.values()):
            rows.append(
                (say(zh, en), _required(source, ids, language), _grouped(by_host), _verdict(source, ids, language))
            )
    if source.server_version:
        row = "API Server", _required(source, ("C02",), language), source.server_version
        rows.append((*row, _verdict(source, ("C02",), language)))
    head = [
        stacked("组件", "Component"),
        stacked("要求", "Required"),
        stacked("实测", "Found"),
        stacked("判定", "Verdict"),
    ]
    none = Text(language.stacked("本次巡检未读取任何版本。", "This audit did not read any versions."))
    table = Table(head, rows, [24, 38, 38, 21]) if rows else none
    return Part(5, say("版本对照表", "Required and installed versions"), [table, *_images(source, language)])


def _images(source: Source, language: Language) -> list[Block]:
    """The images of the content that the hosts were installed from, by the digest in their registry."""
    by_arch = [
        (name, source.all_facts[host.name].values.get("arch") or "—", digest)
        for host in source.hosts
        for name, digest in source.all_facts[host.name].images.items()
    ]
    head = [
        language.stacked("镜像", "Image"),
        language.stacked("架构", "Architecture"),
        language.stacked("仓库中的摘要", "Digest"),
    ]
    rows = sorted(set(by_arch))
    title = language.say("离线内容中的镜像", "Images of the content")
    return [Heading(title), Table(head, rows, [42, 15, 64])] if rows else []


def _lines(source: Source, host: str, *names: str) -> str:
    values = source.all_facts[host].values
    read = [name for name in names if values.get(name)]
    return "\n".join(f"{_LABELS.get(name, '')}{values[name]}{_UNITS.get(name, '')}" for name in read) or "—"


def _devices(source: Source, language: Language) -> Block:
    stacked = language.stacked
    rows = [
        (
            host.name,
            f"{d.kind} {d.number}",
            d.model or "—",
            d.serial or "—",
            "\n".join(text for text in (d.bus_id, d.firmware) if text) or "—",
        )
        for host in source.hosts
        for d in _distinct(facts.accelerators(source.all_facts[host.name]))
    ]
    if not rows:
        return Text(language.stacked("本次巡检未读取加速卡信息。", "This audit did not read any accelerators."))
    head = [
        stacked("主机", "Host"),
        stacked("加速卡", "Card"),
        stacked("型号", "Model"),
        stacked("序列号或 UUID", "Serial no. or UUID"),
        stacked("总线地址、固件", "Bus address, firmware"),
    ]
    return Table(head, rows, [18, 18, 27, 44, 22])


def _distinct(devices: Iterable[Device]) -> Iterator[Device]:
    """The devices; those of which only the number is known are combined: `NPU 0, 1, 2`."""
    unknown: dict[str, list[str]] = {}
    for device in devices:
        if device.model or device.serial or device.bus_id or device.firmware:
            yield device
        else:
            unknown.setdefault(device.kind, []).append(device.number)
    yield from (Device(kind, ", ".join(numbers)) for kind, numbers in unknown.items())


def _cards(source: Source, language: Language) -> Block:
    stacked = language.stacked
    rows = [
        (host.name, card.name, card.mac or "—", "\n".join(card.addresses) or "—")
        for host in source.hosts
        for card in facts.cards(source.all_facts[host.name], host.address)
    ]
    if not rows:
        return Text(language.stacked("本次巡检未读取网卡信息。", "This audit did not read any network interfaces."))
    head = [
        stacked("主机", "Host"),
        stacked("网卡", "Interface"),
        stacked("MAC 地址", "MAC address"),
        stacked("地址", "Addresses"),
    ]
    return Table(head, rows, [20, 16, 24, 30])


def _grouped(by_host: dict[str, str]) -> str:
    """`20.10.24: atlas01, atlas02`, one line per version; hosts whose version is not known come last."""
    together: dict[str, list[str]] = {}
    for host, version in by_host.items():
        together.setdefault(version, []).append(host)
    unknown = together.pop("", [])
    lines = [f"{version}: {', '.join(hosts)}" for version, hosts in together.items()]
    return "\n".join(lines + ([f"—: {', '.join(unknown)}"] if unknown else []))


def _required(source: Source, ids: Sequence[str], language: Language) -> str:
    """The titles of the checks, and the required value if the configuration or a finding names it."""
    checks = [check for check in source.checks if check["id"] in ids]
    titles = {check["id"]: title(check, language) for check in checks}
    configured = [source.required[id] for id in titles if id in source.required]
    values = configured or dict.fromkeys(check["expected"] for check in checks if check["expected"])
    lines = [f"{id} {title}" for id, title in titles.items()] + [f"→ {value}" for value in values]
    return "\n".join(lines) or language.stacked("无要求", "no requirement")


def _verdict(source: Source, ids: Sequence[str], language: Language) -> str | Cell:
    verdicts = {Verdict(check["verdict"]) for check in source.checks if check["id"] in ids}
    worst = next((verdict for verdict in WORST if verdict in verdicts), None)
    return verdict_cell(worst, language) if worst else "—"
