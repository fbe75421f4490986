"""Which programs of sudo's rules start a shell by their pager, editor or prompt."""

from __future__ import annotations

import pytest

from dlws.parse.host import sudo_escapes, sudo_shells, sudoers
from dlws.parse.host.sudo_escapes import CLOSED, Era

HEAD = "User ops may run the following commands on atlas01:\n"
DEFAULTS = "Matching Defaults entries for ops on atlas01:\n    env_reset, {}\n\n"
OLD = Era(paged=True)
RUN = """
kubectl helm podman nerdctl runc make cmake ansible ansible-playbook gcc go java npm npx gem rake cargo flock ltrace
capsh cpulimit rlwrap socat run-parts start-stop-daemon sshpass parallel numactl perf prlimit firejail doas sg
openvpn passwd busctl machinectl
"""
WRITE = "curl wget yum dnf rpm zypper zip 7z cpio unzip patch split sort setfacl"
EDITORS = """
vimdiff nvim rvim rview pico joe jed mg micro mcedit mc most pg zless zmore lynx w3m editor pager sensible-editor
sensible-pager
"""
IDLE_ALONE = """
cp mv ln install tee dd tar rsync scp sed chmod chown mount at git ssh insmod modprobe useradd usermod apt apt-get dpkg
snap pip pip3 curl wget yum dnf rpm zypper 7z unzip sort setfacl kubectl helm podman docker nvidia-docker iptables
ip6tables ebtables arptables iptables-legacy iptables-save iptables-legacy-save iptables-nft xtables-multi
xtables-legacy-multi xtables-nft-multi
"""
ALWAYS = """
dmesg -H|dmesg -TH|dmesg --human|dmesg -T *|dmesg|git -C /opt/site log|git diff|crontab -u root -e|systemctl edit docker
dpkg -l|dpkg --list|dpkg -l docker-ce|dpkg-query -l|dpkg-query *|iptables|iptables -A INPUT *|ip6tables-legacy -t *
iptables-legacy-restore|iptables-save|iptables -t x -L --modprobe=/tmp/x
xtables-multi|xtables-legacy-multi *|xtables-nft-multi iptables *|iptables-nft|ip6tables-nft -A *
iptables-nft-restore|ebtables-nft-save *|arptables-nft *|chpasswd ""|crontab ""|patch ""
iptables -M /tmp/x -L|ebtables -M/tmp/x -L|arptables --modprobe /tmp/x -L|iptables-restore ""
git rebase main|git commit --edit|git add -i|kubectl -n default edit cm x|mysql -u root|mariadb -u root|mysql -uoracle
mysql -pe|psql|psql -Umail|psql -hlocal|sqlite3 /var/lib/x.db|mail -f|mailx --versions|ftp backup|lftp backup
telnet backup|sftp backup|passwd root|passwd [a-z]*|ip|service * restart
systemctl * docker|systemctl --now *|mysql -e "show tables" *
"""
NEVER = """
git ""|dpkg ""|cp ""|apt ""|curl ""|kubectl ""|docker ""|iptables-save ""|iptables -L -n|iptables -t nat -S
dpkg --no-pager -l|dpkg -s docker-ce|dpkg-query -W|dpkg-query -s docker-ce|iptables-nft -L|xtables-nft-multi iptables -L
iptables-nft ""
dmesg -T|dmesg -P -H|dmesg -P *|dmesg ""|git pull|git --no-pager log|crontab -l|systemctl restart *|kubectl get pods
mysql -e "show tables"|mysql -Ne "show tables"|mysql -eshow|psql -l|psql -Atc "select 1"|psql -cselect|psql -f x.sql
passwd ops|ip addr|sort -M /etc/motd|service ssh restart|curl http://127.0.0.1/|systemctl status docker
"""
PAGED = """
systemctl status docker|systemctl|systemctl ""|systemctl --failed|systemctl show docker|systemctl restart *|journalctl
journalctl ""|journalctl -u docker|journalctl -u docker *|journalctl -u * --no-pager|journalctl -f *|loginctl
loginctl list-sessions|networkctl status|busctl --no-legend list|coredumpctl info|timedatectl list-timezones
localectl list-locales|systemd-analyze blame|timedatectl|machinectl ""|loginctl user-status ops|systemctl --help
loginctl ""|machinectl list
"""
UNPAGED = """
systemctl restart docker|systemctl --no-pager status docker|systemctl --no-pager status *|systemctl is-active docker
systemctl daemon-reload|systemctl reboot|systemctl try-restart docker|journalctl --no-pager -u docker
journalctl --no-pager *|journalctl -fu docker|journalctl -u docker -f|journalctl --vacuum-size=1G
journalctl --disk-usage|journalctl -F _UID|timedatectl status|timedatectl ""|timedatectl set-ntp true
loginctl terminate-user ops|localectl status|localectl ""|systemd-analyze ""
"""


def rows(text: str) -> list[str]:
    """The commands of a table."""
    return [row for line in text.strip().splitlines() for row in line.split("|")]


def answer(rule: str, era: Era = CLOSED, defaults: str = "") -> bool | None:
    """What is said of an account with this rule."""
    head = DEFAULTS.format(defaults) + HEAD if defaults else HEAD
    return sudo_shells.opens_root_shell(sudoers.parse(f"{head}    (root) {rule}\n"), era)


@pytest.mark.parametrize("command", rows(ALWAYS))
def test_a_shell_is_one_key_away(command: str) -> None:
    assert answer(f"NOPASSWD: /opt/{command}") is True


@pytest.mark.parametrize("command", rows(NEVER))
def test_its_words_keep_it_from_that(command: str) -> None:
    assert answer(f"NOPASSWD: /opt/{command}") is False


@pytest.mark.parametrize("command", rows(PAGED))
def test_systemd_before_247_starts_a_pager_that_starts_a_shell(command: str) -> None:
    assert answer(f"NOPASSWD: /opt/{command}", OLD) is True


@pytest.mark.parametrize("command", rows(UNPAGED))
def test_systemd_starts_no_pager_with_these_words(command: str) -> None:
    assert answer(f"NOPASSWD: /opt/{command}", OLD) is False


def test_systemd_from_247_on_guards_its_pager() -> None:
    assert answer("NOPASSWD: /bin/systemctl status docker") is False
    assert answer("NOPASSWD: /bin/journalctl") is False


@pytest.mark.parametrize("name", f"{RUN} {WRITE}".split())
def test_a_wildcard_leaves_a_tool_free(name: str) -> None:
    assert answer(f"NOPASSWD: /opt/{name}") is True
    assert answer(f"NOPASSWD: /opt/{name} x*") is True
    assert answer(f"NOPASSWD: /opt/{name} x") is False
    assert answer(f"NOPASSWD: /opt/x{name}") is False


@pytest.mark.parametrize("name", IDLE_ALONE.split())
def test_a_tool_that_only_shows_its_usage_alone(name: str) -> None:
    assert answer(f'NOPASSWD: /opt/{name} ""') is False
    assert answer(f"NOPASSWD: /opt/{name}") is True


@pytest.mark.parametrize("name", EDITORS.split())
def test_more_editors_and_pagers(name: str) -> None:
    assert answer(f"NOPASSWD: /opt/{name} /etc/motd") is True


@pytest.mark.parametrize(
    ("words", "reads"),
    [
        ("-i", True),
        ("-x -l", True),
        ("-lc", True),
        ("--login", True),
        ("-x", False),
        ("--norc -i", False),
        ("--posix", False),
        ("--noprofile -l", False),
        ("--noprofile -i", True),
        ("x -l", False),
    ],
)
def test_a_shell_reads_the_users_own_files_where_home_is_kept(words: str, *, reads: bool) -> None:
    assert answer(f"NOPASSWD: /bin/bash {words} /opt/site/collect.sh", Era(keeps_home=True)) is reads
    assert answer(f"NOPASSWD: /bin/bash {words} /opt/site/collect.sh") is False


@pytest.mark.parametrize("name", ["sh", "bash", "dash", "zsh", "ksh", "csh", "tcsh", "rbash", "fish", "ash"])
def test_every_login_shell_reads_them(name: str) -> None:
    assert answer(f"NOPASSWD: /bin/{name} -l /opt/x.sh", Era(keeps_home=True)) is True


@pytest.mark.parametrize("name", ["sh", "dash"])
def test_dash_reads_none_of_its_own_for_being_interactive(name: str) -> None:
    assert answer(f"NOPASSWD: /bin/{name} -i x.sh", Era(keeps_home=True)) is False


@pytest.mark.parametrize(
    ("defaults", "usually", "keeps"),
    [("", True, True), ("", False, False), ('env_keep+="PS1 HOME"', False, True), ("env_keep+=HOME", False, True)],
)
def test_who_keeps_home(defaults: str, *, usually: bool, keeps: bool) -> None:
    listing = f"{DEFAULTS.format(defaults)}{HEAD}    (root) NOPASSWD: /bin/ls\n"
    assert sudoers.parse(listing).keeps_home(usually=usually) is keeps
    assert sudoers.parse(listing.replace("env_reset", "always_set_home")).keeps_home(usually=usually) is False


def test_noexec_keeps_a_pager_from_starting_anything_but_not_an_editor_from_writing() -> None:
    assert answer("NOEXEC: NOPASSWD: /usr/bin/less /var/log/syslog") is False
    assert answer("NOPASSWD: /usr/bin/less /var/log/syslog", defaults="noexec") is False
    assert answer("NOEXEC: NOPASSWD: /bin/systemctl status docker", OLD) is False
    assert answer("NOEXEC: NOPASSWD: /usr/bin/less") is True  # -O writes a file
    assert answer("NOEXEC: NOPASSWD: /usr/bin/less *") is True
    assert answer("NOEXEC: NOPASSWD: /usr/bin/more") is False
    assert answer("NOEXEC: NOPASSWD: /usr/bin/man *") is False
    assert answer("NOEXEC: NOPASSWD: /usr/bin/git *") is True
    assert answer("NOEXEC: NOPASSWD: /usr/bin/git clone *") is True
    assert answer("NOEXEC: NOPASSWD: /usr/bin/dpkg -i *") is True
    assert answer("NOEXEC: NOPASSWD: /usr/bin/dpkg-query") is False
    assert answer("NOEXEC: NOPASSWD: /usr/bin/vim /etc/motd") is True
    assert answer("EXEC: NOPASSWD: /usr/bin/less /var/log/syslog", defaults="noexec") is True
    assert answer("NOEXEC: /bin/ls, EXEC: NOPASSWD: /usr/bin/less /var/log/syslog") is True


def test_who_sets_the_environment_loads_what_they_like() -> None:
    assert answer("SETENV: NOPASSWD: /usr/bin/npu-smi info") is True
    assert answer("NOPASSWD: /usr/bin/npu-smi info, SETENV: /bin/bash /opt/x.sh") is True
    assert answer("NOPASSWD: /usr/bin/python3 /opt/x.py", defaults="setenv") is True
    assert answer("NOPASSWD: /usr/bin/python3 /opt/x.py", defaults='env_keep+="LANG LD_PRELOAD"') is True
    assert answer("SETENV: NOPASSWD: NOSETENV: /usr/bin/npu-smi info") is False


def test_a_longer_name_is_another_program() -> None:
    assert not sudo_escapes.is_known("gov")
    assert not sudo_escapes.chooses("ipvsadm", "*")
    assert not sudo_escapes.chooses("cp", "*")
    assert not sudo_escapes.is_harmless_alone("mandb", "")
    assert not sudo_escapes.escapes("mcopy", "x", OLD)
    assert not sudo_escapes.escapes("shred", "-l x", Era(keeps_home=True))
    assert not sudo_escapes.escapes("kubectl", "-l x", Era(keeps_home=True))


def test_git_alone_starts_no_pager_as_systemctl_does() -> None:
    assert not sudo_escapes.escapes("git", '""', OLD)
    assert sudo_escapes.escapes("systemctl", '""', OLD)


SHELLS = """
sh bash dash zsh ksh mksh lksh pdksh csh tcsh bsd-csh rbash fish ash yash posh sash ksh93 zsh5.8 bash-static zsh5-static
"""


@pytest.mark.parametrize("name", SHELLS.split())
def test_a_shell_is_known_by_its_names(name: str) -> None:
    assert sudo_escapes.SHELL.fullmatch(name)


@pytest.mark.parametrize("name", ["ssh", "push", "nsh", "sash5", "bsd-sh", "sh-", "bash-statics"])
def test_what_is_no_shell(name: str) -> None:
    assert not sudo_escapes.SHELL.fullmatch(name)
