"""Who may become root on a host besides root: by sudo, by a group, by a key."""

from __future__ import annotations

import re
from typing import Final

from dlws.facts.accounts import SSHD, sshd_setting
from dlws.facts.files import text_of
from dlws.facts.system import operating_system
from dlws.parse import versions
from dlws.parse.host import accounts, authorized_keys, pam, sshd_t, sudo_shells, sudoers
from dlws.parse.host.accounts import Group, User
from dlws.parse.host.authorized_keys import Key
from dlws.parse.host.sudo_escapes import Era
from dlws.parse.host.sudoers import Rights
from dlws.parse.text import unparsable
from dlws.remote.host import Host
from dlws.verdict import Unknown, Unparsable

SUDO: Final = (
    "set -e; for u in $(cut -d : -f 1 /etc/passwd); do"
    ' echo "== $u"; LC_ALL=C sudo -n -l -U "$u" 2>&1 || test $? = 1; done'
)
"""What each local account may run by sudo; status 1 is sudo's for an account that may run nothing."""
CLOUD_USERS: Final = "/etc/sudoers.d/90-cloud-init-users"
"""Where cloud-init gives the user of a cloud image its rights (cc_users_groups), on every Ubuntu and Debian image."""
OTHER_KEYS: Final = ("authorizedkeyscommand", "trustedusercakeys")
"""Settings of sshd_config(5) by which more than files of the account decides which keys open it."""
GUARDED_PAGER: Final = 247
"""The systemd from which on its programs, started by sudo, give their pager no commands (CVE-2023-26604)."""
HOME_IS_ROOTS: Final = versions.ubuntu("19.10")
"""The Ubuntu from which on sudo sets HOME to root's."""
ROOT_EQUIVALENT: Final = {
    "docker": "Docker's documentation, Post-installation steps: the group grants privileges equivalent to root's",
    "lxd": "LXD's documentation, About security: access to its socket is full control of the host",
    "incus-admin": "Incus' documentation, About security: the same of its socket",
    "libvirt": "libvirt's 60-libvirt.rules for polkit: may manage machines of the system, with any of the host's disks",
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
    free = {n: (_opens_root_shell(host, r), r.is_root_without_password) for n, r in rights.items()}
    if undecided := sorted(name for name, answers in free.items() if None in answers and True not in answers):
        raise Unknown(f"a rule for a group or a time, or exempt_group, decides about {', '.join(undecided)}")
    return sorted(name for name, answers in free.items() if True in answers)


def _opens_root_shell(host: Host, rights: Rights) -> bool | None:
    """Whether rules open a root shell on this host. Its versions are asked for only where they decide."""
    answer = sudo_shells.opens_root_shell(rights)
    paged, at_home = Era(paged=True), Era(keeps_home=rights.keeps_home(usually=True))
    if answer is not True and sudo_shells.opens_root_shell(rights, paged) is not answer:
        found = re.match(r"systemd (\d+)", host.read("systemctl --version"))
        if found is None:
            raise unparsable("systemctl --version")
        answer = sudo_shells.opens_root_shell(rights, Era(paged=int(found[1]) < GUARDED_PAGER))
    if answer is not True and sudo_shells.opens_root_shell(rights, at_home) is not answer:
        system = operating_system(host)
        old = system.id == "ubuntu" and versions.ubuntu(system.version or "") < HOME_IS_ROOTS
        answer = sudo_shells.opens_root_shell(rights, Era(keeps_home=rights.keeps_home(usually=old)))
    return answer


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


def let_in_by_pam(host: Host, services: tuple[str, ...], users: tuple[str, ...]) -> list[str]:
    """The services that let somebody in without a password, each with the lines that do. Unknown where one may.

    sshd is none of them where it also wants a key of each of these users, before or after PAM.
    """
    files = pam.files(host.read(pam.LIST))
    certain, doubts = list[str](), list[str]()
    for service in services:
        try:
            way = pam.opening(files, service)
        except Unparsable as error:
            doubts.append(f"{service}: {error}")
            continue
        if way and not (service == "sshd" and all(_wants_a_key(host, user) for user in users)):
            lines = f"{service}: {', then '.join(way.lines)}"
            certain += [lines] if way.is_certain else []
            doubts += [] if way.is_certain else [f"it is not known whom a module lets in: {lines}"]
    if doubts and not certain:
        raise Unknown(f"PAM: {'; '.join(doubts)}")
    return certain


def _wants_a_key(host: Host, user: str) -> bool:
    """Whether sshd lets nobody in as this user by PAM alone: every list of AuthenticationMethods has a key in it."""
    lists = sshd_t.parse(host.read(SSHD, user)).get("authenticationmethods", ("any",))[0].split()
    return all({"publickey", "hostbased"} & {way.partition(":")[0] for way in each.split(",")} for each in lists)


def key_files(host: Host, user: str, home: str) -> list[str]:
    """The files with the keys that open an account (AuthorizedKeysFile of sshd_config(5)), as sshd has it in force."""
    words = _in_force(host, "authorizedkeysfile", user)
    marks = {"%h": home, "%u": user, "%U": _uid(host, user) if "%U" in "".join(words) else "", "%%": "%"}
    named = (re.sub("%[hUu%]", lambda mark: marks[mark[0]], word) for word in words)
    return [path if path.startswith("/") else f"{home}/{path}" for path in named]


def _uid(host: Host, user: str) -> str:
    uid = next((each.uid for each in users_of(host) if each.name == user), None)
    if uid is None:
        raise Unknown(f"{host.name}: {user} is not in /etc/passwd")
    return str(uid)


def key_sources(host: Host, user: str) -> list[str]:
    """What else opens an account by keys that no file of it holds: `AuthorizedKeysCommand /usr/bin/sss_ssh_...`."""
    return [f"{name} {words[0]}" for name in OTHER_KEYS if (words := _in_force(host, name, user))]


def _in_force(host: Host, keyword: str, user: str) -> list[str]:
    words = sshd_setting(host, keyword, user).split()
    return [] if words == ["none"] else words


def keys_of(host: Host, user: str, home: str) -> list[Key]:
    """The keys that open an account, those left out that may run one command only."""
    texts = [text_of(host, path) or "" for path in key_files(host, user, home)]
    return [key for text in texts for key in authorized_keys.parse(text) if "command=" not in key.options]
