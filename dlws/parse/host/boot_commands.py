"""What a host runs at boot by its administrators' own files: rc.local, cron, systemd's units, the network's scripts.

systemd-rc-local-generator(8), crontab(5) `@reboot`, systemd.service(5) `ExecStart=`, systemd.generator(7),
systemd-sysv-generator(8), interfaces(5) `pre-up` and the scripts in its folders, networkd-dispatcher(8),
NetworkManager-dispatcher(8), cloud-init's Scripts Per Boot, Bootcmd, and its other scripts with the frequency `always`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import yaml

from dlws.parse import plain_yaml
from dlws.parse.text import lines, unparsable

SOURCE: Final = "commands at boot"
_FILE: Final = re.compile(r"== (/\S.*)")
_CRON_FILES: Final = ("/etc/crontab", "/etc/cron.d/", "/var/spool/cron/")
_CRON: Final = re.compile(r"@reboot\s+(\S.*)")
_EXEC: Final = re.compile(r"Exec(?:Start|StartPre|StartPost)\s*=\s*[-+!@:]*(\S.*)")
_UNIT: Final = re.compile(r".*/(?P<unit>[^/]+\.service)(?:\.d/[^/]+\.conf)?")
"""A unit's own file, or one that is dropped into its folder (systemd.unit(5))."""
_CLOUD_FILES: Final = ("/etc/cloud/cloud.cfg", "/var/lib/cloud/instance/")
_CLOUD_SCRIPTS: Final = "/var/lib/cloud/instance/scripts/"
_ONCE: Final = re.compile(r"cloud-init-per\s+(?:once|instance)")
"""cloud-init-per(1): what is not run at every boot."""
_UP: Final = re.compile(r"(?:pre-|post-)?up\s+(\S.*)")
_IPTABLES: Final = re.compile(r"ip6?tables(?:-legacy|-nft)?")
_RESTORE: Final = re.compile(r"ip6?tables(?:-legacy|-nft)?-restore")
_FIREWALLS: Final = re.compile(r"(?:ufw|firewalld|nftables|netfilter-persistent)(?:\.service)?")
_PATH: Final = re.compile(r"(?<![\w./}*-])/[\w./+@-]+")
_OF_PACKAGES: Final = ("/bin/", "/sbin/", "/lib/", "/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/share/")
_OF_THE_KERNEL: Final = ("/dev/", "/proc/", "/sys/")
_VERBS: Final = ("enable", "start", "restart", "reload")


@dataclass(frozen=True, slots=True)
class Command:
    """One command as written, `swapon /swap.img`, and the file that it stands in."""

    file: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.text}"

    @property
    def unit(self) -> str:
        """The unit that it belongs to; "" for a command of no unit."""
        row = _UNIT.fullmatch(self.file)
        return row["unit"] if row else ""

    @property
    def turns_swap_on(self) -> bool:
        """Whether it turns on an area that it names; `swapon -a` turns on those of /etc/fstab."""
        if "-generators/" in self.file and re.search(r"\.swap\b", self.text):
            return True
        for program, words in self._calls():
            areas = [w for w in words if w.startswith(("/", "$", "-L", "-U", "LABEL=", "UUID=", "PARTUUID="))]
            if (program == "swapon" and areas) or (program == "systemctl" and any(w.endswith(".swap") for w in words)):
                return True
        return False

    @property
    def closes_ports(self) -> bool:
        """Whether it turns a firewall on, loads rules from a file, or drops packets by more than a rule for ports."""
        return any(_closes(program, words) for program, words in self._calls())

    @property
    def paths(self) -> tuple[str, ...]:
        """The files that it names and may run: those that are no package's program, nor the kernel's."""
        found = _PATH.findall(self.text)
        return tuple(path for path in found if not path.startswith((*_OF_PACKAGES, *_OF_THE_KERNEL)))

    def _calls(self) -> Iterator[tuple[str, list[str]]]:
        """The programs that it starts, by their names, with the words that follow; those that `sh -c` starts, too."""
        for part in re.split(r"[;&|`(){}]+", re.sub("[\"']", " ", self.text)):
            words = part.split()
            for at, word in enumerate(words):
                yield word.rpartition("/")[2], words[at + 1 :]


def parse(text: str) -> tuple[Command, ...]:
    """The commands, from files each behind a line `== PATH`: units, tables of cron, and shell scripts."""
    found: dict[str, list[str]] = {}
    file = ""
    for line in lines(SOURCE, re.sub(r"\\\n\s*", " ", text)):
        if row := _FILE.fullmatch(line):
            file = row[1]
        elif not file:
            raise unparsable(SOURCE, line)
        else:
            found.setdefault(file, []).append(line)
    return tuple(Command(name, command) for name, block in found.items() for command in _commands(name, block))


def _commands(file: str, block: list[str]) -> list[str]:
    if file.startswith(_CLOUD_FILES) and not file.startswith(_CLOUD_SCRIPTS):
        return [command for command in _bootcmd(file, "\n".join(block)) if not _ONCE.match(command)]
    return [command for line in block if (command := _command(file, line.strip()))]


def _bootcmd(file: str, block: str) -> Iterator[str]:
    """The commands of cloud-init's `bootcmd:`, texts or lists of words, which it runs at every boot."""
    try:
        listed = plain_yaml.load(block)["bootcmd"] or []
        if not isinstance(listed, list):
            raise TypeError(type(listed))
        commands = [" ".join(map(str, one)) if isinstance(one, list) else one.strip() for one in listed]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        raise unparsable(SOURCE, file, "bootcmd not understood in") from None
    yield from (line.strip() for command in commands for line in command.splitlines() if line.strip())


def _command(file: str, line: str) -> str:
    if _UNIT.fullmatch(file):
        row = _EXEC.fullmatch(line)
    elif file.startswith("/etc/network/interfaces"):
        row = _UP.fullmatch(line)
    elif file.startswith(_CRON_FILES):
        row = _CRON.fullmatch(line)
    else:
        return "" if line.startswith("#") else line
    return row[1] if row else ""


def _closes(program: str, words: list[str]) -> bool:
    drops = any(word.lower() in ("drop", "reject") for word in words)
    if _IPTABLES.fullmatch(program):
        return drops and not any(word in ("-D", "--delete", "--dport", "--dports", "--sport") for word in words)
    if program == "nft":
        return drops or "-f" in words or "--file" in words
    if program in ("systemctl", "service"):
        return any(map(_FIREWALLS.fullmatch, words)) and any(word in _VERBS for word in words)
    starts = _FIREWALLS.fullmatch(program) is not None and any(word in ("enable", "start", "restart") for word in words)
    return starts or _RESTORE.fullmatch(program) is not None
