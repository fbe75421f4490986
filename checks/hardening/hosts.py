"""X: hosts hardened as the CIS benchmark for Ubuntu asks, and where DLWS and Kubernetes contradict it (DEVIATION)."""

from __future__ import annotations

from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_that
from dlws.facts.accounts import sshd_setting
from dlws.facts.files import files_at
from dlws.facts.firewall import ufw_is_active
from dlws.facts.kernel import setting
from dlws.facts.secrets import processes_with_a_secret
from dlws.parse.host import accounts
from dlws.parse.text import lines, number, unparsable
from dlws.remote.host import Host
from dlws.remote.notes import Notes
from dlws.verdict import Severity

TRIES = 4
NO_PASSWORD = r"sed -n 's/^\([^:]*\)::.*/\1/p' /etc/shadow"
UNSHADOWED = """awk -F : '$2 != "x" && $2 !~ /^[*!]/ { print $1 }' /etc/passwd"""
"""Accounts whose password, or none at all, stands in passwd(5), which everybody reads, and in place of shadow's."""
SHADOW = {"/etc/shadow": 0o640, "/etc/gshadow": 0o640, "/etc/passwd": 0o644, "/etc/group": 0o644}
SHADOW_OWNERS = ("root:root", "root:shadow")
REDIRECTS = {
    "net.ipv4.conf.all.accept_redirects": 0,
    "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.conf.all.rp_filter": 1,
}
SCHEDULES = {"/etc/crontab": 0o600, "/etc/cron.d": 0o700, "/etc/cron.daily": 0o700, "/boot/grub/grub.cfg": 0o600}


@check(
    "X13",
    section="3.6",
    source="CIS Ubuntu 5.2.9",
    title_zh="SSH 不接受空密码",
    fix="set PermitEmptyPasswords no in /etc/ssh/sshd_config; systemctl reload ssh",
)
def test_ssh_wants_a_password(host: Host) -> None:
    """The SSH server rejects empty passwords."""
    expect("PermitEmptyPasswords", found=sshd_setting(host, "permitemptypasswords"), expected="no")


@check(
    "X23",
    section="3.6",
    source="CIS Ubuntu 5.2.5, 5.2.8",
    severity=Severity.INFO,
    title_zh="SSH 禁止 root 登录并限制尝试次数",
    deviation="runbook 2.1 logs in as root on every host and leaves MaxAuthTries at sshd's default of 6",
    fix="set PermitRootLogin no and MaxAuthTries 4 in sshd_config, once the admin's key is installed",
)
def test_ssh_is_narrow(host: Host) -> None:
    """Root cannot log in over SSH, and a connection allows at most 4 password attempts."""
    expect("PermitRootLogin", found=sshd_setting(host, "permitrootlogin"), expected="no")
    tries = number("MaxAuthTries", sshd_setting(host, "maxauthtries"))
    expect_that(tries <= TRIES, "MaxAuthTries", found=tries, expected=f"at most {TRIES}")


@check(
    "X14",
    section="3.6",
    source="CIS Ubuntu 6.1, 6.2",
    title_zh="没有空密码账号，仅 root 的 uid 为 0",
    fix="passwd -l <user>; userdel or usermod -u the other account with uid 0; chmod 640 /etc/shadow",
)
def test_accounts_are_closed(host: Host) -> None:
    """No account has an empty password, only root has uid 0, and only root can read password hashes."""
    expect("accounts without a password", found=lines("/etc/shadow", host.read(NO_PASSWORD)), expected=[])
    expect("accounts whose password is not in /etc/shadow", found=lines("passwd", host.read(UNSHADOWED)), expected=[])
    users = accounts.passwd(host.read("cat /etc/passwd"))
    if not users:
        raise unparsable("/etc/passwd", why="no output")
    expect("accounts with uid 0", found=[user.name for user in users if user.uid == 0], expected=["root"])
    found = files_at(host, *SHADOW, depth=0)
    expect_that("/etc/shadow" in {e.path for e in found}, "/etc/shadow", found="no file", expected="password hashes")
    wrong = [str(e) for e in found if e.owner not in SHADOW_OWNERS or e.allows_more_than(SHADOW[e.path])]
    expect("account files open to others", found=wrong, expected=[])


@check(
    "X15",
    section="2.1",
    source="CIS Ubuntu 1.5.2",
    severity=Severity.WARNING,
    title_zh="内核地址空间随机化（ASLR）已启用",
    fix="set kernel.randomize_va_space = 2 in /etc/sysctl.d; sysctl --system",
)
def test_addresses_are_random(host: Host) -> None:
    """Address space layout randomization (ASLR) is fully enabled."""
    expect("kernel.randomize_va_space", found=host.sysctl("kernel.randomize_va_space"), expected=2)


@check(
    "X24",
    section="2.1",
    source="CIS Ubuntu 3.1.2, 3.2.2, 3.2.7",
    severity=Severity.INFO,
    title_zh="禁用 ICMP 重定向并启用反向路径过滤",
    deviation="the runbook keeps Ubuntu's settings; pod networks need loose reverse path filtering",
    fix="set net.ipv4.conf.all.accept_redirects, send_redirects and rp_filter in /etc/sysctl.d",
)
def test_redirects_are_off(host: Host) -> None:
    """The host neither sends nor accepts ICMP redirects, and strict reverse path filtering is on."""
    found = {key: setting(host, key) for key in REDIRECTS}
    wrong = [f"{key.rpartition('.')[2]} {found[key]}" for key, wanted in REDIRECTS.items() if found[key] != wanted]
    expect("wrong network settings", found=wrong, expected=[])


@check(
    "X16",
    section="2.1",
    source="CIS Ubuntu 2.2.7, 3.1.1, 3.5.2.1",
    severity=Severity.INFO,
    title_zh="未开启转发、已启用防火墙、未运行 RPC 服务",
    deviation="Kubernetes forwards packets for pods, runbook 2.1 turns firewalls off, and 3.12 uses NFS",
    fix="none, as the product needs all three",
)
def test_host_keeps_to_itself(host: Host) -> None:
    """IP forwarding is off, the firewall is on and no RPC service runs."""
    forwards, off = setting(host, "net.ipv4.ip_forward"), not ufw_is_active(host)
    wrong = {"IP forwarding": forwards, "no firewall": off, "rpcbind": host.service("rpcbind").is_running}
    expect("open to the network", found=[what for what, true in wrong.items() if true], expected=[])


@check(
    "X17",
    section="2.1",
    source="CIS Ubuntu 1.4.1, 4.1.1, 4.2, 5.1",
    severity=Severity.INFO,
    title_zh="审计服务运行、日志持久保存、计划任务与引导文件受保护",
    deviation="the runbook does not install auditd and keeps Ubuntu's modes for cron and boot loader files",
    fix="apt-get install auditd; mkdir /var/log/journal; chmod 600 the named files, 700 the folders",
)
def test_host_keeps_records(host: Host) -> None:
    """auditd runs, logs survive a reboot, and only root can read cron and boot loader files."""
    audited = host.service("auditd").is_running
    kept = host.service("rsyslog").is_running or host.run_expect([0, 1], "test -d /var/log/journal").rc == 0
    missing = [what for what, there in {"auditd": audited, "persistent logs": kept}.items() if not there]
    wide = [str(e) for e in files_at(host, *SCHEDULES, depth=0) if e.allows_more_than(SCHEDULES[e.path])]
    expect("missing or open to others", found=[*missing, *wide], expected=[])


@check(
    "X18",
    section="3.2",
    source="ansible#18184",
    title_zh="进程命令行中没有 config.yaml 的密码与密钥",
    fix="find what starts it (ps -fp <pid>); pass the secret in a file; change it in config.yaml",
)
def test_no_secret_in_a_command_line(cluster: Cluster, host: Host, notes: Notes) -> None:
    """No process has a secret from config.yaml in its command line, where every user can read it."""
    found = notes.take(
        "look for secrets of config.yaml in command lines", lambda: processes_with_a_secret(cluster, host)
    )
    expect("processes with a secret in their command line", found=found, expected=[])
