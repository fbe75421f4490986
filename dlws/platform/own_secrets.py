"""Secrets that V0.1.6.1's templates fix for all clusters, and the suite makes for each.

They are derived, so that every run writes the same file and none has to be kept: from `mysql_password`, whose holder
reads and writes all that they protect, and the cluster's id. scrypt keeps a leaked one from telling that password.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from dlws.config.cluster import Cluster
from dlws.upstream.checkout import BOOTSTRAP

ADMINISTRATOR: Final = "administrator_password"
"""The first password of each account of `UserGroups.DLWSAdmins`; who has signed in before keeps another."""
MASTER_TOKEN: Final = "dashboard_master_token"
"""What webui3 makes each user's access token of."""
GRAFANA: Final = "grafana_admin_password"
"""The password of Grafana's own `admin` (`dlws.platform.grafana`)."""
LINES: Final[Mapping[str, tuple[re.Pattern[str], str, str]]] = {
    f"{BOOTSTRAP}/template/UserDashboard/local.config": (
        re.compile(r"^ADMINISTRATOR_PASSWORD=.*$", re.MULTILINE),
        "ADMINISTRATOR_PASSWORD={}",
        ADMINISTRATOR,
    ),
    f"{BOOTSTRAP}/template/WebUI/local.yaml": (
        re.compile(r"^masterToken:.*$", re.MULTILINE),
        'masterToken: "{}"',
        MASTER_TOKEN,
    ),
}
"""By template, its line with a fixed secret, the line that takes its place, and which secret. local.config's SECRET_KEY
stays: every password is kept with it, so another one would lock everybody out (D46)."""


def of(cluster: Cluster, cluster_id: str) -> dict[str, str]:
    """The secrets of a cluster by name, 32 hexadecimal digits each."""
    return {
        name: _derived(cluster.settings.mysql_password, cluster_id, name)
        for name in (ADMINISTRATOR, MASTER_TOKEN, GRAFANA)
    }


def put_in(template: str, text: str, values: Mapping[str, str]) -> str:
    """The rendered text of a template with the cluster's own secret in place of the fixed one."""
    if template not in LINES:
        return text
    line, form, name = LINES[template]
    return line.sub(lambda _: form.format(values[name]), text)


@cache
def _derived(password: str, cluster_id: str, name: str) -> str:
    salt = f"{cluster_id} {name}".encode()
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1, dklen=16).hex()
