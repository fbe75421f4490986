"""What turns swap on."""

from __future__ import annotations

import re
from typing import Final

from dlws.facts.unit_files import units_at_boot
from dlws.parse.host import systemd
from dlws.parse.storage import fstab
from dlws.parse.text import unparsable
from dlws.remote.host import Host

UNITS: Final = "systemctl show --no-pager -p Id -p LoadState -p FragmentPath '*.swap'"
SERVICES: Final = ("dphys-swapfile", "swapspace", "zram-config", "zram-swap", "zramswap")
"""Services of Debian's and Ubuntu's packages that make swap areas when they start, without a .swap unit."""
GENERATED: Final = "/run/systemd/generator/"


def swap_at_boot(host: Host, fstab_text: str) -> list[str]:
    """The units that turn swap on at boot: loaded ones, and enabled ones that systemd has no reason to load now.

    `systemctl show` and `list-units` know loaded units only; a unit that was enabled after the boot is a file and a
    link until the next one.
    """
    return sorted({*loaded_swap_units(host, fstab_text), *enabled_swap_units(host)})


def enabled_swap_units(host: Host) -> list[str]:
    """Swap units, and services that make swap areas, which a boot starts, whether or not systemd has loaded them."""
    return units_at_boot(host, "*.swap", *(f"{name}.service" for name in SERVICES))


def loaded_swap_units(host: Host, fstab_text: str) -> list[str]:
    """Swap units that a boot brings back, other than those that systemd generates from a line of /etc/fstab.

    A generated unit that no line explains is another generator's: of zram-generator, or, in generator.late, of
    systemd-gpt-auto-generator(8) for a partition. One of a line that has been commented out goes away with a reload.
    """
    units = _blocks(host.read(UNITS), {"Id", "LoadState", "FragmentPath"})
    explained = {_unit_of(spec) for spec in fstab.swap_specs(fstab_text)}
    loaded = [unit for unit in units if unit["LoadState"] == "loaded" and unit["FragmentPath"]]
    return [u["Id"] for u in loaded if not u["FragmentPath"].startswith(GENERATED) or u["Id"] not in explained]


def _blocks(text: str, properties: set[str]) -> list[dict[str, str]]:
    blocks = [systemd.show(block) for block in text.split("\n\n") if block.strip()]
    if any({*block} != properties for block in blocks):
        raise unparsable("systemctl show", text.splitlines()[-1], "cut off after")
    return blocks


def _unit_of(spec: str) -> str:
    """The unit that systemd-fstab-generator(8) makes of a line: of UUID=5f3c that of /dev/disk/by-uuid/5f3c."""
    tagged = re.fullmatch(r'(UUID|LABEL|PARTUUID|PARTLABEL)="?([^"]*)"?', spec)
    path = f"/dev/disk/by-{tagged[1].lower()}/{tagged[2]}" if tagged else spec
    return f"{systemd.escaped(path)}.swap"
