"""What turns swap on."""

from __future__ import annotations

from typing import Final

from dlws.parse.host import systemd
from dlws.parse.text import unparsable
from dlws.remote.host import Host

SERVICES: Final = ("zram-config", "zramswap", "dphys-swapfile", "swapspace")
"""Services of Ubuntu's and Debian's packages that make swap areas when they start."""


def swap_at_boot(host: Host) -> list[str]:
    """The units that turn swap on at boot: loaded ones, and enabled ones that systemd has no reason to load now.

    `systemctl show` and `list-units` know loaded units only; a unit that was enabled after the boot is a file and a
    link until the next one.
    """
    return sorted({*loaded_swap_units(host), *enabled_swap_units(host)})


def enabled_swap_units(host: Host) -> list[str]:
    """Swap units, and services that make swap areas, which are enabled, whether or not systemd has loaded them."""
    services = " ".join(f"{name}.service" for name in SERVICES)
    result = host.run_expect([0, 1], f"systemctl list-unit-files --no-legend --no-pager '*.swap' {services}")
    if result.rc and (result.stdout or result.stderr):  # newer ones end with 1, and say nothing, where none matches
        raise host.unexpected(result)
    files = systemd.unit_files(result.stdout)
    return sorted(name for name, state in files.items() if state == "enabled")


def loaded_swap_units(host: Host) -> list[str]:
    """Swap units with a file of their own. What systemd generates from /etc/fstab goes away with its line.

    generator.late holds those of systemd-gpt-auto-generator(8), made of partitions that no line names.
    """
    text = host.read("systemctl show --no-pager -p Id -p LoadState -p FragmentPath '*.swap'")
    units = [systemd.show(block) for block in text.split("\n\n") if block.strip()]
    if any(set(unit) != {"Id", "LoadState", "FragmentPath"} for unit in units):
        raise unparsable("systemctl show", text.splitlines()[-1], "cut off after")
    loaded = [unit for unit in units if unit["LoadState"] == "loaded" and unit["FragmentPath"]]
    return [unit["Id"] for unit in loaded if not unit["FragmentPath"].startswith("/run/systemd/generator/")]
