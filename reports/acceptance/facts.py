"""The facts about each host in the evidence: model, serial numbers, versions, addresses, accelerators.

Hosts are not queried and nothing is assumed: a fact that no command of the run revealed stays empty.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from dlws.parse import versions
from dlws.parse.accelerators import ascend, npu_chip, npu_smi, nvidia_smi
from dlws.parse.host import docker_info, dpkg, meminfo, os_release
from dlws.parse.network import ip_addr
from dlws.parse.platform import answers
from dlws.parse.text import lines, only_line
from dlws.record.evidence import CONTENT, PINNED_KEYS
from dlws.record.run_folder import Command
from dlws.verdict import Unknown

PACKAGES = ("kubeadm", "kubelet", "kubectl", "docker-ce", "docker.io", "nvidia-docker2", "nfs-kernel-server")


@dataclass(slots=True)
class Device:
    """One accelerator. `serial` is the board's serial number or, if that is not known, the UUID."""

    kind: str
    number: str
    model: str = ""
    serial: str = ""
    bus_id: str = ""
    firmware: str = ""


@dataclass(slots=True)
class Card:
    """One network interface; `addresses` have a prefix length. `physical`: it has a hardware device."""

    name: str
    mac: str = ""
    physical: bool = False
    addresses: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Facts:
    """What is known about one host.

    Keys of `values`: os, kernel, arch, cpus, memory, vendor, product, serial, product_uuid, machine_id, host_key,
    docker, storage_driver, content, gpu_driver, npu_driver, kubelet_running, allocatable, and the names of `PACKAGES`.
    """

    values: dict[str, str] = field(default_factory=dict)
    cards: dict[str, Card] = field(default_factory=dict)
    devices: dict[tuple[str, str], Device] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    """Those of the content for the host's architecture: the digest in their registry, by name."""

    def card(self, name: str) -> Card:
        """The network interface of this name, created if necessary."""
        return self.cards.setdefault(name, Card(name))

    def device(self, kind: str, number: str, **more: str | None) -> None:
        """Add values to an accelerator; a board's serial number replaces a UUID, but not vice versa."""
        device = self.devices.setdefault((kind, number), Device(kind, number))
        for name, value in more.items():
            if value and not (name == "serial" and device.serial and value.startswith("GPU-")):
                setattr(device, name, value)


def of_host(commands: Iterable[Command]) -> Facts:
    """The facts about a host from all its commands in the run. Answers that cannot be parsed are ignored."""
    facts = Facts()
    for command in commands:
        if command.rc not in (0, 1) or command.timed_out or command.truncated or command.changes:
            continue
        for pattern, learn in _PROBES:
            if match := pattern.search(command.command):
                with suppress(Unknown, ValueError, KeyError):
                    learn(facts, command.out, match)
    return facts


def of_nodes(commands: Iterable[Command]) -> dict[str, dict[str, str]]:
    """By node, the facts known to Kubernetes: os, kernel, kubelet_running, product_uuid, machine_id, allocatable."""
    nodes: dict[str, dict[str, str]] = {}
    for command in commands:
        if command.rc == 0 and re.match(r"GET /api/v1/nodes(\?|$)", command.command):
            with suppress(ValueError, AttributeError, TypeError):
                for node in json.loads(command.out).get("items") or ():
                    nodes[str(node["metadata"]["name"])] = _node(node.get("status") or {})
    return nodes


def server_version(commands: Iterable[Command]) -> str:
    """The API server's version, such as `v1.20.2`; empty if it was not queried."""
    for command in commands:
        if command.rc == 0 and command.command.startswith("GET /version"):
            with suppress(ValueError, AttributeError):
                return str(json.loads(command.out).get("gitVersion") or "")
    return ""


def accelerators(facts: Facts) -> Iterator[Device]:
    """GPUs, then NPUs, by number."""
    yield from sorted(facts.devices.values(), key=lambda device: (device.kind, int(device.number)))


def cards(facts: Facts, address: str) -> list[Card]:
    """The physical network interfaces, preceded by the one that has the host's own address."""
    own = [card for card in facts.cards.values() if any(a.partition("/")[0] == address for a in card.addresses)]
    return own + [card for card in facts.cards.values() if card.physical and card not in own]


def _node(status: dict[str, Any]) -> dict[str, str]:
    info = status.get("nodeInfo") or {}
    allocatable = status.get("allocatable") or {}
    values = {
        "os": info.get("osImage"),
        "kernel": info.get("kernelVersion"),
        "kubelet_running": info.get("kubeletVersion"),
        "product_uuid": info.get("systemUUID"),
        "machine_id": info.get("machineID"),
        "allocatable": ", ".join(f"{key}: {allocatable[key]}" for key in sorted(allocatable) if "/" in key),
    }
    return {name: str(value) for name, value in values.items() if value}


_Learn = Callable[[Facts, str, re.Match[str]], None]
_PROBES: list[tuple[re.Pattern[str], _Learn]] = []


def _probe(pattern: str) -> Callable[[_Learn], _Learn]:
    def keep(learn: _Learn) -> _Learn:
        _PROBES.append((re.compile(pattern), learn))
        return learn

    return keep


@_probe(r"^cat /etc/os-release$")
def _os(facts: Facts, out: str, _: re.Match[str]) -> None:
    system = os_release.parse(out)
    facts.values["os"] = system.pretty or f"{system.id} {system.point or system.version or ''}"


@_probe(r"^uname -(?P<what>[mr])$")
def _uname(facts: Facts, out: str, match: re.Match[str]) -> None:
    facts.values["arch" if match["what"] == "m" else "kernel"] = only_line("uname", out)


@_probe(r"^nproc$")
def _cpus(facts: Facts, out: str, _: re.Match[str]) -> None:
    facts.values["cpus"] = str(meminfo.nproc(out))


@_probe(r"^cat /proc/meminfo$")
def _memory(facts: Facts, out: str, _: re.Match[str]) -> None:
    facts.values["memory"] = f"{meminfo.parse(out).total / 2**30:.1f} GiB"


@_probe(r"^cat /etc/machine-id$")
def _machine_id(facts: Facts, out: str, _: re.Match[str]) -> None:
    facts.values["machine_id"] = only_line("machine-id", out)


@_probe(rf"^{PINNED_KEYS}$")
def _host_key(facts: Facts, out: str, _: re.Match[str]) -> None:
    facts.values["host_key"] = ", ".join(key.split()[-1] for key in json.loads(out))


@_probe(rf"^{CONTENT}$")
def _content(facts: Facts, out: str, _: re.Match[str]) -> None:
    told = json.loads(out)
    facts.values["content"] = str(told["sha256"])
    facts.images |= {str(name): str(image["digest"]) for name, image in told["images"].items()}


@_probe(r"^cat /sys/class/dmi/id/(?P<what>product_uuid|product_serial|product_name|sys_vendor)$")
def _firmware(facts: Facts, out: str, match: re.Match[str]) -> None:
    names = {"product_serial": "serial", "product_name": "product", "sys_vendor": "vendor"}
    facts.values[names.get(match["what"], match["what"])] = only_line(match["what"], out)


@_probe(r"^docker info -f '\{\{json \.\}\}'$")
def _docker(facts: Facts, out: str, _: re.Match[str]) -> None:
    daemon = docker_info.parse(out)
    facts.values |= {"docker": daemon.server_version, "storage_driver": daemon.storage_driver}
    info = json.loads(next(line for line in out.splitlines() if line.lstrip().startswith("{")))
    if isinstance(info.get("KernelVersion"), str):
        facts.values.setdefault("kernel", info["KernelVersion"])


@_probe(r"^dpkg-query -W ")
def _packages(facts: Facts, out: str, _: re.Match[str]) -> None:
    installed = {package.name: package.version for package in dpkg.packages(out) if package.is_installed}
    facts.values |= {name: installed[name] for name in PACKAGES if name in installed}


@_probe(r"^ip -4 -o addr show up$")
def _addresses(facts: Facts, out: str, _: re.Match[str]) -> None:
    for address in ip_addr.parse(out):
        if address.scope == "global":
            card, cidr = facts.card(address.interface), f"{address.address}/{address.network.prefixlen}"
            card.addresses += [cidr] if cidr not in card.addresses else []


@_probe(r"^cd /sys/class/net && ")
def _macs(facts: Facts, out: str, _: re.Match[str]) -> None:
    for line in lines("/sys/class/net", out):
        if row := re.fullmatch(r"(\S+) (physical|virtual) ([0-9a-f:]{17,59})", line):
            card = facts.card(row[1])
            card.mac, card.physical = row[3], row[2] == "physical"


@_probe(r"^nvidia-smi -L$")
def _gpus(facts: Facts, out: str, _: re.Match[str]) -> None:
    nvidia_smi.listed(out)  # raises Unparsable unless all of it is understood
    for row in re.finditer(r"^GPU ([0-9]+): (.+) \(UUID: (GPU-\S+)\)$", out, re.MULTILINE):
        facts.device("GPU", row[1], model=row[2], serial=row[3])


@_probe(r"^(timeout -k 1 10 )?nvidia-smi --query-gpu=(?P<fields>[\w.,]+) --format=csv,noheader")
def _gpu_query(facts: Facts, out: str, match: re.Match[str]) -> None:
    fields = match["fields"].split(",")
    if fields == ["driver_version"]:
        if drivers := {str(versions.nvidia(line)) for line in lines("nvidia-smi", out)}:
            facts.values["gpu_driver"] = ", ".join(sorted(drivers))
    elif fields[0] == "index":
        for row in nvidia_smi.query(out, fields):
            model, serial, firmware = row.get("name"), row.get("serial"), row.get("vbios_version")
            facts.device("GPU", str(row["index"]), model=model, serial=serial, firmware=firmware)


@_probe(r"^cat /usr/local/Ascend/driver/version\.info$")
def _npu_driver(facts: Facts, out: str, _: re.Match[str]) -> None:
    facts.values["npu_driver"] = str(versions.ascend(ascend.version_info(out)))


@_probe(r"^npu-smi info -l$")
def _npus(facts: Facts, out: str, _: re.Match[str]) -> None:
    for number in npu_smi.cards(out):
        facts.device("NPU", str(number))


@_probe(r"^npu-smi info$")
def _npu_table(facts: Facts, out: str, _: re.Match[str]) -> None:
    for chip in npu_smi.info(out).chips:
        facts.device("NPU", str(chip.npu), model=chip.name, bus_id=chip.bus_id)


@_probe(r"^q\(\) .* npu-smi info -t ")
def _npu_boards(facts: Facts, out: str, _: re.Match[str]) -> None:
    for call, (status, text) in answers.parse(out).by_call.items():
        if (match := re.fullmatch(r"npu-smi info -t board -i ([0-9]+)", call)) and status == 0:
            board = npu_chip.board(text)
            facts.device("NPU", match[1], serial=board.serial, bus_id=board.bus_id, firmware=board.firmware)
