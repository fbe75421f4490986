"""Values of a daemon.json that dockerd refuses when it starts, though they have the type of their key.

Sources: moby's daemon/config/config.go (`Validate`, `parseExecOptions`), daemon/daemon_unix.go
(`verifyDaemonSettings`), registry/config.go and opts/opts.go, of 18.09 to 29.7.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, Final
from urllib.parse import urlsplit

from dlws.parse.host import daemon_json

Version = tuple[int, ...]

_LEVELS: Final = frozenset(("panic", "fatal", "error", "warn", "info", "debug"))
_OF_DOMAIN: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,253}[a-zA-Z0-9])?"
_HOST_AND_PORT: Final = re.compile(
    rf"(?P<host>\[[0-9a-fA-F:]+\]|{_OF_DOMAIN}(?:\.{_OF_DOMAIN})*)(?::(?P<port>[0-9]{{1,5}}))?"
)
_MIRROR: Final = re.compile(r"https?://[^\s/?#]+(?:[/?#][^\0-\x1f\x7f]*)?", re.IGNORECASE)
"""What Go's net/url reads as an address with a host: no blank in front of its path, nowhere a control character."""
_NO_ADDRESS: Final = "that is no http:// or https:// address"
_SCHEME: Final = re.compile(r"https?://", re.IGNORECASE)
_HIGHEST_PORT: Final = 65535
_LEAST: Final = {"max-concurrent-downloads": 0, "max-concurrent-uploads": 0, "max-download-attempts": 0, "mtu": 0}
_LEAST_UP_TO_20: Final = {**_LEAST, "max-download-attempts": 1, "mtu": None}
_SLICE: Final = ".slice"
_CGROUP_DRIVER: Final = "native.cgroupdriver"


def refused(settings: Mapping[str, Any], version: Version) -> Iterator[str]:
    """What of the values dockerd of that version does not start with: `log-level is no level`. None is named: one may
    hold a password."""
    faults_of: Mapping[str, Callable[[str], str]] = {
        "registry-mirrors": lambda address: _fault_of_mirror(address, version),
        "insecure-registries": _fault_of_registry,
        "labels": lambda label: "" if "=" in label else "without =",
        "node-generic-resources": lambda resource: "" if "=" in resource else "without =",
        "dns": lambda server: _fault_of_server(server, version),
        "exec-opts": lambda option: _fault_of_option(option, version),
    }
    for key, fault_of in faults_of.items():
        written = settings.get(key)
        texts = [value for value in written if isinstance(value, str)] if isinstance(written, list) else []
        yield from (f"{key} has one {fault}" for fault in dict.fromkeys(map(fault_of, texts)) if fault)
    if _of_one_key(settings.get("labels")):
        yield "labels has one key with two values"
    level, form = settings.get("log-level"), settings.get("log-format")
    if isinstance(level, str) and level and level.lower() not in _levels(version):
        yield "log-level is no level"
    if isinstance(form, str) and form not in ("", "text", "json"):
        yield "log-format is neither text nor json"
    for key, least in (_LEAST if version >= (23,) else _LEAST_UP_TO_20).items():
        if least is not None and _is_below(settings.get(key), least):
            yield f"{key} is below {least}"
    if settings.get("ip6tables") is True and settings.get("experimental") is not True and version < (27,):
        yield "ip6tables is true without experimental, which Docker asks for up to 26"
    yield from _that_exclude_each_other(settings)


def _is_below(written: object, least: int) -> bool:
    return isinstance(written, int) and not isinstance(written, bool) and written < least


def _that_exclude_each_other(settings: Mapping[str, Any]) -> Iterator[str]:
    yield from (
        f"bridge and {own} exclude each other"
        for own in ("bip", "bip6")
        if settings.get(own) and settings.get("bridge")
    )
    if settings.get("icc") is False and settings.get("iptables") is False:
        yield "icc is false without iptables"
    parent = settings.get("cgroup-parent")
    if (
        parent
        and daemon_json.cgroup_driver(settings) == "systemd"
        and not str(parent).removeprefix(_SLICE).endswith(_SLICE)
    ):
        yield "cgroup-parent is no slice"


def _of_one_key(labels: object) -> bool:
    """Whether two labels give one key different values (`GetConflictFreeLabels`)."""
    pairs = {tuple(each.split("=", 1)) for each in labels if "=" in str(each)} if isinstance(labels, list) else set()
    return len({key for key, _ in pairs}) < len(pairs)


def _levels(version: Version) -> frozenset[str]:
    """Those of logrus up to Docker 24, which has `trace` from 1.2 on; then those of containerd's log package."""
    return _LEVELS | ({"warning"} if version < (25,) else set()) | ({"trace"} if version >= (19, 3) else set())


def _fault_of_mirror(address: str, version: Version) -> str:
    try:
        url = urlsplit(address)
    except ValueError:
        return _NO_ADDRESS
    if not _MIRROR.fullmatch(address):
        return _NO_ADDRESS
    if url.path not in ("", "/") and version < (25,):
        return "with a path, which Docker takes from 25 on"
    return "with a user" if "@" in url.netloc else "with a query" if url.query or url.fragment else ""


def _fault_of_registry(written: str) -> str:
    name = _SCHEME.sub("", written, count=1)
    return "" if _is_range(name) or _is_host(name) else "that is no host, host:port or range"


def _is_range(name: str) -> bool:
    """As Go's net.ParseCIDR has it, which takes no mask written as an address."""
    try:
        return name.partition("/")[2].isdecimal() and ip_network(name, strict=False) is not None
    except ValueError:
        return False


def _is_host(name: str) -> bool:
    if _is_address(name):
        return True
    row = _HOST_AND_PORT.fullmatch(name)
    return row is not None and int(row["port"] or 0) <= _HIGHEST_PORT


def _is_address(name: str) -> bool:
    try:
        return ip_address(name) is not None
    except ValueError:
        return False


def _fault_of_server(written: str, version: Version) -> str:
    """Docker 29 takes an address with a zone, and no more one with blanks about it (net/netip instead of net)."""
    is_right = _is_address(written) if version >= (29,) else _is_address(written.strip()) and "%" not in written
    return "" if is_right else "that is no address"


def _fault_of_option(option: str, version: Version) -> str:
    """From 28.0 on dockerd refuses what it passed over before."""
    name, _, value = option.partition("=")
    is_known = name.strip().lower() == _CGROUP_DRIVER and value.strip() != ""
    return "" if is_known or version < (28,) else f"that is no {_CGROUP_DRIVER}=DRIVER"
