"""sshd -T, passwd, group, id, sudo -l, authorized_keys."""

from __future__ import annotations

import pytest

from dlws.parse.host import accounts, authorized_keys, sshd_t, sudoers
from dlws.verdict import Unparsable

# Recorded: OpenSSH 9.2p1 (Debian 12), most keywords left out.
SSHD = """\
port 22
listenaddress [::]:22
permitrootlogin without-password
maxsessions 10
banner none
subsystem sftp /usr/lib/openssh/sftp-server
hostkey /etc/ssh/ssh_host_rsa_key
hostkey /etc/ssh/ssh_host_ed25519_key
maxstartups 10:30:100
ipqos lowdelay throughput
rekeylimit 0 0
"""


def test_sshd_keywords_keep_all_their_values():
    found = sshd_t.parse("Welcome to atlas01\r\n\r\n" + SSHD)
    assert found["maxstartups"] == ("10:30:100",)
    assert found["hostkey"] == ("/etc/ssh/ssh_host_rsa_key", "/etc/ssh/ssh_host_ed25519_key")


@pytest.mark.parametrize(
    "text", ["", SSHD[:150], SSHD + "Bad configuration\n", "sshd: no hostkeys available -- exiting."]
)
def test_sshd_cut_off_is_unknown(text):
    with pytest.raises(Unparsable):
        sshd_t.parse(text)


def test_passwd_gives_home_and_shell():
    (user,) = accounts.passwd("dlwsadmin:x:1001:1001:DLWS,,,:/home/dlwsadmin:/bin/bash\n")
    assert user == accounts.User("dlwsadmin", 1001, 1001, "/home/dlwsadmin", "/bin/bash")


def test_an_unknown_user_has_no_passwd_line():
    assert accounts.passwd("") == ()


@pytest.mark.parametrize("text", ["dlwsadmin:x:1001", "a:x:one:1::/:/bin/sh", "+::::::", ":x:1:1::/:/bin/sh"])
def test_half_a_passwd_line_is_unknown(text):
    with pytest.raises(Unparsable):
        accounts.passwd(text)


def test_a_password_hash_is_in_no_message():
    with pytest.raises(Unparsable, match=r"^((?!\$6\$).)*$"):
        accounts.passwd("root:$6$secret\n")


def test_group_members():
    assert accounts.group("docker:x:998:dlwsadmin,root\n")[0] == accounts.Group("docker", 998, ("dlwsadmin", "root"))
    assert accounts.group("docker:x:998:\n")[0].members == ()


@pytest.mark.parametrize("text", ["docker:x:998", "docker:x::root", "Welcome"])
def test_half_a_group_line_is_unknown(text):
    with pytest.raises(Unparsable):
        accounts.group(text)


# Recorded (host renamed): sudo 1.9.13p3; the Chinese with the slip of its catalogue in the first line. sudo 1.8.21, the
# one of Ubuntu 18.04, prints the same form.
SUDO = """\
Matching Defaults entries for dlwsadmin on atlas01:
    env_reset, mail_badpass,
    secure_path=/usr/local/sbin\\:/usr/local/bin\\:/usr/sbin\\:/usr/bin\\:/sbin\\:/bin,
    use_pty

User dlwsadmin may run the following commands on atlas01:
    (ALL : ALL) ALL
    (ALL) NOPASSWD: ALL
"""
SUDO_ZH = """\
匹配 %2$s 上 %1$s 的默认条目：
    env_reset, mail_badpass,
    use_pty

用户 dlwsadmin 可以在 atlas01 上运行以下命令：
    (ALL : ALL) ALL
    (ALL) NOPASSWD: ALL
"""


@pytest.mark.parametrize("text", [SUDO, SUDO_ZH, SUDO.replace("\n", "\r\n")])
def test_the_admin_is_root_without_a_password(text):
    assert sudoers.parse(text).is_root_without_password


def listed(*rules: str, defaults: str = "") -> sudoers.Rights:
    head = f"Matching Defaults entries for a on b:\n    {defaults}\n\n" if defaults else ""
    return sudoers.parse(f"{head}User a may run the following commands on b:\n" + "".join(f"    {r}\n" for r in rules))


@pytest.mark.parametrize(
    "rules",
    [
        ["(ALL : ALL) ALL", "(root) NOPASSWD: ALL"],
        ["(ALL) CWD=/ NOPASSWD: ALL"],
        ["(ALL) APPARMOR_PROFILE=site NOPASSWD: ALL"],
        ["(ALL) ROLE=x TYPE=y TIMEOUT=300 SETENV: NOPASSWD: ALL"],
        ["(root : root) NOPASSWD: ALL"],
        ["(daemon, root) NOPASSWD: ALL"],
        ["(#0) NOPASSWD: ALL"],
        ["(%root) NOPASSWD: ALL"],
        ["(ALL) PASSWD: /bin/ls, NOPASSWD: ALL"],
        ["(ALL) NOPASSWD: /bin/ls, ALL"],
        ["(ALL) NOPASSWD: ALL", "(postgres) ALL"],
        ["(ALL) NOPASSWD: ALL", "(ALL, !root) ALL"],
        ["(ALL) NOPASSWD: ALL", "(root) /usr/bin/apt"],
    ],
)
def test_real_sudo_runs_these_without_a_password(rules):  # tried: `sudo -n id -un` of sudo 1.9.13p3
    assert listed(*rules).is_root_without_password


@pytest.mark.parametrize(
    "rules",
    [
        ["(ALL) NOPASSWD: ALL", "(ALL : ALL) ALL"],  # the last rule asks for the password again
        ["(ALL) NOPASSWD: ALL", "(root) ALL"],
        ["(ALL) NOPASSWD: ALL", "(ALL) NOPASSWD: /bin/a", "(root) PASSWD: ALL"],
        ["(ALL) NOPASSWD: ALL", "(ALL) !ALL"],
        ["(ALL) NOPASSWD: /bin/ls, PASSWD: ALL"],
        ["(ALL : ALL) ALL"],
        ["(daemon) NOPASSWD: ALL"],
        ["(a : sudo) NOPASSWD: ALL"],
        ["(ALL) NOPASSWD: /usr/bin/apt"],
        ["(ALL) NOPASSWD:", "    sha224:d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f ALL"],
        ["(ALL) NOPASSWD: ALL, !/bin/su"],
        ["(ALL) PASSWD: ALL"],
    ],
)
def test_real_sudo_asks_for_the_password_or_refuses_some(rules):  # tried: sudo 1.9.13p3
    assert listed(*rules).is_root_without_password is False


@pytest.mark.parametrize(
    ("defaults", "rule", "free"),
    [
        ("!authenticate", "(ALL : ALL) ALL", True),
        ("!authenticate", "(ALL : ALL) PASSWD: ALL", False),
        ("!authenticate, authenticate", "(ALL : ALL) ALL", False),
        ("x\n\nRunas and Command-specific defaults for a:\n    Defaults>root !authenticate", "(ALL) ALL", True),
        ("x\n\nRunas and Command-specific defaults for a:\n    Defaults>daemon !authenticate", "(ALL) ALL", False),
        ("x\n\nRunas and Command-specific defaults for a:\n    Defaults!/bin/id !authenticate", "(ALL) ALL", False),
        ("exempt_group=sudo", "(ALL) ALL", None),
        ("exempt_group=sudo", "(ALL) NOPASSWD: ALL", True),
        ("x", "(ALL) NOTAFTER=20200101000000Z NOPASSWD: ALL", None),
        ("x", "(%adm) NOPASSWD: ALL", None),
    ],
)
def test_defaults_decide_where_no_tag_does(defaults, rule, free):  # tried: sudo 1.9.13p3
    assert listed(rule, defaults=defaults).is_root_without_password is free


@pytest.mark.parametrize(
    ("defaults", "needed"), [("requiretty, !requiretty", False), ("!requiretty, requiretty", True)]
)
def test_the_last_requiretty_counts(defaults, needed):
    assert listed("(ALL) ALL", defaults=defaults).needs_terminal is needed


def test_a_wrapped_rule_is_joined():
    text = "User a may run the following commands on b:\n    (ALL) SETENV: NOPASSWD: /bin/a,\n        /bin/b\n"
    assert sudoers.parse(text).rules == (sudoers.Rule("ALL", ("SETENV", "NOPASSWD"), "/bin/a, /bin/b"),)


@pytest.mark.parametrize(
    "text", ["User plain is not allowed to run sudo on vm.\n", "用户 plain 无权在 vm 上运行 sudo。\n"]
)
def test_a_user_without_sudo_has_no_rule(text):
    assert sudoers.parse(text).rules == ()


@pytest.mark.parametrize(
    "text",
    ["", "sudo: a password is required\n", "sudo: unknown user nosuch\n", SUDO[:250], SUDO.partition("    (ALL")[0]],
)
def test_sudo_that_does_not_list_is_unknown(text):
    with pytest.raises(Unparsable):
        sudoers.parse(text)


# Made for this test with OpenSSH 9.2p1; the private half was never kept.
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIdyCYuuBk08Ir6OEUBBCMMRoEks6P3i8d7UF69lF74p"


def test_keys_have_options_and_comments():
    text = f'# keys\n{KEY} root@atlas02\nfrom="10.0.0.1,*.cn",command="echo \\"hi there\\"",no-pty {KEY}\n'
    plain, limited = authorized_keys.parse(text)
    assert (plain.type, plain.options, plain.comment) == ("ssh-ed25519", "", "root@atlas02")
    assert limited.options == 'from="10.0.0.1,*.cn",command="echo \\"hi there\\"",no-pty'
    assert plain.blob == limited.blob


def test_no_keys():
    assert authorized_keys.parse("\n# none\n") == ()


@pytest.mark.parametrize(
    "text",
    [KEY[:-9], KEY[:-8], "ssh-ed25519", KEY.replace("ssh-ed25519 ", "ssh-rsa "), f"{KEY}\nfoo bar", 'from="10 ' + KEY],
)
def test_a_key_cut_off_or_of_another_type_is_unknown(text):
    with pytest.raises(Unparsable):
        authorized_keys.parse(text)


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("dlwsadmin L 11/24/2026 0 99999 7 -1", "locked"),
        ("dlwsadmin P 2026-11-24 0 99999 7 -1", "usable"),
        ("dlwsadmin NP 11/24/2026 0 99999 7 -1", "none"),
    ],
)
def test_passwd_s_tells_the_state_of_the_password(line: str, state: str) -> None:
    assert accounts.password(line) == state


@pytest.mark.parametrize("text", ["", "dlwsadmin", "dlwsadmin X 11/24/2026", "passwd: permission denied"])
def test_passwd_s_that_says_nothing_is_unparsable(text: str) -> None:
    with pytest.raises(Unparsable):
        accounts.password(text)


def test_a_sudo_rule_reads_as_sudo_prints_it() -> None:
    text = "User a may run the following commands on h:\n    (ALL : ALL) NOPASSWD: SETENV: /bin/ls\n"
    assert [str(rule) for rule in sudoers.parse(text).rules] == ["(ALL : ALL) NOPASSWD: SETENV: /bin/ls"]
