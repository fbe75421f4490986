"""P: the network ports of the NPUs themselves, by hccn_tool (P14 to P22, P28)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from checks.npu import presence
from dlws.config.cluster import Cluster
from dlws.engine.check import active, check, expect
from dlws.engine.targets import npu_cluster, npu_hosts
from dlws.facts import samples
from dlws.facts.across_hosts import names_by_value, reachable_hosts
from dlws.facts.ascend import (
    NO_PORT,
    ToolAnswers,
    chip_name,
    device_number,
    hccn_tool_answers,
    lost_packets,
    port_addresses,
    port_answers,
    port_health,
)
from dlws.facts.files import text_of
from dlws.facts.pairs import partners
from dlws.inventory import Device, Node
from dlws.parse.accelerators import ascend_models, hccn, hccn_link
from dlws.parse.accelerators.hccn import DeviceAddress
from dlws.parse.accelerators.npu_smi import ChipNumbers
from dlws.parse.network import lldp
from dlws.remote.host import Host
from dlws.verdict import NotApplicable, Severity

CONF = "/etc/hccn.conf"
LATELY = timedelta(hours=1)
"""How far back a link that went down counts as one that flaps."""
PLANE = 4
"""NPUs in each of the two planes of a first-generation server."""


@check(
    "P15",
    section="2.1",
    source="Ascend",
    on=npu_hosts,
    title_zh="NPU 网口链路 UP 且达到芯片速率",
    causes=[presence.test_npu_tools_work],
    fix="check the cable, the optical module and the switch port; hccn_tool -i <n> -optical -g",
)
def test_npu_ports_are_up(host: Host) -> None:
    """Every NPU port's link is up at its chip's speed (100 Gb/s on a 910A, 200 on a 910B), no slower than others."""
    answers = hccn_tool_answers(host)
    down = [chip_name(chip) for chip in answers.chips if not hccn.link_is_up(answers.port(chip, "link"))]
    expect("NPU ports that are down", found=down, expected=[])
    speeds = {chip_name(chip): hccn.speed(answers.port(chip, "speed")) for chip in answers.chips}
    slow = [f"{name} {speed} Mb/s" for name, speed in speeds.items() if speed < max(speeds.values())]
    expect("NPU ports slower than others of the host", found=slow, expected=[])
    own = {chip_name(chip): ascend_models.generation(chip.name).port_speed or 0 for chip in answers.chips}
    slow = [f"{name} {speed} of {own[name]} Mb/s" for name, speed in speeds.items() if speed < own[name]]
    expect("NPU ports slower than their chip", found=slow, expected=[])


@check(
    "P14",
    section="2.1",
    source="ascend-deployer",
    on=npu_hosts,
    title_zh="NPU 网口地址与 hccn.conf 一致",
    causes=[presence.test_npu_tools_work],
    fix="hccn_tool -i <n> -ip -s address <a> netmask <m>, which also writes /etc/hccn.conf",
)
def test_npu_addresses(host: Host) -> None:
    """Every NPU port has the address that /etc/hccn.conf gives it at boot. Whether it needs one, P17 says."""
    answers, conf = hccn_tool_answers(host), hccn.conf(text_of(host, CONF) or "")
    wrong = []
    for chip, has in port_addresses(answers).items():
        wanted = conf.get(device_number(chip))
        if has != wanted:
            there = has.address if has else "no address"
            wrong.append(f"{chip_name(chip)} {there} but {wanted.address if wanted else 'nothing'} in {CONF}")
    expect("NPU ports with a different address", found=wrong, expected=[])


@check(
    "P16",
    section="2.1",
    source="Ascend",
    on=npu_hosts,
    title_zh="NPU 网络健康检测无故障",
    causes=[presence.test_npu_tools_work, test_npu_ports_are_up],
    fix="find the silent address with hccn_tool -i <n> -netdetect -g; check the switch and the gateway",
)
def test_npu_network_health(host: Host) -> None:
    """Every NPU port with a health-check address reaches it."""
    found = port_health(hccn_tool_answers(host))
    bad = [f"{name} {word}" for name, word in found.items() if word not in ("Success", "Init")]
    expect("NPU ports that fail their health check", found=bad, expected=[])


@check(
    "P28",
    section="2.1",
    source="Ascend",
    on=npu_hosts,
    severity=Severity.WARNING,
    title_zh="NPU 网络健康检测已配置",
    causes=[presence.test_npu_tools_work],
    fix="hccn_tool -i <n> -netdetect -s address <gateway>",
)
def test_npu_network_is_watched(host: Host) -> None:
    """Every NPU port has a health-check address."""
    found = [name for name, word in port_health(hccn_tool_answers(host)).items() if word == "Init"]
    expect("NPU ports without a health-check address", found=found, expected=[])


@check(
    "P17",
    section="2.1",
    source="HCCL docs",
    on=npu_cluster,
    title_zh="NPU 网口地址唯一且子网划分正确",
    causes=[presence.test_npu_tools_work],
    fix="give every port a unique address in the network of its number; i and i+4 share one",
)
def test_npu_networks(cluster: Cluster, hosts: dict[str, Host]) -> None:
    """NPU ports have unique addresses, and NPUs i and i+4 share a network, the same on all 910 servers.

    NPUs 0 to 3 are in four different networks. Without an address are only the ports of servers that nothing but HCCS
    joins: of one from the 910B on, which is alone, and of A3 servers.
    """
    ports_of = {name: port_addresses(tools) for name, tools in answers_of_ports(cluster, hosts).items()}
    bare = [f"{name} {chip_name(chip)}" for name, ports in ports_of.items() for chip, has in ports.items() if not has]
    if not any(has for ports in ports_of.values() for has in ports.values()) and may_be_bare(cluster, ports_of):
        raise NotApplicable("no NPU port has an address: HCCS alone joins these chips")
    expect("NPU ports without an address", found=bare, expected=[])
    found = {name: addresses_of(ports) for name, ports in ports_of.items()}
    everyone = {f"{name} {chip_name(chip)}": has for name, ports in found.items() for chip, has in ports.items()}
    shared = names_by_value({who: has.address for who, has in everyone.items()})
    twice = [f"{address} on {' and '.join(names)}" for address, names in shared.items() if len(names) > 1]
    expect("addresses on several NPU ports", found=twice, expected=[])
    networks = {
        name: {device_number(chip): str(has.network) for chip, has in ports.items()}
        for name, ports in found.items()
        if has_two_planes(ports)
    }
    split = [
        f"{name} NPU {i} {nets[i]} but NPU {i + PLANE} {nets[i + PLANE]}"
        for name, nets in networks.items()
        for i in range(PLANE)
        if nets[i] != nets[i + PLANE]
    ]
    expect("NPU pairs that do not share a network", found=split, expected=[])
    mixed = [name for name, nets in networks.items() if len({nets[i] for i in range(PLANE)}) != PLANE]
    expect("hosts whose NPUs 0 to 3 are not in four different networks", found=mixed, expected=[])
    unlike = [
        f"NPU {i}: " + " but ".join(f"{net} on {' and '.join(names)}" for net, names in groups.items())
        for i in range(PLANE)
        if len(groups := names_by_value({name: nets[i] for name, nets in networks.items()})) > 1
    ]
    expect("NPUs whose network differs between hosts", found=unlike, expected=[])


@check(
    "P18",
    section="2.1",
    source="HCCL docs",
    on=npu_cluster,
    title_zh="所有服务器 NPU 的 TLS 开关与 FEC 模式一致",
    causes=[presence.test_npu_tools_work],
    fix="set the same on every port of every host: hccn_tool -i <n> -tls -s enable 0, -fec -s ...",
)
def test_npu_ports_are_set_alike(cluster: Cluster, hosts: dict[str, Host]) -> None:
    """All NPU ports of all hosts have the same TLS setting and FEC mode; otherwise HCCL cannot connect."""
    answers = answers_of_ports(cluster, hosts)
    ports = [(f"{name} {chip_name(chip)}", tools, chip) for name, tools in answers.items() for chip in tools.chips]
    tls = {who: "on" if hccn.tls_is_on(tools.port(chip, "tls")) else "off" for who, tools, chip in ports}
    expect("NPU ports with a different TLS setting", found=odd_ones(tls), expected=[])
    fec = {who: hccn.fec(tools.port(chip, "fec")) for who, tools, chip in ports}
    expect("NPU ports with a different FEC mode", found=odd_ones(fec), expected=[])


@check(
    "P19",
    section="2.1",
    source="Ascend",
    on=npu_hosts,
    severity=Severity.WARNING,
    title_zh="NPU 光模块在位且光功率正常",
    causes=[presence.test_npu_tools_work],
    fix="clean the fibre and reseat the optical module; then replace it, and the one at the switch",
)
def test_npu_optics(host: Host) -> None:
    """Every NPU port has an optical module whose optical power is within its thresholds both ways."""
    answers = hccn_tool_answers(host)
    wrong = []
    for chip in answers.chips:
        found = hccn_link.optical(answers.port(chip, "optical"))
        troubles = ["not present"] if not found.present else [*found.astray, *found.lost]
        wrong += [f"{chip_name(chip)} {trouble}" for trouble in troubles]
    expect("optical modules with problems", found=wrong, expected=[])


@check(
    "P20",
    section="2.1",
    source="LBNL NHC",
    on=npu_hosts,
    severity=Severity.WARNING,
    title_zh="NPU 网口近一小时无闪断",
    causes=[presence.test_npu_tools_work],
    fix="clean or replace the fibre and the optical module; check the switch's log",
)
def test_npu_links_do_not_flap(host: Host) -> None:
    """No NPU port's link has gone down within the last hour."""
    answers = hccn_tool_answers(host)
    counts = {chip_name(chip): hccn_link.downs(answers.port(chip, "link_stat"), LATELY) for chip in answers.chips}
    expect("NPU ports whose link went down", found=[f"{name}: {n}" for name, n in counts.items() if n], expected=[])


@active
@check(
    "P21",
    section="2.1",
    source="HCCL docs",
    on=npu_cluster,
    title_zh="同编号 NPU 网口互通（超过 32 台时抽样）",
    sample=samples.npu_pairs,
    causes=[presence.test_npu_tools_work, test_npu_ports_are_up, test_npu_networks],
    fix="check the switch between the two ports: VLAN, ARP, MTU; hccn_tool -i <n> -arp -g, -route -g",
)
def test_npus_reach_each_other(cluster: Cluster, hosts: dict[str, Host]) -> None:
    """Every NPU port reaches the ports with the same number on all other hosts; of more than 32 hosts a sample.

    The sample: the first host, and those 1, 2, 4, 8 ... places further on in the configuration; from the first all.
    """
    found = {name: addresses_of(port_addresses(tools)) for name, tools in answers_of_ports(cluster, hosts).items()}
    dumb = []
    for name, ports in found.items():
        peers = partners(list(found), name)
        for chip in ports:
            others = [(peer, c, a) for peer in peers for c, a in found[peer].items()]
            for peer, other, has in others:
                if device_number(other) == device_number(chip) and (
                    lost := lost_packets(hosts[name], device_number(chip), has.address)
                ):
                    dumb.append(f"{name} {chip_name(chip)} to {peer}: {lost} packets lost")
    expect("NPU ports that do not reach each other", found=dumb, expected=[])


@check(
    "P22",
    section="2.1",
    source="IEEE 802.1AB",
    on=npu_hosts,
    severity=Severity.INFO,
    title_zh="NPU 网口接线与布线规划一致",
    causes=[presence.test_npu_tools_work, test_npu_ports_are_up],
    fix="plug the cable in as planned, or correct suite.npu_cabling; if no neighbour is seen, enable LLDP on"
    " the switch",
)
def test_npu_cabling(node: Node, cluster: Cluster, host: Host) -> None:
    """Every NPU port is connected to the planned switch and port, as seen by LLDP."""
    planned = cluster.suite.npu_cabling.get(node.name)
    if planned is None:
        raise NotApplicable(f"suite.npu_cabling does not plan the cables of {node.name}")
    answers = hccn_tool_answers(host, ["lldp"])
    heard = {device_number(chip): lldp.neighbour(answers.port(chip, "lldp")) for chip in answers.chips}
    found = {number: f"{there.system} {there.port}" if there else "no neighbour" for number, there in heard.items()}
    wanted = dict(enumerate(planned))
    wrong = [
        f"NPU {number}: {found.get(number, 'no such NPU')} but {wanted.get(number, 'nothing')} planned"
        for number in sorted(found.keys() | wanted.keys())
        if found.get(number) != wanted.get(number)
    ]
    expect("cables not plugged in as planned", found=wrong, expected=[])


def with_npus(cluster: Cluster, hosts: Mapping[str, Host]) -> Mapping[str, Host]:
    """Those of the hosts that have NPUs. Unknown where none of them can be reached."""
    return reachable_hosts({name: host for name, host in hosts.items() if cluster.node(name).device is Device.NPU})


def answers_of_ports(cluster: Cluster, hosts: Mapping[str, Host]) -> dict[str, ToolAnswers]:
    """What hccn_tool reports on each host whose NPUs have ports. NotApplicable where none has."""
    every = {name: port_answers(host) for name, host in with_npus(cluster, hosts).items()}
    if not (found := {name: tools for name, tools in every.items() if tools.chips}):
        raise NotApplicable(NO_PORT)
    return found


def addresses_of(ports: Mapping[ChipNumbers, DeviceAddress | None]) -> dict[ChipNumbers, DeviceAddress]:
    """The ports that have an address."""
    return {chip: has for chip, has in ports.items() if has is not None}


def may_be_bare(cluster: Cluster, ports_of: Mapping[str, Iterable[ChipNumbers]]) -> bool:
    """Whether the chips of these hosts may work together without a network of their own."""
    rows = [ascend_models.generation(chip.name) for ports in ports_of.values() for chip in ports]
    is_alone = sum(node.device is Device.NPU for node in cluster.nodes) == 1
    return all(r.may_do_without_ports or (is_alone and not r.has_two_planes) for r in rows)


def has_two_planes(ports: Iterable[ChipNumbers]) -> bool:
    """Whether it is a server of eight first-generation chips, in two planes of four: i and i+4 share a network.

    Unknown for chips of a model that the suite does not know.
    """
    rows = [ascend_models.generation(chip.name) for chip in ports]
    return {device_number(chip) for chip in ports} == set(range(2 * PLANE)) and all(row.has_two_planes for row in rows)


def odd_ones(values: Mapping[str, str]) -> list[str]:
    """Who has another value than most, `atlas01 NPU 3 on`; nobody where all have the same."""
    groups = sorted(names_by_value(values).items(), key=lambda group: len(group[1]))
    return [f"{name} {value}" for value, names in groups[:-1] for name in names]
