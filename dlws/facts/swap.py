"""What turns swap on."""

from __future__ import annotations

from dlws.parse.host import systemd
from dlws.parse.text import unparsable
from dlws.remote.host import Host


def enabled_swap_units(host: Host) -> list[str]:
    """Swap units with a file of their own. What systemd generates from /etc/fstab goes away with its line.

    generator.late holds those of systemd-gpt-auto-generator(8), made of partitions that no line names.
    """
    text = host.read("systemctl show --no-pager -p Id -p LoadState -p FragmentPath '*.swap'")
    units = [systemd.show(block) for block in text.split("\n\n") if block.strip()]
    if any(set(unit) != {"Id", "LoadState", "FragmentPath"} for unit in units):
        raise unparsable("systemctl show", text.splitlines()[-1], "cut off after")
    loaded = [unit for unit in units if unit["LoadState"] == "loaded" and unit["FragmentPath"]]
    return [unit["Id"] for unit in loaded if not unit["FragmentPath"].startswith("/run/systemd/generator/")]
