"""The cluster's id as the master has it: in the services' configuration, and in the name of the platform's database.

The control host's own is a file in its state folder; where that is missing, or is another control host's, only the
master can say whether the cluster has an id already.
"""

from __future__ import annotations

import re

from dlws.config.cluster import Cluster
from dlws.facts.files import NO_FILE
from dlws.platform import database
from dlws.platform.parameters import mysql_data
from dlws.remote.host import Host

CONFIGURATION = "/etc/RestfulAPI/config.yaml"
"""The REST API's configuration (`dlws.platform.web_files`), from which it takes the name of its database."""
_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def ids_on(master: Host, cluster: Cluster) -> list[str]:
    """The ids that the cluster has on its master, sorted; none before the platform is installed.

    Unknown when that cannot be read.
    """
    line = master.run_expect([0, 1, 2], "grep -h '^ *clusterId:' %s", CONFIGURATION)
    pattern = database.name("").rstrip("-") + "*"  # in the names of MySQL's folders a hyphen is written @002d
    names = master.run_expect(
        [0, 1], "find %s -maxdepth 1 -type d -name %s -printf '%%f\\n'", mysql_data(cluster), pattern
    )
    for result, absent in ((line, 2), (names, 1)):
        if result.rc == absent and not result.stderr.strip().endswith(NO_FILE):
            raise master.unexpected(result)
    found = re.findall(rf"clusterId: *['\"]?({_UUID})\b", line.stdout)
    found += re.findall(rf"(?m)^{database.name(f'({_UUID})')}$", names.stdout.replace("@002d", "-"))
    return sorted(set(found))


def where_it_is_kept(cluster: Cluster, found: list[str]) -> str:
    """What to do where the master has an id that is not this control host's."""
    file = cluster.state.cluster_id
    return (
        f"the platform's data belong to the id {', '.join(found)}, made on another control host or lost here: copy that"
        f" one's state folder to {cluster.state.folder}, or restore {file} from a backup; only if there is neither,"
        f" write the one line `clusterId: {found[0]}` to it"
    )
