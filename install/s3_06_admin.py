"""Runbook 3.6: the admin user, its key and its sudo rights, on every host."""

from __future__ import annotations

from functools import partial

from checks import accounts
from dlws.config.cluster import Cluster
from dlws.engine.stage import stage
from dlws.hostfiles import sudoers
from dlws.parse.host import authorized_keys
from dlws.remote.change import Change
from dlws.remote.host import Host


@stage(
    section="3.6",
    after=["names", "cluster_key"],
    proves=[
        accounts.test_admin_account,
        accounts.test_key_files_are_private,
        accounts.test_sudo_needs_no_password,
        accounts.test_sudoers_are_valid,
        accounts.test_admin_key_is_accepted,
    ],
)
def test_admin_user(cluster: Cluster, host: Host, control: Host, change: Change) -> None:
    """Create the admin user with a locked password, the cluster's SSH key and sudo rights."""
    admin = cluster.admin_username
    home, owner = f"/home/{admin}", f"{admin}:{admin}"
    if not host.user(admin).exists:
        change.run("useradd -m -d %s -s /bin/bash -U %s", home, admin)
    change.run("usermod -s /bin/bash -aG sudo %s", admin)
    change.run("passwd -q -l %s", admin)
    change.make_directory(f"{home}/.ssh", mode="0700", owner=owner)
    key = control.run("cat %s", str(cluster.state.public_key)).stdout.strip()
    add_key = partial(authorized_keys.with_line, line=key or "ssh-rsa (the key that stage cluster_key will create)")
    change.edit_file(f"{home}/.ssh/authorized_keys", add_key, mode="0600", owner=owner)
    change.run("chmod 600 %s && chown %s %s", f"{home}/.ssh/authorized_keys", owner, f"{home}/.ssh/authorized_keys")
    change.write_sudoers(admin, sudoers.content(admin))
