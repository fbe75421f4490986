"""What a host says of itself: its name, architecture, operating system, accelerators, networks and open ports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from dlws.config import platforms, values
from dlws.config.finding import shown
from dlws.facts import ascend, network, nvidia, system
from dlws.facts.accelerators import driver_device_count
from dlws.facts.listeners import listening_sockets, outside_pods
from dlws.init.listing import Listed
from dlws.inventory import Arch, Device, Node
from dlws.kubernetes.kubeadm import NODE_PORT_RANGE
from dlws.parse.accelerators import ascend_models
from dlws.parse.host.lspci import Function
from dlws.parse.host.os_release import OsRelease
from dlws.parse.network.ip_route import Route
from dlws.record.answer import Unreachable
from dlws.remote.host import Host
from dlws.verdict import Unknown


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A host as it was named and as it is. `name` is empty where neither gives one that a machine can have.

    `remarks` are sentences about what the operator should know of it, without its name.
    """

    listed: Listed
    name: str
    arch: Arch
    device: Device
    device_count: int = 0
    card_count: int = 0
    """The number of cards where the configuration may count these instead of chips (Atlas 800 A3), else the same."""
    system: OsRelease | None = None
    routes: tuple[Route, ...] = ()
    """Without the default route."""
    remarks: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Its own address."""
        return self.listed.address


class Contradiction(Exception):
    """A host is not what the table says, or not what a machine can be; the message says how to mend it."""


def survey(listed: Listed, host: Host) -> Surveyed:
    """Ask a host. Raises Unknown for what cannot be known, Contradiction for what the table says otherwise."""
    if not network.has_address(host, listed.address):
        own = ", ".join(a.address for a in network.addresses_up(host) if a.scope == "global")
        why = f"no interface of {system.host_name(host)} has this address, which are {own or 'none'}"
        raise Contradiction(f"{why} (name the host by its own address)")
    machine = system.machine_of(host)
    arch = next((one for one in Arch if one.machine == machine), None)
    if arch is None:
        raise Contradiction(f"{machine} is neither amd64 nor arm64 (take the host off the list)")
    device, functions = _on_bus(host)
    count, remarks = _count(host, device, len(functions))
    cards = _cards(functions, count) if device is Device.NPU else count
    if device is Device.CPU and listed.device is Device.STORAGE:
        device = Device.STORAGE
    for what, told, is_now in (("archtype", listed.arch, arch), ("type", listed.device, device)):
        if told not in (None, is_now):
            raise Contradiction(f"{listed.where} has {what} {told}, the host is {is_now} (correct the table)")
    if listed.device_count not in (None, count, cards):
        told_count = f"{listed.where} has {listed.device_count} devices, the host has {count}"
        raise Contradiction(f"{told_count} (correct the table, or find out why)")
    found = Surveyed(listed, _name(listed, host), arch, device, count, cards, system.operating_system(host))
    routes = tuple(route for route in network.routes(host) if not route.is_default)
    return replace(found, routes=routes, remarks=(*remarks, *_about_system(found, host.node), *_about_ports(host)))


def as_listed(listed: Listed) -> Surveyed:
    """A host as its row of a table has it, without a login. Contradiction if the row leaves something out."""
    missing = [
        what for what, value in (("name", listed.name), ("archtype", listed.arch), ("type", listed.device)) if not value
    ]
    if listed.device in (Device.GPU, Device.NPU) and not listed.device_count:
        missing.append("devices")
    if missing or listed.arch is None or listed.device is None:
        raise Contradiction(f"{listed.where} has no {', '.join(missing)} (fill it in, or leave --no-login out)")
    return Surveyed(listed, listed.name, listed.arch, listed.device, listed.device_count or 0, listed.device_count or 0)


def _name(listed: Listed, host: Host) -> str:
    name = system.host_name(host).partition(".")[0]
    return listed.name or (name if values.is_label(name) else "")


def _on_bus(host: Host) -> tuple[Device, tuple[Function, ...]]:
    """The kind of accelerators on the PCI bus, and these."""
    npus, gpus = ascend.functions_on_bus(host), nvidia.cards_on_bus(host)
    if npus and gpus:
        many = f"{len(npus)} NPUs and {len(gpus)} GPUs are in it"
        raise Contradiction(f"{many}, a machine has one type (take the others out)")
    if npus or gpus:
        return (Device.NPU, npus) if npus else (Device.GPU, gpus)
    return Device.CPU, ()


def _cards(functions: tuple[Function, ...], chips: int) -> int:
    """The number of cards where that stands for so many chips, else the chips (`chips_promised`)."""
    known = [row for f in functions for row in ascend_models.GENERATIONS if row.pci == f.device]
    cards = chips // 2
    return cards if len(known) == len(functions) and ascend_models.chips_promised(cards, known) == chips else chips


def _count(host: Host, device: Device, on_bus: int) -> tuple[int, tuple[str, ...]]:
    """How many accelerators there are, as the configuration counts them, and what is odd about it.

    The chips of an NPU card may be behind one PCI function, and a card that is lost is on the bus alone: the higher
    of both numbers is what the host was built with.
    """
    if device is Device.CPU:
        return 0, ()
    try:
        in_driver = driver_device_count(replace(host.node, device=device), host)
    except Unreachable:
        raise
    except Unknown as error:
        return on_bus, (f"{on_bus} accelerators by the PCI bus; its driver does not tell: {error}",)
    if in_driver < on_bus:
        return on_bus, (f"{on_bus} accelerators on the PCI bus, but its driver sees {in_driver}",)
    return in_driver, ()


def _about_system(found: Surveyed, node: Node) -> Iterator[str]:
    if found.system is None:
        return
    release = found.system.point or found.system.version or ""
    rows = platforms.demanded(replace(node, device=found.device, arch=found.arch))
    if not any(row.takes(found.system.id, release) for row in rows):
        runs, wanted = shown(f"{found.system.id} {release}")[1:-1], " or ".join(map(str, rows))
        yield f"runs {runs}, the runbook wants {wanted} (H01): accept it in suite.platforms, or install that"


def _about_ports(host: Host) -> Iterator[str]:
    taken = [one for one in listening_sockets(host) if one.port in NODE_PORT_RANGE]
    if taken and (own := outside_pods(host, taken)):
        listed = ", ".join(dict.fromkeys(map(str, own)))
        first, last = NODE_PORT_RANGE[0], NODE_PORT_RANGE[-1]
        yield f"has listeners among the NodePorts, {first} to {last}: {listed}; move them"
