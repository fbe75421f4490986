"""systemd units."""

from __future__ import annotations

from dlws.parse.host import systemd
from dlws.parse.text import unparsable
from dlws.remote.host import Host


def unit(host: Host, name: str, *properties: str) -> list[str]:
    """Properties of a unit in the order asked; a unit that does not exist is `inactive` and has no UnitFileState, "".

    Raises Unparsable when systemctl leaves one out.
    """
    asked = " ".join(f"-p {word}" for word in properties)
    found = systemd.show(host.read(f"systemctl show {name} {asked} --no-pager"))
    for word in properties:
        if word not in found:
            raise unparsable("systemctl show", why=f"no {word} of {name}")
    return [found[word] for word in properties]
