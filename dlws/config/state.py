"""Where each file of a cluster's state lies on the control host; the names under deploy/ are the runbook's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class State:
    """The state folder of one cluster; nothing in it needs to be there yet.

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
        """The names of all hosts (runbook 2.4), which deploy.py reads."""
        return self.folder / "deploy" / "etc" / "hosts"

    @property
    def keys(self) -> Path:
        """The folder of everything that lets one in."""
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
        """The cluster's administrator credentials (runbook 3.11; upstream's place for them)."""
        return self.keys / "admin.conf"

    @property
    def root_password(self) -> Path:
        """The password for the first contact with the hosts (runbook 3.5)."""
        return self.keys / "rootpasswd"

    @property
    def root_user(self) -> Path:
        """Whose password that is; without this file root's."""
        return self.keys / "rootuser"

    @property
    def host_keys(self) -> Path:
        """The hosts' pinned SSH keys, in OpenSSH's form."""
        return self.folder / "known_hosts"

    @property
    def foresight(self) -> Path:
        """Which commands the last audits asked of each host."""
        return self.folder / "foresight.json"

    @property
    def lock(self) -> Path:
        """Held by the run that changes the cluster."""
        return self.folder / "lock"


def state_of(configuration: Path, name: str) -> State:
    """The state of the cluster called `name`: `state/<name>` beside its configuration."""
    return State(configuration.resolve().parent / "state" / name)
