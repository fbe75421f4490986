"""U: who may become root on a host, besides root and the admin user."""

from __future__ import annotations

from checks import accounts
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect
from dlws.facts.root_access import (
    ROOT_EQUIVALENT,
    cloud_users,
    group_members,
    key_sources,
    keys_of,
    let_in_by_pam,
    sudo_without_password,
)
from dlws.facts.set_uid import set_uid_programs, without_package
from dlws.parse.host import sudo_shells
from dlws.remote.host import Host
from dlws.verdict import Severity

WITH_PASSWORD = ("sudo", "admin", "wheel")
"""Groups whose members become root with their password anyway, as the first user of Ubuntu may."""
OF_ADMINISTRATORS = ("lxd", "libvirt")
"""Groups into which Ubuntu puts its first user, and its package of libvirt all members of sudo."""

BY_PAM = ("su", "su-l", "sudo", "sudo-i", "polkit-1", "login", "sshd")
"""Services of PAM by which somebody becomes root, or comes to the host."""
ASK_FIRST = frozenset(
    ("su", "sudo", "sudoedit", "pkexec", "doas", "mount", "passwd", "at", "crontab", "screen", "firejail")
)
"""Set-uid programs by design: they ask for a password, or do for others only what root has allowed."""
OF_INSTALLERS = frozenset(
    (
        "/usr/bin/nvidia-modprobe",
        "/usr/bin/vmware-user-suid-wrapper",
        *(f"/usr/local/libexec/{name}/bin/starter-suid" for name in ("singularity", "apptainer")),
    )
)
"""What comes without a package: by NVIDIA's .run file, by VMware's own tools, by `make install` of Singularity."""


@check(
    "U17",
    section="3.6",
    source="CIS Ubuntu 5.3.4",
    title_zh="除 root、管理用户与 cloud-init 用户外，没有账号可免密 sudo",
    causes=[accounts.test_sudoers_are_valid],
    fix="grep -r NOPASSWD /etc/sudoers /etc/sudoers.d; remove the rule, or ask for a password",
)
def test_few_become_root(cluster: Cluster, host: Host) -> None:
    """No account but root, the admin user and cloud-init's own becomes root by sudo without a password."""
    meant = {cluster.admin_username, *cloud_users(host)}
    others = [name for name in sudo_without_password(host) if name not in meant]
    expect("other accounts that are root without a password", found=others, expected=[])


@check(
    "U18",
    section="3.6",
    source="Docker post-installation, Debian SystemGroups",
    severity=Severity.WARNING,
    title_zh="没有其他账号属于等同 root 的组",
    fix="gpasswd -d <user> <group>",
)
def test_few_are_in_root_groups(cluster: Cluster, host: Host) -> None:
    """No account but the admin user is in a group that amounts to root: docker, lxd, Incus', libvirt, disk or shadow.

    One that may become root with its password is let off for lxd and libvirt.
    """
    groups = group_members(host)
    may_sudo = {name for group in WITH_PASSWORD for name in groups.get(group, ())}
    meant = {
        group: {"root", cluster.admin_username, *(may_sudo if group in OF_ADMINISTRATORS else ())}
        for group in ROOT_EQUIVALENT
    }
    others = [
        f"{name} in {group}" for group in ROOT_EQUIVALENT for name in sorted(groups.get(group, set()) - meant[group])
    ]
    expect("other members of groups that amount to root", found=others, expected=[])


@check(
    "U19",
    section="3.6",
    source="sshd(8)",
    severity=Severity.WARNING,
    title_zh="root 与管理用户仅信任本套件的密钥",
    fix="ask whose key it is; remove its line from ~/.ssh/authorized_keys, or accept it in waivers.yaml",
)
def test_only_our_key_opens(cluster: Cluster, host: Host, control: Host) -> None:
    """Root and the admin user can be logged in to with the cluster's own key alone.

    Keys that may run one command only, as cloud images give root, open no shell.
    """
    own = control.read("cat %s", str(cluster.state.public_key)).split()
    homes = {"root": "/root", cluster.admin_username: f"/home/{cluster.admin_username}"}
    others = [
        f"{user}: {key.comment or key.type + ' without a comment'}"
        for user, home in homes.items()
        for key in keys_of(host, user, home)
        if key.blob not in own
    ]
    others += [f"{user}: those of {source}" for user in homes for source in key_sources(host, user)]
    expect("other keys", found=others, expected=[])


@check(
    "U21",
    section="3.6",
    source="CIS Ubuntu 6.1.13",
    title_zh="没有可执行任意命令或来历不明的 root set-uid 程序",
    fix="ask who made it so: chmod u-s <file>; accept one that is meant in waivers.yaml",
)
def test_no_program_gives_root_away(host: Host) -> None:
    """No set-uid program of root's runs or writes what it is told, and each belongs to a package.

    Looked for where programs are, in home folders and where everybody may write, four folders deep, and not in what
    is mounted below these.
    """
    programs = set_uid_programs(host)
    told = [
        path for path in programs if (name := path.rpartition("/")[2]) not in ASK_FIRST and sudo_shells.is_told(name)
    ]
    strange = [path for path in without_package(host, programs) if path not in OF_INSTALLERS]
    expect("set-uid programs that run or write what they are told", found=told, expected=[])
    expect("set-uid programs of no package", found=strange, expected=[])


@check(
    "U22",
    section="3.6",
    source="pam.conf(5)",
    title_zh="PAM 不允许任何人免密成为 root 或登录",
    fix="remove the named line from the service's file in /etc/pam.d or from what it includes; pam-auth-update",
)
def test_pam_asks_for_a_password(cluster: Cluster, host: Host) -> None:
    """PAM lets nobody become root or log in without a password or a key: su, sudo, polkit, login, sshd."""
    ways = let_in_by_pam(host, BY_PAM, ("root", cluster.admin_username))
    expect("ways in without a password", found=ways, expected=[])
