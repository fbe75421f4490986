"""The machine itself."""

from __future__ import annotations

import re

from dlws.parse.host import os_release, secure_boot
from dlws.parse.host.os_release import OsRelease
from dlws.parse.text import only_line, unparsable
from dlws.remote.host import Host
from dlws.verdict import Unknown


def host_name(host: Host) -> str:
    """What the host calls itself now: `atlas01`."""
    return only_line("hostname", host.read("hostname"))


def operating_system(host: Host) -> OsRelease:
    """The distribution and its release."""
    return os_release.parse(host.read("cat /etc/os-release"))


def machine_of(host: Host) -> str:
    """What `uname -m` prints: x86_64, aarch64."""
    line = only_line("uname -m", host.read("uname -m"))
    if not re.fullmatch(r"\w+", line):
        raise unparsable("uname -m", line)
    return line


def has_efi(host: Host) -> bool:
    """Whether EFI firmware started the host; a BIOS knows no Secure Boot."""
    return bool(host.run_expect([0, 1], "test -d /sys/firmware/efi").rc == 0)


def enforces_secure_boot(host: Host) -> bool:
    """Whether the EFI firmware starts nothing but signed code. Unknown where its variables cannot be read.

    It is read from the firmware: mokutil is not on every EFI host (Ubuntu 18.04.1 for arm64), and takes variables that
    are not mounted for firmware without Secure Boot.
    """
    listing = host.run_expect([0, 2], f"ls {secure_boot.FOLDER}")
    names = listing.stdout.split()
    if not names:
        how = f"mount -t efivarfs efivarfs {secure_boot.FOLDER}"
        raise Unknown(f"{host.name}: the firmware's variables cannot be read; try {how}")
    return secure_boot.VARIABLE in names and secure_boot.is_on(
        host.read(f"od -An -tu1 {secure_boot.FOLDER}/{secure_boot.VARIABLE}")
    )
