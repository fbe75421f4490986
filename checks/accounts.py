"""U: users, SSH and sudo."""

from __future__ import annotations

from dlws.config.cluster import Cluster
from dlws.engine.check import Mismatch, check, expect, expect_that, preflight
from dlws.facts.accounts import sshd_setting
from dlws.facts.unit_files import GENERATED
from dlws.inventory import Node
from dlws.parse.host import accounts, sudoers
from dlws.parse.text import number, only_line
from dlws.remote.host import Host
from dlws.verdict import Severity, Unknown
from fixtures.admin_login import AdminLogin
from fixtures.host_keys import KnownKeys

SHELL = "runuser -u %s -- env -i HOME=%s PATH=/usr/bin:/bin SSH_CLIENT='127.0.0.1 1 22' /bin/bash -c true"
"""What sshd makes of `ssh HOST true`: bash, as Debian builds it, then reads ~/.bashrc."""
SESSIONS = STARTUPS = 10
SSH_SERVERS = ("ssh", "sshd", "ssh.socket", "dropbear")
"""Debian's and Ubuntu's unit; its other name; what starts it from 22.10 on; another server."""
NOT_TO_RUN = "/etc/ssh/sshd_not_to_be_run"
"""With this file the unit of Debian and Ubuntu starts nothing."""


@preflight
@check(
    "U01",
    section="2.1",
    source="runbook 2.1",
    title_zh="可以登录主机并具备 root 权限",
    harmful="nothing can be done as anybody but root, and a host behind another key is another machine",
    fix="allow root login with the shared root password, or restore the admin user's key",
)
def test_login(host: Host) -> None:
    """The suite can log in with the pinned host key and has root privileges."""
    expect("effective user", found=only_line("id -un", host.read("id -un")), expected="root")


@check(
    "U20",
    section="2.1",
    source="systemctl(1)",
    title_zh="SSH 服务开机自启",
    fix="systemctl enable ssh; rm -f /etc/ssh/sshd_not_to_be_run",
)
def test_ssh_starts_at_boot(host: Host) -> None:
    """The SSH server starts at boot; otherwise nobody reaches the host after one but at its console."""
    states = {name: host.service(name) for name in SSH_SERVERS}
    starting = [name for name, unit in states.items() if unit.is_enabled or unit.unit_file_state == GENERATED]
    found = [f"{name} {unit.unit_file_state}" for name, unit in states.items() if unit.unit_file_state]
    expect_that(bool(starting), "SSH server at boot", found=found or "none installed", expected="enabled")
    expect_that(not host.file(NOT_TO_RUN).exists, NOT_TO_RUN, found="a file", expected="no file")


@preflight
@check(
    "U15",
    section="2.1",
    source="ssh(1)",
    severity=Severity.WARNING,
    title_zh="SSH 主机密钥已在主机控制台核对",
    fix="compare it with ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub on the machine's console, then run dlws"
    " host-keys --pin or add it to suite.host_keys",
)
def test_host_key_is_confirmed(node: Node, host_keys: KnownKeys) -> None:
    """The host's SSH key has been compared with its console.

    One that was accepted unseen on first contact may be another machine's in between.
    """
    unseen = [key for key, voucher in host_keys.pinned(node).items() if not voucher]
    expect("SSH host keys that nobody has confirmed", found=unseen, expected=[])


@check(
    "U03",
    section="3.6",
    source="upstream check_k8s.py 01",
    title_zh="管理用户免密 sudo",
    fix="add `<admin> ALL=(ALL) NOPASSWD: ALL` and `Defaults:<admin> !requiretty` to /etc/sudoers.d/<admin>, mode 0440",
)
def test_sudo_needs_no_password(cluster: Cluster, host: Host) -> None:
    """The admin user can run any command as root with sudo, without a password and without a terminal."""
    listing = host.run_expect([0, 1], "LC_ALL=C sudo -n -l -U %s", cluster.admin_username)
    if "unknown user" in listing.stderr:
        raise Mismatch("admin user", found="no such user", expected=cluster.admin_username)
    rights = sudoers.parse(listing.stdout or listing.stderr)
    what = f"sudo rights of {cluster.admin_username}"
    if rights.is_root_without_password is None:
        listed = ", ".join(map(str, rights.rules))
        raise Unknown(f"{what}: a rule for a group or a time, or exempt_group, decides: {listed}")
    expect_that(rights.is_root_without_password, what, found=rights.rules, expected="(ALL) NOPASSWD: ALL")
    expect_that(not rights.needs_terminal, what, found="only on a terminal", expected="without requiretty")
    expect_that(not rights.forbids_programs, what, found="no program may start another", expected="without NOEXEC")


@check(
    "U04",
    section="3.6",
    source="sudo",
    title_zh="sudoers 语法正确",
    fix="correct the file and line that visudo -c names",
)
def test_sudoers_are_valid(host: Host) -> None:
    """All sudoers files are syntactically valid."""
    result = host.run_expect([0, 1], "visudo -c")
    if result.rc == 0 and "parsed OK" not in result.stdout:
        raise host.unexpected(result)
    expect_that(result.rc == 0, "visudo -c", found=(result.stderr or result.stdout).strip(), expected="no error")


@check(
    "U06",
    section="3.6",
    source="sshd StrictModes",
    title_zh=".ssh 目录权限正确",
    fix="chmod 700 ~/.ssh; chmod 600 ~/.ssh/authorized_keys; chown both to the admin user",
)
def test_key_files_are_private(cluster: Cluster, host: Host) -> None:
    """The admin user owns its .ssh (mode 0700) and authorized_keys (mode 0600)."""
    admin = cluster.admin_username
    for name, mode in ((".ssh", "700"), (".ssh/authorized_keys", "600")):
        file = host.file(f"/home/{admin}/{name}")
        found = f"{file.mode:o} {file.user}" if file.exists else "no file"
        expect(f"mode and owner of {name}", found=found, expected=f"{mode} {admin}")


@check(
    "U12",
    section="3.6",
    source="runbook 3.6",
    title_zh="管理用户可用密钥登录",
    fix="run pytest -m install --stages admin_user",
)
def test_admin_key_is_accepted(node: Node, admin_login: AdminLogin) -> None:
    """The admin user can log in with the cluster's SSH key."""
    expect(f"login as {admin_login.user}", found=admin_login.attempt(node), expected="accepted")


@check(
    "U13",
    section="3.6",
    source="runbook 3.6",
    title_zh="管理用户账号正确",
    fix="usermod -s /bin/bash -aG sudo <admin>; passwd -l <admin>",
)
def test_admin_account(cluster: Cluster, host: Host) -> None:
    """The admin user has its home directory, bash, membership of the sudo group and a locked password."""
    admin = cluster.admin_username
    user = host.user(admin)
    expect("admin user", found=user.name if user.exists else "no such user", expected=admin)
    expect("home and shell", found=[user.home, user.shell], expected=[f"/home/{admin}", "/bin/bash"])
    groups = user.groups
    expect_that("sudo" in groups, f"groups of {admin}", found=groups, expected="sudo among them")
    expect(f"password of {admin}", found=accounts.password(host.read("passwd -S %s", admin)), expected="locked")


@check("U14", section="3.8", source="runbook 3.8", title_zh="管理用户在 docker 组中", fix="usermod -aG docker <admin>")
def test_admin_may_use_docker(cluster: Cluster, host: Host) -> None:
    """The admin user is a member of the docker group."""
    groups = host.user(cluster.admin_username).groups
    expect_that("docker" in groups, f"groups of {cluster.admin_username}", found=groups, expected="docker among them")


@check(
    "U08",
    section="3.6",
    source="scp, rsync",
    severity=Severity.WARNING,
    title_zh="非交互 shell 不输出内容",
    causes=[test_admin_account],
    fix="leave ~/.bashrc early in a non-interactive shell: [[ $- == *i* ]] || return",
)
def test_shell_is_silent(cluster: Cluster, host: Host) -> None:
    """Non-interactive shells of root and the admin user print nothing unasked; otherwise scp and rsync fail."""
    homes = {"root": "/root", cluster.admin_username: f"/home/{cluster.admin_username}"}
    loud = {user: host.read(SHELL, user, home).strip()[:60] for user, home in homes.items()}
    expect("users whose shell prints", found=[f"{user}: {said}" for user, said in loud.items() if said], expected=[])


@check(
    "U09",
    section="3.6",
    source="sshd_config(5)",
    severity=Severity.WARNING,
    title_zh="SSH 会话与连接数上限充足",
    fix="set MaxSessions 10 and MaxStartups 10:30:100 in /etc/ssh/sshd_config; systemctl reload ssh",
)
def test_ssh_takes_enough_sessions(host: Host) -> None:
    """The SSH server allows at least 10 sessions per connection and 10 concurrent logins."""
    sessions = number("MaxSessions", sshd_setting(host, "maxsessions"))
    startups = number("MaxStartups", sshd_setting(host, "maxstartups").partition(":")[0])
    expect_that(sessions >= SESSIONS, "MaxSessions", found=sessions, expected=f"at least {SESSIONS}")
    expect_that(startups >= STARTUPS, "MaxStartups", found=startups, expected=f"at least {STARTUPS}")
