"""The lab's configuration with another checkout, in a folder of its own: no lab needs to run, no host is asked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from dlws.config.state import state_of
from lab.first_boot import deploy_hosts_file
from lab.plan import CLUSTER, HOSTS, LAB

CONFIGURATION: Final = LAB / "config.yaml"
ID: Final = "00000000-0000-4000-8000-000000000000"
"""The cluster's id where none has been made yet."""
_CHECKOUT: Final = re.compile(r"^dlworkspace: .*$", re.MULTILINE)


def text_for(checkout: Path) -> str:
    """The text of the lab's configuration, naming `checkout` in place of the stand-in."""
    text, count = _CHECKOUT.subn(f"dlworkspace: {checkout}", CONFIGURATION.read_text(encoding="utf-8"))
    if count != 1:
        raise LookupError(f"{CONFIGURATION} names {count} checkouts, not one")
    return text.replace("cni_manifest: cni.yaml", f"cni_manifest: {LAB / 'cni.yaml'}")


def write(folder: Path, checkout: Path) -> Path:
    """config.yaml in `folder`, and the state that the lab would have: the hosts' addresses and the cluster's id."""
    path = folder / "config.yaml"
    path.write_text(text_for(checkout), encoding="utf-8")
    path.chmod(0o600)
    state = state_of(path, CLUSTER)
    state.hosts.parent.mkdir(parents=True)
    state.hosts.write_text(deploy_hosts_file(list(HOSTS.values())), encoding="utf-8")
    state.cluster_id.write_text(f"clusterId: {ID}\n", encoding="utf-8")
    return path
