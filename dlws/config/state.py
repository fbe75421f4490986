"""The files of a cluster's state on the control host; the names under deploy/ are the runbook's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class State:
    """The state folder of one cluster; nothing in it needs to exist yet.

    >>> State(Path("state/atlas")).key
    PosixPath('state/atlas/deploy/sshkey/id_rsa')
    """

    folder: Path

    @property
    def cluster_id(self) -> Path:
        """The cluster's identity (runbook 3.4)."""
        return self.folder / "deploy" / "clusterID.yml"

    @property
    def hosts(self) -> Path:
        """The hosts file with all hosts (runbook 2.4), which deploy.py reads."""
        return self.folder / "deploy" / "etc" / "hosts"

    @property
    def keys(self) -> Path:
        """The folder of all keys and credentials."""
        return self.folder / "deploy" / "sshkey"

    @property
    def key(self) -> Path:
        """The cluster's private SSH key (runbook 3.4)."""
        return self.keys / "id_rsa"

    @property
    def public_key(self) -> Path:
        """Its public half."""
        return self.keys / "id_rsa.pub"

    @property
    def admin_conf(self) -> Path:
        """The cluster's administrator credentials (runbook 3.11), at upstream's path."""
        return self.keys / "admin.conf"

    @property
    def root_password(self) -> Path:
        """The password for the first login to the hosts (runbook 3.5)."""
        return self.keys / "rootpasswd"

    @property
    def root_user(self) -> Path:
        """The user whose password that is; root if the file is missing."""
        return self.keys / "rootuser"

    @property
    def host_keys(self) -> Path:
        """The hosts' pinned SSH keys, in the format of OpenSSH's known_hosts."""
        return self.folder / "known_hosts"

    @property
    def lock(self) -> Path:
        """The lock that a run holds while it changes the cluster."""
        return self.folder / "lock"


def state_of(configuration: Path, name: str) -> State:
    """The state of the cluster with this name: `state/<name>` beside its configuration."""
    return State(configuration.resolve().parent / "state" / name)
