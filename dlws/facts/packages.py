"""Debian packages of a host."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from dlws.parse.host import dpkg, unattended
from dlws.parse.host.unattended import Unattended
from dlws.parse.text import unparsable
from dlws.remote.host import Host

AUTOMATIC: Final = "apt-config shell UPGRADE APT::Periodic::Unattended-Upgrade ENABLE APT::Periodic::Enable"
UNATTENDED: Final = "apt-config dump Unattended-Upgrade"
ENGINES: Final = ("docker.io", "docker-ce", "containerd", "containerd.io")
"""Packages whose upgrade starts Docker anew, which ends what runs in it."""
KERNEL: Final = re.compile(r"linux-(?:image|generic|virtual|lowlatency|kvm)\b")
ONE_KERNEL: Final = re.compile(r"linux-image-(?:unsigned-|extra-)?[0-9]")
"""A package with one kernel, `linux-image-4.15.0-112-generic`; `linux-image-generic` brings each new one."""
_SETTING: Final = re.compile(r"(?P<name>UPGRADE|ENABLE)='(?P<value>[^']*)'")


def missing_packages(host: Host, names: Sequence[str]) -> list[str]:
    """Those of the packages, `name` or `name=version`, that are not fully installed on the host, in that version."""
    wanted = {entry: entry.partition("=")[::2] for entry in names}
    listing = host.run_expect([0, 1], dpkg.QUERY + " ".join(name for name, _ in wanted.values()))
    known = {p.name: p for p in dpkg.packages(listing.stdout)}
    if listing.rc == 0 and set(known) != {name for name, _ in wanted.values()}:  # 1: some are unknown to dpkg
        raise host.unexpected(listing)
    return [
        entry
        for entry, (name, version) in wanted.items()
        if name not in known or not known[name].is_installed or version not in ("", known[name].version)
    ]


def upgrades_by_itself(host: Host) -> bool:
    """Whether apt's daily job installs upgrades: what it asks for itself (apt.systemd.daily), unless it is all off."""
    text = host.read(AUTOMATIC)
    rows = [_SETTING.fullmatch(line.strip()) for line in text.splitlines() if line.strip()]
    if None in rows:
        raise unparsable("apt-config shell", text)
    found = {row["name"]: row["value"] for row in rows if row}
    return found.get("UPGRADE", "0") not in ("", "0") and found.get("ENABLE", "1") != "0"


def unattended_upgrades(host: Host) -> Unattended | None:
    """What unattended-upgrades may replace; None where it is not installed, whatever its configuration says."""
    if missing_packages(host, ["unattended-upgrades"]):
        return None
    return unattended.parse(host.read(UNATTENDED))


def engines(host: Host) -> list[str]:
    """The installed packages that are Docker: `["containerd", "docker.io"]`."""
    listing = host.run_expect([0, 1], dpkg.QUERY + " ".join(ENGINES))
    return [package.name for package in dpkg.packages(listing.stdout) if package.is_installed]


def bringers_of_kernels(host: Host) -> list[str]:
    """The installed packages that bring each new kernel: `["linux-image-generic"]`."""
    listing = host.run_expect([0, 1], dpkg.QUERY + "'linux-image-*'")
    there = [package.name for package in dpkg.packages(listing.stdout) if package.is_installed]
    return [name for name in there if not ONE_KERNEL.match(name)]


def with_headers(name: str) -> str:
    """The package that needs exactly this bringer, and holds it when held: of linux-image-generic linux-generic."""
    return name.replace("linux-image-", "linux-", 1)
