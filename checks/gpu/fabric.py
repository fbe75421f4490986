"""G: how the GPUs are joined: NVLink and NVSwitch (G14, G15, G20, G24)."""

from __future__ import annotations

from itertools import combinations

from checks.gpu import presence
from dlws.engine.check import check, expect, expect_that
from dlws.engine.targets import gpu_hosts
from dlws.facts.nvidia import (
    BOUND,
    FABRIC_HEALTH,
    answer_of,
    card_name,
    cards,
    fabric_states,
    loaded_driver,
    model_of,
    required_field,
)
from dlws.parse.accelerators import nvidia_driver, nvidia_fabric, nvidia_models, nvidia_topology, nvlink
from dlws.parse.accelerators.nvidia_models import Fabric, Form, Model
from dlws.parse.host import lspci
from dlws.remote.host import Host
from dlws.verdict import NotApplicable, Severity, Unknown

NVSWITCH = "0680"
"""The PCI class of an NVSwitch: a bridge of no further kind. No GPU has it."""
JOINED = "Completed: Success"
"""What the driver says of a GPU that is registered with its fabric: state and status."""


@check(
    "G14",
    section="2.1",
    source="azurehpc check_nvlink_status",
    on=gpu_hosts,
    title_zh="NVLink 全部激活且速率一致",
    causes=[presence.test_gpus_answer],
    fix="reset all cards together (nvidia-smi -r); restart nvidia-fabricmanager; then replace the card",
)
def test_nvlinks_are_up(host: Host) -> None:
    """Every GPU module has all NVLinks of its model, active and at one speed; bridged cards have as many as their peer.

    A card without an NVLink bridge, and a vGPU, has none to show. Of a bridged card some links are unused by design.
    """
    found = cards(host)
    models = {int(required_field(card, "index")): model_of(card) for card in found}
    told = nvlink.parse(answer_of(host, BOUND + "nvlink -s")) or dict.fromkeys(models, ())
    expect("GPUs listed by nvidia-smi nvlink", found=sorted(told), expected=sorted(models))
    links = {card: speeds for card, speeds in told.items() if speeds is not None}
    modules = {card: models[card] for card in links if models[card].form is Form.SXM}
    down = [f"GPU {card} link {n}" for card in modules for n, speed in enumerate(links[card]) if speed is None]
    expect("NVLinks that are down", found=down, expected=[])
    most = max([1, *(len(links[card]) for card in modules)])
    wanted = {card: model.nvlinks or most for card, model in modules.items()}
    few = [f"GPU {card} {len(links[card])} of {n}" for card, n in wanted.items() if len(links[card]) < n]
    expect("GPUs with fewer NVLinks than their model has", found=few, expected=[])
    bridged = {card: (models[card], links[card]) for card in links if models[card].form is Form.PCIE}
    odd = badly_bridged(bridged) if links == told else []  # the peer may be one that does not tell its links
    expect("bridged GPUs that lack NVLinks", found=odd, expected=[])
    speeds = sorted({speed for those in links.values() for speed in those if speed is not None})
    expect_that(len(speeds) <= 1, "NVLink speeds in GB/s", found=speeds, expected="the same on all links")
    if parted := [f"GPU {card}" for card in told if card not in links]:
        raise Unknown(f"{', '.join(parted)} is parted (MIG): its driver does not tell its NVLinks")
    require_link_counts(
        {f"GPU {card}": required_field(found[at], "name") for at, card in enumerate(models) if is_untold(models[card])}
    )


@check(
    "G15",
    section="2.1",
    source="NVIDIA system guides",
    on=gpu_hosts,
    severity=Severity.WARNING,
    title_zh="GPU 互联拓扑符合其型号",
    causes=[presence.test_gpus_answer],
    fix="check for NVLinks that are down (G14) and for a wrong GPU board",
)
def test_gpu_topology(host: Host) -> None:
    """SXM GPUs are connected by all NVLinks of their model, to each other or to NVSwitches."""
    found = cards(host)
    models = {f"GPU{required_field(card, 'index')}": model_of(card) for card in found}
    ways = nvidia_topology.parse(answer_of(host, BOUND + "topo -m"))
    expect("GPUs listed by nvidia-smi topo", found=sorted(ways), expected=sorted(models))
    torn = [
        f"{a} to {b}: {ways[a][b]} but {ways[b][a]} back" for a, b in combinations(ways, 2) if ways[a][b] != ways[b][a]
    ]
    expect("GPU pairs whose connection differs by direction", found=torn, expected=[])
    wrong = []
    for name, row in ways.items():
        bonds = [int(way.removeprefix("NV")) if way.startswith("NV") else 0 for way in row.values()]
        if models[name].form is Form.SXM and bonds and not is_joined(models[name], bonds):
            wrong.append(f"{name} {' '.join(row.values())}")
    expect("GPUs not connected as their model requires", found=wrong, expected=[])
    names = {f"GPU {required_field(card, 'index')}": required_field(card, "name") for card in found}
    require_link_counts({name: text for name, text in names.items() if is_untold(models[name.replace(" ", "")])})


@check(
    "G20",
    section="2.1",
    source="NVIDIA Fabric Manager guide",
    on=gpu_hosts,
    title_zh="有 NVSwitch 时 Fabric Manager 正在运行且版本与驱动一致",
    fix="install nvidia-fabricmanager in the driver's version; systemctl enable --now nvidia-fabricmanager",
)
def test_fabric_manager(host: Host) -> None:
    """On hosts whose GPUs are joined by NVSwitches of their own, Fabric Manager runs in the same version as the driver.

    Without it, no CUDA program starts. From HGX B200 on the switches are no PCI functions of NVIDIA's: the GPUs tell.
    """
    functions = lspci.functions(host.read("lspci -Dnn -d 10de:"))
    has_switches = any(function.klass == NVSWITCH for function in functions)
    if not has_switches and not has_hidden_switches(host, [f.device for f in functions if f.klass in lspci.DISPLAY]):
        return
    expect("nvidia-fabricmanager", found=host.service("nvidia-fabricmanager").active_state, expected="active")
    version = nvidia_driver.fabric_manager(host.read("nv-fabricmanager --version"))
    expect("Fabric Manager version", found=version, expected=loaded_driver(host) or "no driver")


@check(
    "G24",
    section="2.1",
    source="NVML nvmlGpuFabricInfo_t",
    on=gpu_hosts,
    title_zh="GPU 均已加入 NVLink 交换网络且网络健康",
    causes=[presence.test_gpus_answer, test_fabric_manager],
    fix="see journalctl -u nvidia-fabricmanager and restart it, then nvidia-smi -r; of an NVL72 rack, in its NVSwitch"
    " trays",
)
def test_gpus_have_joined_their_fabric(host: Host) -> None:
    """Every GPU that NVSwitches join to others, from Hopper on, is registered with their fabric, which is healthy.

    Until it is, no CUDA program starts on it (error 802), though Fabric Manager runs.
    """
    states = fabric_states(host, cards(host)[0])
    if not states:
        raise NotApplicable("the driver reports no GPU of an NVLink fabric")
    out = [f"{name} {state}" for name, state in states.items() if state != JOINED]
    expect("GPUs that have not joined their fabric", found=out, expected=[])
    ill = nvidia_fabric.troubles(answer_of(host, FABRIC_HEALTH))
    expect("GPUs whose fabric is not healthy", found=ill, expected=[])


def has_hidden_switches(host: Host, devices: list[str]) -> bool:
    """Whether GPUs on the bus are of a board with hidden NVSwitches; the driver names those of unknown PCI ids.

    Unknown for modules of a name that is not known either. A GPU alone, in a virtual machine, is joined to no other:
    who lends it programs the switches.
    """
    models, untold = [nvidia_models.by_pci_id(device) for device in devices], list[str]()
    if None in models:
        named = {f"{card_name(card)} is a {required_field(card, 'name')}": model_of(card) for card in cards(host)}
        models += named.values()
        untold = [name for name, model in named.items() if model.fabric is None]
    has_them = any(model is not None and model.fabric is Fabric.ALWAYS for model in models)
    if len(devices) > 1 and untold and not has_them:
        raise Unknown(f"{', '.join(untold)}: the suite does not know whether NVSwitches join this model")
    return len(devices) > 1 and has_them


def badly_bridged(cards: dict[int, tuple[Model, tuple[float | None, ...]]]) -> list[str]:
    """The cards whose NVLink bridges lack links: `GPU 1 11`.

    A bridge joins two cards, or four, with as many links each; so whoever has a number of its own has lost some, unless
    its peer is not on this host. Of some models it is known what number one, two and three bridges have.
    """
    active = {card: sum(speed is not None for speed in links) for card, (_, links) in cards.items()}
    joined = {card: count for card, count in active.items() if count}
    alone = [card for card, count in joined.items() if list(joined.values()).count(count) % 2 and len(cards) > 1]
    partial = [card for card, count in joined.items() if count not in (cards[card][0].bridged or {count})]
    return [f"GPU {card} {joined[card]}" for card in sorted({*alone, *partial})]


def is_joined(model: Model, bonds: list[int]) -> bool:
    """Whether a module uses all its links: to a switch, where it has them to every other, or to others together."""
    if model.nvlinks is None:
        return any(bonds)
    return sum(bonds) == model.nvlinks or set(bonds) == {model.nvlinks}


def is_untold(model: Model) -> bool:
    """Whether a module's number of links is not known."""
    return model.form is Form.SXM and model.nvlinks is None


def require_link_counts(untold: dict[str, str]) -> None:
    """Unknown where there are modules whose number of links is not known: what they have may be too few."""
    if untold:
        named = ", ".join(f"{card} is a {name}" for card, name in untold.items())
        raise Unknown(f"{named}: the suite does not know how many NVLinks this model has")
