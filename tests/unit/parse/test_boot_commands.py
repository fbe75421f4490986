"""What a host runs at boot by its administrators' own files, and what of it undoes what an install made."""

from __future__ import annotations

import pytest

from dlws.parse.host import boot_commands
from dlws.parse.host.boot_commands import Command
from dlws.verdict import Unparsable

FIREWALLS = ("ufw", "firewalld", "nftables", "netfilter-persistent")
TABLES = ("iptables", "ip6tables", "iptables-legacy", "ip6tables-nft")
FILES = """\
== /etc/rc.local
#!/bin/sh -e
# swapon /old.img
swapon \\
   /swap.img
exit 0

== /etc/cron.d/site
SHELL=/bin/sh
17 *  * * *   root  swapon /hourly.img
@reboot root /sbin/swapon -L SWAP

== /etc/systemd/system/site.service
[Service]
ExecStart=-/usr/sbin/iptables -P FORWARD DROP

== /etc/systemd/system/docker.service.d/site.conf
[Service]
Environment=HTTP_PROXY=http://proxy
ExecStartPost=/sbin/iptables -I INPUT -j DROP

== /etc/network/interfaces
    pre-up iptables-restore < /etc/iptables.rules
    down swapon /never

== /etc/network/if-pre-up.d/iptables
#!/bin/sh
iptables-restore < /etc/iptables.rules
"""


def test_commands_are_told_from_what_else_is_in_their_files() -> None:
    assert boot_commands.parse(FILES) == (
        Command("/etc/rc.local", "swapon  /swap.img"),
        Command("/etc/rc.local", "exit 0"),
        Command("/etc/cron.d/site", "root /sbin/swapon -L SWAP"),
        Command("/etc/systemd/system/site.service", "/usr/sbin/iptables -P FORWARD DROP"),
        Command("/etc/systemd/system/docker.service.d/site.conf", "/sbin/iptables -I INPUT -j DROP"),
        Command("/etc/network/interfaces", "iptables-restore < /etc/iptables.rules"),
        Command("/etc/network/if-pre-up.d/iptables", "iptables-restore < /etc/iptables.rules"),
    )


def test_a_command_belongs_to_the_unit_of_its_file() -> None:
    units = {command.file: command.unit for command in boot_commands.parse(FILES)}
    assert units["/etc/systemd/system/site.service"] == "site.service"
    assert units["/etc/systemd/system/docker.service.d/site.conf"] == "docker.service"
    assert units["/etc/rc.local"] == units["/etc/network/interfaces"] == ""


@pytest.mark.parametrize(
    "file", ["/opt/site.service.sh", "/opt/site/.service", "/etc/systemd/system/site.service.d/.conf"]
)
def test_a_file_that_systemd_does_not_read_is_none_of_a_unit(file: str) -> None:  # it passes over hidden ones
    assert boot_commands.parse(f"== {file}\nswapon /a\n") == (Command(file, "swapon /a"),)
    assert Command(file, "swapon /a").unit == ""


@pytest.mark.parametrize("file", ["/etc/network/interfaces", "/etc/network/interfaces.d/bond0"])
@pytest.mark.parametrize(("word", "runs"), [("up", True), ("pre-up", True), ("post-up", True), ("pre-down", False)])
def test_of_the_network_s_interfaces_counts_what_brings_them_up(file: str, word: str, *, runs: bool) -> None:
    found = boot_commands.parse(f"== {file}\n    {word} swapon /a\n")
    assert [command.text for command in found] == (["swapon /a"] if runs else [])


def test_a_host_without_such_files_runs_nothing_and_no_name_is_not_understood() -> None:
    assert boot_commands.parse("") == ()
    with pytest.raises(Unparsable):
        boot_commands.parse("swapon /swap.img\n")


CLOUD = """\
== /etc/cloud/cloud.cfg.d/99-site.cfg
bootcmd:
# every boot
- echo 1 > /x
- [sh, -c, "swapon /list"]
- - cloud-init-per
  - instance
  - swap
  - swapon
- cloud-init-per once swap swapon /once
- cloud-init-per always swap swapon /always
- swapon /first; cloud-init-per once swap swapon /then
- "swapon /quoted\\n\\necho done"
- |
  set -e
  swapon /block
"""


def test_a_script_of_cloud_init_is_a_script() -> None:
    path = "/var/lib/cloud/instance/scripts/part-001"
    (found,) = boot_commands.parse(f"== {path}\nbootcmd:\nswapon /swap\n")[-1:]
    assert (found.file, found.text) == (path, "swapon /swap")


@pytest.mark.parametrize("file", ["/etc/cloud/cloud.cfg", "/var/lib/cloud/instance/cloud-config.txt"])
def test_of_cloud_init_s_bootcmd_counts_what_every_boot_runs(file: str) -> None:
    found = boot_commands.parse(CLOUD.replace("/etc/cloud/cloud.cfg.d/99-site.cfg", file))
    assert {command.file for command in found} == {file}
    texts = [command.text for command in found]
    assert texts[:2] == ["echo 1 > /x", "sh -c swapon /list"]
    assert texts[2] == "cloud-init-per always swap swapon /always"
    assert texts[3] == "swapon /first; cloud-init-per once swap swapon /then"
    assert texts[4:] == ["swapon /quoted", "echo done", "set -e", "swapon /block"]


def test_a_file_of_cloud_init_without_bootcmd_runs_nothing() -> None:
    assert boot_commands.parse("== /etc/cloud/cloud.cfg\n\n== /etc/cloud/cloud.cfg.d/x.cfg\nbootcmd:\n") == ()


@pytest.mark.parametrize(
    "written", ["bootcmd: swapon /a", "bootcmd:swapon: [/a]", "bootcmd: [1]", "bootcmd: [", "swapon /a", "- a"]
)
def test_a_bootcmd_that_cloud_init_would_not_run_is_not_understood(written: str) -> None:
    with pytest.raises(Unparsable):
        boot_commands.parse(f"== /etc/cloud/cloud.cfg\n{written}\n")


@pytest.mark.parametrize(
    ("text", "turns_on"),
    [
        ("swapon /swap.img", True),
        ("mkswap /dev/sdb1 && swapon -p 5 /dev/sdb1", True),
        ("systemctl start var-lab.swap", True),
        ("if [ -b /dev/sdb1 ]; then /sbin/swapon -U 5f3c; fi", True),
        ("/bin/sh -c 'sleep 5; swapon /swap.img'", True),
        ('bash -c "swapon /swap.img"', True),
        ("swapon --priority=5 '/swap.img'", True),
        ("swapon $area", True),
        ("swapon LABEL=SWAP", True),
        ("swapon UUID=5f3c", True),
        ("swapon PARTUUID=5f3c", True),
        ("swapon -L SWAP", True),
        ("systemctl start docker", False),
        ("mount /swap.img", False),
        ("swapon -a", False),
        ("swapon --show", False),
        ("swapoff -a", False),
        ("echo no swapon here", False),
    ],
)
def test_swap_is_turned_on_by_an_area_that_is_named(text: str, turns_on: bool) -> None:
    assert Command("/etc/rc.local", text).turns_swap_on is turns_on


def test_a_generator_that_writes_a_swap_unit_turns_swap_on() -> None:
    text = 'ln -s ../var-lab.swap "$1/swap.target.wants/"'
    assert Command("/etc/systemd/system-generators/lab", text).turns_swap_on
    assert not Command("/etc/rc.local", text).turns_swap_on
    assert not Command("/etc/systemd/system-generators/lab", "ln -s ../lab.swapper.mount x").turns_swap_on


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("/opt/site/boot.sh start", ("/opt/site/boot.sh",)),
        ("cd / && /opt/x a//b", ("/opt/x",)),
        ("root bash /root/fw >/var/log/fw.log 2>&1", ("/root/fw", "/var/log/fw.log")),
        ("F=/etc/fw.sh; . $F", ("/etc/fw.sh",)),
        ("/usr/local/bin/site-fw_1.sh --table=/etc/fw@1", ("/usr/local/bin/site-fw_1.sh", "/etc/fw@1")),
        ("/bin/sh -c 'exec /home/a/x'", ("/home/a/x",)),
        ("/sbin/swapon /dev/sdb1", ()),
        ("cat /proc/swaps /sys/x /lib/x /usr/bin/x /usr/sbin/x /usr/lib/x /usr/share/x", ()),
        ("$HOME/x ${HOME}/y ../z ./x a/b */c b-/d", ()),
    ],
)
def test_a_command_names_the_files_that_it_may_run(text: str, paths: tuple[str, ...]) -> None:
    assert Command("/etc/rc.local", text).paths == paths


@pytest.mark.parametrize("file", ["/opt/cron/boot.sh", "/etc/rc.local"])
def test_a_script_runs_all_of_its_lines_whatever_its_name(file: str) -> None:
    assert [command.text for command in boot_commands.parse(f"== {file}\nswapon /a\n")] == ["swapon /a"]


@pytest.mark.parametrize("file", ["/etc/crontab", "/etc/cron.d/site", "/var/spool/cron/crontabs/root"])
def test_of_a_table_of_cron_only_what_a_boot_runs_counts(file: str) -> None:
    found = boot_commands.parse(f"== {file}\n@reboot root swapon /a\n@daily root swapon /b\n")
    assert [command.text for command in found] == ["root swapon /a"]


@pytest.mark.parametrize("key", ["ExecStart", "ExecStartPre", "ExecStartPost", "ExecStop"])
def test_a_unit_runs_what_starts_it_or_goes_with_that(key: str) -> None:
    found = boot_commands.parse(f"== /etc/systemd/system/site.service\n{key} = -+/sbin/swapon /a\n{key}=/b\n")
    assert [command.text for command in found] == ([] if key == "ExecStop" else ["/sbin/swapon /a", "/b"])


@pytest.mark.parametrize(
    ("text", "closes"),
    [
        ("iptables -P INPUT DROP", True),
        ("/sbin/iptables -w -A FORWARD -p tcp -j REJECT", True),
        ("iptables-restore < /etc/iptables.rules", True),
        ("nft -f /etc/site.nft", True),
        ("ufw --force enable", True),
        ("systemctl start firewalld", True),
        ("/bin/sh -c 'iptables-restore /etc/iptables.rules'", True),
        ("/etc/init.d/ufw start", True),
        ("netfilter-persistent start", True),
        *((f"{verb} {name}", True) for verb in ("systemctl enable", "systemctl restart") for name in FIREWALLS),
        *((f"systemctl reload {name}.service", True) for name in FIREWALLS),
        *((f"{name} restart", True) for name in FIREWALLS),
        ("service ufw start", True),
        ("service nftables reload", True),
        ("docker-compose -p ufw-exporter start", False),
        ("systemctl enable docker", False),
        ("systemctl status ufw", False),
        ("docker restart ufw", False),
        ("ufw status", False),
        *((f"{tool} -A INPUT -j DROP", True) for tool in TABLES),
        *((f"{tool}-restore /etc/site", True) for tool in TABLES),
        ("iptables-restore-translate /etc/site", False),
        ("nft add rule inet filter input drop", True),
        ("nft --file /etc/site.nft", True),
        ("nft list ruleset", False),
        ("nft add rule inet filter input accept", False),
        ("iptables --delete INPUT -j DROP", False),
        ("iptables -A INPUT -p tcp -m multiport --dports 25,587 -j DROP", False),
        ("iptables -A INPUT -p tcp --sport 25 -j DROP", False),
        ("netfilter-persistent save", False),
        ("iptables -A INPUT -p tcp --dport 25 -j DROP", False),
        ("iptables -P FORWARD ACCEPT", False),
        ("iptables -D FORWARD -j DROP", False),
        ("systemctl stop ufw", False),
        ("nvidia-smi -pm 1", False),
    ],
)
def test_a_firewall_is_turned_on(text: str, closes: bool) -> None:
    assert Command("/etc/rc.local", text).closes_ports is closes
