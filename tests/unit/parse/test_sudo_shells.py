"""Which rules of sudo, without a password, are as good as a root shell."""

from __future__ import annotations

import pytest

from dlws.parse.host import sudo_shells, sudoers
from dlws.verdict import Unparsable

HEAD = "User ops may run the following commands on atlas01:\n"
DEFAULTS = "Matching Defaults entries for ops on atlas01:\n    env_reset, {}\n\n"


SHELLS = "sh bash dash zsh ksh csh tcsh rbash fish ash"
ASKED = "vi vim vim.tiny view ex ed nano emacs less more man gdb screen tmux visudo vipw"
RUN = """
busybox su sudo runuser setpriv pkexec chroot nsenter unshare env nice ionice nohup setsid stdbuf timeout time xargs
taskset chrt watch script strace systemd-run python python3.6 perl ruby node php lua lua5.3 tclsh expect awk gawk mawk
find docker nvidia-docker ctr crictl lxc
"""
WRITE = """
cp mv ln install tee dd tar rsync scp sed chmod chown mount crontab at git ssh insmod modprobe useradd usermod adduser
chpasswd apt apt-get dpkg snap pip pip3
"""


def answer(*rules: str, defaults: str = "") -> bool | None:
    """What is said of an account with these rules."""
    head = DEFAULTS.format(defaults) + HEAD if defaults else HEAD
    return sudo_shells.opens_root_shell(sudoers.parse(head + "".join(f"    {rule}\n" for rule in rules)))


@pytest.mark.parametrize(
    "rule",
    [
        "(ALL) NOPASSWD: ALL",
        "(ALL) NOPASSWD: ALL, !/bin/su, !/bin/bash",
        "(ALL) NOPASSWD: /bin/bash",
        "(www-data, root) NOPASSWD: /bin/bash",
        "(root) PASSWD: /bin/ls, NOPASSWD: /usr/bin/python3.6",
        "(root) NOPASSWD: /usr/bin/",
        "(root) NOPASSWD: /bin/*",
        "(root) NOPASSWD: ^/usr/bin/.*$",
        '(root) NOPASSWD: /bin/bash ""',
        "(root) NOPASSWD: /bin/bash -c *",
        "(root) NOPASSWD: /bin/su - root",
        "(root) NOPASSWD: /usr/bin/vim /etc/nginx/*",
        "(root) NOPASSWD: sudoedit /etc/sudoers",
        "(root) SETENV: NOPASSWD: /opt/conda/bin/python",
        "(root) NOPASSWD: sha224:0GomF8mNN3wlDt1HD9XldjJ3SNgpFdbjO1+NsQ== /bin/sh",
        "(root) NOPASSWD: /usr/bin/tee",
        "(root) NOPASSWD: /bin/systemctl *",
        f"(ALL) NOPASSWD: ALL, {', '.join(f'!{path}' for path in sudo_shells._USUAL)}",
        "(root) NOPASSWD: /usr/bin/vim /etc/hosts",
        "(root) NOPASSWD: /usr/bin/less /var/log/syslog",
        "(root) NOPASSWD: /bin/bash -i",
        "(root) NOPASSWD: /bin/sh -l -p",
        "(root) NOPASSWD: /bin/bash --login",
        "(root) NOPASSWD: /bin/bash -",
        "(root) NOPASSWD: /bin/dash --",
        "(root) NOPASSWD: /bin/bash --norc --noprofile",
        "(root) NOPASSWD: /usr/bin/sudo -i",
        "(root) NOPASSWD: /usr/bin/tee /etc/sudoers.d/ops",
        "(root) NOPASSWD: /usr/bin/tee /opt/*",
        "(root) NOPASSWD: /bin/cp /opt/site/* /data/",
        "(root) NOPASSWD: /usr/bin/apt-get install *",
        "(root) NOPASSWD: /usr/bin/docker run sha256:* id",
    ],
)
def test_it_opens_a_root_shell(rule: str) -> None:
    assert answer(rule) is True


@pytest.mark.parametrize(
    "rule",
    [
        "(ALL) ALL",
        "(www-data) NOPASSWD: ALL",
        "(root) NOPASSWD: /usr/bin/npu-smi, /bin/dmesg -T",
        "(root) NOPASSWD: /bin/bash /opt/site/collect.sh",
        "(root) NOPASSWD: /bin/systemctl restart docker",
        "(root) NOPASSWD: /bin/systemctl restart *",
        "(root) NOPASSWD: /bin/su - dlws",
        "(root) NOPASSWD: sudoedit /etc/motd",
        "(root) NOPASSWD: /bin/sh -x /opt/site/collect.sh",
        "(root) NOPASSWD: /usr/bin/tee /etc/motd",
        "(root) NOPASSWD: /usr/bin/sudo -l",
        "(root) NOPASSWD: /usr/bin/apt-get update",
        "(root) NOPASSWD: /tmp/other",
        "(ALL) NOPASSWD: ALL, !ALL",
        "(root) NOPASSWD: /opt/*",
        "(root) NOPASSWD: ^([$",
        "(root) NOPASSWD: /bin/bash, !ALL",
        "(root) NOPASSWD: /usr/bin/expect /opt/site/login.exp",
        "(root) NOPASSWD: /usr/bin/find /etc/sudoers.d -ls",
        "(root) NOPASSWD: /bin/bash -i-l",
        "(root) NOPASSWD: /usr/bin/sudo -i /opt/site/collect.sh",
    ],
)
def test_it_opens_none(rule: str) -> None:
    assert answer(rule) is False


@pytest.mark.parametrize("name", f"{SHELLS} {ASKED} {RUN} {WRITE}".split())
def test_a_wildcard_leaves_such_a_program_free(name: str) -> None:
    assert answer(f"(root) NOPASSWD: /opt/{name} x*") is True
    assert answer(f"(root) NOPASSWD: /opt/x{name}x x*") is False


@pytest.mark.parametrize("name", ["shutdown", "findmnt", "cpupower", "mountpoint"])
def test_a_program_whose_name_only_begins_like_one_of_them_opens_none(name: str) -> None:
    assert answer(f"(root) NOPASSWD: /usr/bin/{name}") is False


@pytest.mark.parametrize(("defaults", "forbidden"), [("setenv", True), ("env_keep+=LD_PRELOAD", False)])
def test_a_tag_takes_back_setenv_but_not_what_env_keep_lets_pass(defaults: str, *, forbidden: bool) -> None:
    assert answer("(root) NOPASSWD: /usr/bin/npu-smi info", defaults=defaults) is True
    assert answer("(root) NOSETENV: NOPASSWD: /usr/bin/npu-smi info", defaults=defaults) is not forbidden


@pytest.mark.parametrize("command", ["sortx x*", "gox x*", "cpx x*", "nohupx x*", "shx -i"])
def test_a_program_that_another_rule_names_is_judged_by_its_whole_name(command: str) -> None:
    path = f"/opt/{command.split()[0]}"
    assert answer(f"(root) SETENV: NOPASSWD: !{path}, NOSETENV: /opt/{command}") is False


@pytest.mark.parametrize(("name", "first"), [("systemctl", "restart "), ("sudoedit", ""), ("service", "ssh ")])
def test_all_words_must_be_free_for_some(name: str, first: str) -> None:
    assert answer(f"(root) NOPASSWD: /opt/{name} *") is True
    assert answer(f"(root) NOPASSWD: /opt/{name} {first}x*") is False


@pytest.mark.parametrize("name", ASKED.split())
def test_one_key_starts_a_shell_in_an_editor_or_a_pager(name: str) -> None:
    assert answer(f"(root) NOPASSWD: /opt/{name} /etc/motd") is True


@pytest.mark.parametrize("name", SHELLS.split())
@pytest.mark.parametrize(("words", "opens"), [("-i", True), ("--posix -l", True), ("-c", False), ("-i x.sh", False)])
def test_a_shell_asks_for_commands_where_it_has_none(name: str, words: str, *, opens: bool) -> None:
    assert answer(f"(root) NOPASSWD: /opt/{name} {words}") is opens


@pytest.mark.parametrize("words", ["-i", "-s", "--login", "--shell"])
def test_sudo_starts_a_shell_itself(words: str) -> None:
    assert answer(f"(root) NOPASSWD: /opt/sudo {words}") is True
    assert answer(f"(root) NOPASSWD: /opt/time {words}") is False


@pytest.mark.parametrize("name", ["su", "runuser"])
@pytest.mark.parametrize("words", ["", "-", "-l", "--login", "root", "- root", "-l root", "--login root", "o*"])
def test_su_starts_a_shell_of_roots(name: str, words: str) -> None:
    assert answer(f"(root) NOPASSWD: /opt/{name} {words}".strip()) is True
    assert answer(f"(root) NOPASSWD: /opt/{name} dlws") is False


@pytest.mark.parametrize("file", ["sudoers", "sudoers.d/ops", "shadow", "passwd", "crontab"])
@pytest.mark.parametrize("name", ["sudoedit", "tee"])
def test_who_writes_such_a_file_becomes_root(name: str, file: str) -> None:
    assert answer(f"(root) NOPASSWD: /opt/{name} /etc/{file}") is True
    assert answer(f"(root) NOPASSWD: /opt/{name} /srv/{file}") is False


@pytest.mark.parametrize("folder", ["/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"])
def test_a_folder_of_programs_has_such_ones(folder: str) -> None:
    assert answer(f"(root) NOPASSWD: {folder}/") is True


@pytest.mark.parametrize("pattern", ["b?sh", "s[h]", "s[u]", "e?v", "v[i]", "t?e", "[bs]*"])
def test_a_pattern_in_a_folder_has_such_ones(pattern: str) -> None:
    assert answer(f"(root) NOPASSWD: /bin/{pattern}") is True
    assert answer(f"(root) NOPASSWD: /srv/{pattern}") is False


def test_a_pattern_matches_no_slash_and_an_expression_all_of_a_path() -> None:
    assert answer("(root) NOPASSWD: /usr/*") is False
    assert answer("(root) NOPASSWD: ^/usr/bin/ba$") is False
    assert answer("(root) NOPASSWD: ^/usr/bin/ba") is False
    assert answer("(root) NOPASSWD: /bin/python3 /opt/site.py") is False


def test_the_last_rule_that_matches_a_program_decides() -> None:
    assert answer("(root) NOPASSWD: /bin/bash", "(ALL) ALL") is False
    assert answer("(root) NOPASSWD: /opt/conda/bin/python", "(ALL) ALL") is False
    assert answer("(ALL) NOPASSWD: ALL", "(root) PASSWD: /bin/bash") is True
    assert answer("(root) NOPASSWD: /bin/bash", "(root) PASSWD: /bin/bash /opt/site/collect.sh") is True


def test_defaults_may_take_the_question_away() -> None:
    assert answer("(root) /bin/bash", defaults="!authenticate") is True
    assert answer("(root) PASSWD: /bin/bash", defaults="!authenticate") is False


def test_a_rule_for_a_group_or_a_time_is_a_doubt() -> None:
    assert answer("(%wheel) NOPASSWD: /bin/bash") is None
    assert answer("(root) NOTBEFORE=20260101000000Z NOPASSWD: /bin/bash") is None


def test_an_expression_that_could_take_days_is_not_tried() -> None:
    with pytest.raises(Unparsable, match="an expression with too many repetitions"):
        answer(f"(root) NOPASSWD: ^{'.*' * 20}z$")


TOLD = """
sh ksh93 bash-static busybox busybox-static toybox python python3 python3.6 python3.6m python3d pypy pypy3 perl
perl5.34.0 ruby ruby2.7 node nodejs php php7.4 lua lua5.3 luajit luajit-2.1.0-beta3 tclsh tclsh8.6 wish wish8.6 awk
gawk mawk nawk original-awk guile guile-3.0 guile2.2
"""
NOT_TOLD = "ssh-keysign push shasum python3-config perldoc rubymine nodeenv php-fpm7.4 luac5.3x luajits guild"


@pytest.mark.parametrize("name", TOLD.split())
def test_a_shell_or_an_interpreter_is_told_what_to_run(name: str) -> None:
    assert sudo_shells.is_told(name)


@pytest.mark.parametrize("name", NOT_TOLD.split())
def test_names_that_only_begin_or_end_alike(name: str) -> None:
    assert not sudo_shells.is_told(name)
