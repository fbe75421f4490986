"""Whether a host knows every name of the cluster, said in one line however many there are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from dlws.config.cluster import Cluster
from dlws.config.kept import kept
from dlws.hostfiles import hosts_file
from dlws.parse.text import only_line
from dlws.remote.host import Host

_NAMES: Final = f"/^{hosts_file.BEGIN}/,/^{hosts_file.END}/ s/^[0-9.][0-9.]*[[:blank:]]*//p"
ASK: Final = (
    f"names=$(sed -n '{_NAMES}' /etc/hosts); test -n \"$names\" || exit 1;"
    " found=$(timeout 20 getent ahostsv4 $names) || exit;"
    " { printf '%s\\n' $names; echo \"$found\" | sed -n 's/[[:blank:]]*STREAM.*//p'; } | sha256sum"
)
"""The digest of the names in the suite's block of /etc/hosts, and of the addresses to which they resolve in turn.

getent prints a line with STREAM for each address of a name, 2 is its status where it does not know one of them.
"""
NO_ANSWER: Final = (1, 2, 124)
"""No block, a name that is not known, too slow."""


def all_resolve(cluster: Cluster, host: Host) -> bool:
    """Whether the host has the cluster's names in its hosts file and each resolves to its address, and to no other.

    False does not say which one does not, nor that one does not: a host may know them from DNS alone.
    """
    answer = host.run_expect([0, *NO_ANSWER], ASK)
    return answer.rc == 0 and only_line("sha256sum", answer.stdout).split() == [_expected(cluster), "-"]


def digest(names: Iterable[str], addresses: Iterable[str]) -> str:
    """What ASK prints of names and of the address of each."""
    return hashlib.sha256("".join(f"{word}\n" for word in (*names, *addresses)).encode()).hexdigest()


@kept
def _expected(cluster: Cluster) -> str:
    rows = [(name, address) for address, names in cluster.names_by_address.items() for name in names]
    return digest((name for name, _ in rows), (address for _, address in rows))
