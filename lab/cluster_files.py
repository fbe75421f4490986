"""The files that an operator would give the suite: the hosts file of section 2.4, root's name and password."""

from __future__ import annotations

import shutil

from lab.first_boot import deploy_hosts_file
from lab.hosts import execute
from lab.plan import CLUSTER_FILES, CLUSTER_STATE, HOSTS, LAB, ROOT_PASSWORD, LabHost
from lab.process import say
from lab.record import Lab, write_secret


def write(lab: Lab) -> None:
    """Write the cluster's state folder, after removing that of an older generation of hosts."""
    mark = CLUSTER_STATE / "lab-id"
    if CLUSTER_STATE.exists() and (not mark.exists() or mark.read_text().strip() != lab.id):
        say(f"removing {CLUSTER_STATE}: it is the state of hosts that no longer exist")
        shutil.rmtree(CLUSTER_STATE)
    hosts_file = CLUSTER_FILES.hosts
    hosts_file.parent.mkdir(parents=True, exist_ok=True)
    hosts_file.write_text(deploy_hosts_file(list(HOSTS.values())))
    write_root_password(lab)
    CLUSTER_FILES.root_user.write_text("root\n")
    mark.write_text(f"{lab.id}\n")
    (LAB / "config.yaml").chmod(0o600)  # it contains passwords, and git does not store this mode


def write_root_password(lab: Lab) -> None:
    """Put the password of new hosts where the suite looks for it; it is deleted once no host needs it any more."""
    write_secret(ROOT_PASSWORD, f"{lab.root_password}\n")


def pin_key(host: LabHost) -> None:
    """Pin a host's SSH key, read on its console, as an operator would who trusts no network."""
    known = CLUSTER_FILES.host_keys.read_text() if CLUSTER_FILES.host_keys.exists() else ""
    if host.address not in (line.partition(" ")[0] for line in known.splitlines()):
        kind, blob, *_ = execute(host, "cat /etc/ssh/ssh_host_ed25519_key.pub").split()
        CLUSTER_FILES.host_keys.parent.mkdir(parents=True, exist_ok=True)
        CLUSTER_FILES.host_keys.write_text(f"{known}{host.address} {kind} {blob} {host.name}\n")


def forget_keys(host: LabHost) -> None:
    """Unpin the keys of a removed host, as an operator would: the next host at its address is another machine."""
    for file in (CLUSTER_FILES.host_keys, CLUSTER_STATE / "lab-known-hosts"):
        if file.exists():
            lines = file.read_text().splitlines(keepends=True)
            file.write_text("".join(line for line in lines if line.split()[0] != host.address))
