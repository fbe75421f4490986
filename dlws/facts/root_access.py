"""Who may become root on a host besides root: by sudo, by a group, by a key."""

from __future__ import annotations

import re
from typing import Final

from dlws.facts.files import text_of
from dlws.parse.host import accounts, authorized_keys, sudo_shells, sudoers
from dlws.parse.host.accounts import Group, User
from dlws.parse.host.authorized_keys import Key
from dlws.parse.text import unparsable
from dlws.remote.host import Host
from dlws.verdict import Unknown

SUDO: Final = (
    "set -e; for u in $(cut -d : -f 1 /etc/passwd); do"
    ' echo "== $u"; LC_ALL=C sudo -n -l -U "$u" 2>&1 || test $? = 1; done'
)
"""What each local account may run by sudo; status 1 is sudo's for an account that may run nothing."""
CLOUD_USERS: Final = "/etc/sudoers.d/90-cloud-init-users"
"""Where cloud-init gives the user of a cloud image its rights (cc_users_groups), on every Ubuntu and Debian image."""
KEY_FILES: Final = ("authorized_keys", "authorized_keys2")
"""sshd's default AuthorizedKeysFile."""
ROOT_EQUIVALENT: Final = {
    "docker": "Docker's documentation, Post-installation steps: the group grants privileges equivalent to root's",
    "lxd": "LXD's documentation, About security: access to its socket is full control of the host",
    "disk": "Debian's SystemGroups: mostly equivalent to root access, by raw access to disks",
    "shadow": "Debian's SystemGroups: may read /etc/shadow, and so guess root's password",
}
"""Groups whose members can become root, with who says so."""


def users_of(host: Host) -> tuple[User, ...]:
    """The local accounts. Unparsable when there is none."""
    users = accounts.passwd(host.read("cat /etc/passwd"))
    if not users:
        raise unparsable("/etc/passwd", why="no output")
    return users


def sudo_without_password(host: Host) -> list[str]:
    """The local accounts but root that can become root by sudo without a password. Unknown where sudo does not say."""
    names = {user.name for user in users_of(host)}
    parts = re.split(r"^== (\S+)$", host.read(SUDO), flags=re.MULTILINE)
    listed = dict(zip(parts[1::2], parts[2::2], strict=True))
    if parts[0].strip() or names != set(listed):
        raise unparsable(sudoers.SOURCE, why=f"{len(listed)} of {len(names)} accounts")
    rights = {name: sudoers.parse(text) for name, text in listed.items() if name != "root"}
    free = {n: (sudo_shells.opens_root_shell(r), r.is_root_without_password) for n, r in rights.items()}
    if undecided := sorted(name for name, answers in free.items() if None in answers and True not in answers):
        raise Unknown(f"a rule for a group or a time, or exempt_group, decides about {', '.join(undecided)}")
    return sorted(name for name, answers in free.items() if True in answers)


def cloud_users(host: Host) -> list[str]:
    """The users that cloud-init made when the host was set up, with sudo rights."""
    text = text_of(host, CLOUD_USERS) or ""
    return re.findall(r"^([a-z_][a-z0-9_-]*)\s+ALL\s*=", text, flags=re.MULTILINE)


def members(group: Group, users: tuple[User, ...]) -> set[str]:
    """The accounts in a group, those that have it as their first group included."""
    return {*group.members, *(user.name for user in users if user.gid == group.gid)}


def group_members(host: Host) -> dict[str, set[str]]:
    """The members of each group of the host."""
    users = users_of(host)
    groups = accounts.group(host.read("cat /etc/group"))
    if not groups:
        raise unparsable("/etc/group", why="no output")
    return {group.name: members(group, users) for group in groups}


def keys_of(host: Host, home: str) -> list[Key]:
    """The keys that open an account, those left out that may run one command only."""
    texts = [text_of(host, f"{home}/.ssh/{name}") or "" for name in KEY_FILES]
    return [key for text in texts for key in authorized_keys.parse(text) if "command=" not in key.options]
