"""Debian packages of a host."""

from __future__ import annotations

from collections.abc import Sequence

from dlws.parse.host import dpkg
from dlws.remote.host import Host


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
