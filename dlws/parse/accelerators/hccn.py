"""hccn_tool and /etc/hccn.conf: the RoCE ports of the NPUs. hccn_tool reports one device per call."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from dlws.parse.text import lines, number, unparsable


@dataclass(frozen=True, slots=True)
class DeviceAddress:
    """The address of one device's port, with its network."""

    address: str
    network: ipaddress.IPv4Network


def link_is_up(text: str) -> bool:
    """`hccn_tool -i N -link -g`: `link status: UP` or DOWN."""
    return _only("-link", text, r"link status: (UP|DOWN)") == "UP"


def speed(text: str) -> int:
    """`hccn_tool -i N -speed -g`: the speed in Mb/s (`Speed: 100000 Mb/s`). Raises Unparsable if it is unknown."""
    return number("hccn_tool -speed", _only("-speed", text, r"Speed: ([0-9]{1,9}) Mb/s"))


def net_health(text: str) -> str:
    """`hccn_tool -i N -net_health -g`: Success, Init (no detection address is set), or a description of the failure."""
    return _only("-net_health", text, r"net health status: ?([A-Z][A-Za-z ]+)")


_NO_ADDRESS = re.compile(r"Get ip(?:conf)? failed, because no ip was preset there!")
"""hicann/driver, hccn_tool/cmd.c; the exit status beside it is 13 or another."""


def has_no_address(text: str) -> bool:
    """Whether `hccn_tool -i N -ip -g` says, at any exit status, that the port has no address."""
    return any(_NO_ADDRESS.fullmatch(line.strip()) for line in text.splitlines())


def ip(text: str) -> DeviceAddress:
    """`hccn_tool -i N -ip -g`: `ipaddr:A` and `netmask:M`."""
    address = _only("-ip", text, r"ipaddr: ?([0-9.]+)")
    return _address("hccn_tool -ip", address, _only("-ip", text, r"netmask: ?([0-9.]+)"))


def tls_is_on(text: str) -> bool:
    """`hccn_tool -i N -tls -g`: `tls switch[0](0:disable, 1:enable), ...`; the certificates after it are not read."""
    return _only("-tls", text, r"(?:dev_id:[0-9]{1,4}, )?tls switch\[([01])\].*") == "1"


def fec(text: str) -> str:
    """`hccn_tool -i N -fec -g`: the text after the colon, such as `rs FEC mode`."""
    return _only("-fec", text, r"fec mode: ?(\S.*)")


def lost(text: str) -> int:
    """`hccn_tool -i N -ping -g address A`: the number of packets lost."""
    row = _only("-ping", text, r"([0-9]{1,4} packets transmitted, [0-9]{1,4} received), .*")
    sent, received = (int(number) for number in re.findall("[0-9]+", row))
    if sent == 0 or received > sent:
        raise unparsable("hccn_tool -ping", row)
    return sent - received


def conf(text: str) -> dict[int, DeviceAddress]:
    """/etc/hccn.conf: `address_N` and `netmask_N` by device id N; empty if nothing is configured.

    The names of other settings may hold addresses: `route_address_10.20.0.0_netmask_255.255.0.0_0`.

    Raises Unparsable for an address without a netmask and for a device with two different addresses.
    """
    source = "/etc/hccn.conf"
    values: dict[tuple[str, int], str] = {}
    for line in lines(source, text):
        setting = re.fullmatch(r"([A-Za-z][A-Za-z0-9_.:-]*)_([0-9]{1,4})\s*=\s*(.*)", line.strip())
        if setting is None:
            if line.lstrip().startswith("#"):
                continue
            raise unparsable(source, line)
        key = (setting[1], int(setting[2]))
        if key[0] in ("address", "netmask") and values.setdefault(key, setting[3]) != setting[3]:
            raise unparsable(source, line, "a second value")
    devices = sorted({device for _, device in values})
    return {
        device: _address(source, values.get(("address", device), ""), values.get(("netmask", device), ""))
        for device in devices
    }


def _address(source: str, address: str, netmask: str) -> DeviceAddress:
    try:
        interface = ipaddress.IPv4Interface(f"{address}/{netmask}")
    except ValueError as error:
        raise unparsable(source, f"{address}/{netmask}") from error
    return DeviceAddress(address, interface.network)


def _only(option: str, text: str, pattern: str) -> str:
    """What `pattern` captures in the only line that it matches. Other lines are banners or details."""
    source = f"hccn_tool {option}"
    output = lines(source, text)
    matches = [match for match in (re.fullmatch(pattern, line.strip()) for line in output) if match is not None]
    if len(matches) != 1:
        raise unparsable(source, output[0] if output else "", f"{len(matches)} answers")
    return str(matches[0][1])
