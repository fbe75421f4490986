"""What cloud-init does at every boot of a host that it once set up."""

from __future__ import annotations

import re
from typing import Final

from dlws.remote.host import Host

DISABLED: Final = "/etc/cloud/cloud-init.disabled"
"""With this file cloud-init does nothing at boot."""
NETWORK_STAGE: Final = ("cloud-init", "cloud-init-network")
"""The service that runs update_etc_hosts among `cloud_init_modules`; the second is its name from 24.3 on."""
MANAGED: Final = (
    "for f in /etc/cloud/cloud.cfg /etc/cloud/cloud.cfg.d/*.cfg /var/lib/cloud/instance/vendor-cloud-config.txt"
    ' /var/lib/cloud/instance/cloud-config.txt; do [ -f "$f" ] || continue;'
    ' sed -n "s/^manage_etc_hosts *: *//p" "$f" || exit; done'
)
"""In the order in which one overrules another: the image's, the provider's and the user's configuration."""


def remakes_hosts_file(host: Host) -> bool:
    """Whether its configuration has it make /etc/hosts anew from a template; `localhost` leaves all but one line."""
    values = [re.sub(r"#.*|[\"'\s]", "", line).lower() for line in host.lines(MANAGED)]
    return bool(values) and values[-1] in ("true", "yes", "on", "template")


def runs_at_boot(host: Host) -> bool:
    """Whether a boot starts it."""
    return any(host.service(name).is_enabled for name in NETWORK_STAGE) and not host.file(DISABLED).exists
