"""Programs of sudo's rules that start a shell when asked, by pager, editor or prompt, though their words are fixed.

Which ones is GTFOBins' function Sudo and each program's manual.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, NamedTuple

_WILD: Final = re.compile(r"[*?\[]")
SHELL: Final = re.compile(r"(?:ba|da|z|k|mk|lk|pdk|c|tc|bsd-c|rba|fi|a|ya|po)?sh[\d.]*(?:-static)?|sash")
"""The shells by their names in Debian's packages, `ksh93` and `bash-static` among them."""
_NO_PAGER: Final = "--no-pager"
_ACTS: Final = (
    r"start|stop|(?:try-)?re(?:start|load)|(?:try-)?reload-or-(?:try-)?restart|condrestart|force-reload|kill|is-\S+"
    r"|freeze|thaw|isolate|reset-failed|clean|(?:re)?enable|disable|preset\S*|(?:un)?mask|link|revert|add-\S+"
    r"|[gs]et-\S+|(?:un)?set-environment|import-environment|daemon-re\S+|default|rescue|emergency|halt|poweroff|reboot"
    r"|kexec|suspend\S*|hibernate|hybrid-sleep|switch-root|exit|edit|cancel|--version"
)
_LISTS: Final = (
    r"(?:list|show|status|info|tree|introspect|lldp|blame|critical-chain|dump)(?:-\S+)?|\S+-status|-h|--help"
)


class _Words(NamedTuple):
    """With which words a program starts a pager, and which keep it from that, from where they stand on."""

    loud: re.Pattern[str]
    quiet: re.Pattern[str]
    without: bool
    """Whether it starts one with no words."""


def _words(loud: str, quiet: str, *, without: bool) -> _Words:
    return _Words(re.compile(loud), re.compile(quiet), without)


_OTHERS: Final = _words(_LISTS, _NO_PAGER, without=True)
_OF_SYSTEMD: Final = {
    "journalctl": _words(
        r"(?!(?:-[aeqmlxrkN]*f\w*|--follow|--flush|--sync|--rotate|--vacuum-.*|--disk-usage|--verify|--version"
        r"|--header|-F.*|--fields?(?:=.*)?)$).*",
        _NO_PAGER,
        without=True,
    ),
    "systemctl": _words(rf"(?!(?:{_ACTS})$).*", _NO_PAGER, without=True),
    "timedatectl": _words("list-timezones", _NO_PAGER, without=False),
    "localectl": _words(r"list-\S+", _NO_PAGER, without=False),
    "systemd-analyze": _words(_LISTS, _NO_PAGER, without=False),
    **dict.fromkeys(("loginctl", "networkctl", "machinectl", "busctl", "coredumpctl"), _OTHERS),
}
"""Those of systemd. From 247 on they start the pager without its commands for a shell where sudo started them
(systemctl(1), SYSTEMD_PAGERSECURE; CVE-2023-26604)."""
_ALL_LOUD: Final = ("journalctl", "systemctl")
"""Those that page unless a word tells them otherwise."""
_PAGES: Final = {
    "dmesg": _words(r"-[A-Za-z]*H[A-Za-z]*|--human", r"-[A-Za-z]*P[A-Za-z]*|--nopager", without=False),
    "git": _words(
        r"log|diff|show|help|reflog|blame|shortlog|whatchanged|range-diff|-p|--paginate", _NO_PAGER, without=False
    ),
    **dict.fromkeys(("dpkg", "dpkg-query"), _words(r"-l|--list", _NO_PAGER, without=False)),
}
"""Those whose pager knows nothing of sudo."""
_EDITS: Final = {
    "crontab": re.compile(r"-\w*e"),
    "systemctl": re.compile("edit"),
    "kubectl": re.compile("edit"),
    "git": re.compile("rebase|--edit|-i"),
}
"""The words with which a program starts an editor on a file."""
_MYSQL: Final = r"-[AbBcCEfgGHijLnNoqrstTUvwWX]*[eV].*|--execute(?:=.*)?|--version"
"""Letters in front of the `e` take no value: `-uoracle` has none, but a user's name."""
_PROMPTS: Final = {
    **dict.fromkeys(("mysql", "mariadb"), _MYSQL),
    "psql": r"-[aAbeEHnqsStwWxXz01]*[cflV].*|--(?:command|file|list|version).*",
    "sqlite3": r"--?version",
    **dict.fromkeys(("ftp", "sftp", "lftp", "telnet", "mail", "mailx"), "--version"),
}
"""Clients that know a command for a shell at their prompt, and the words with which they show none."""
_PAGERS: Final = re.compile(r"more|man|less")
RUNS_ANYTHING: Final = re.compile(
    r"kubectl|helm|podman|nerdctl|runc|make|cmake|ansible(?:-playbook)?|gcc|go|java|npm|npx|gem|rake|cargo|flock|ltrace"
    r"|capsh|cpulimit|rlwrap|socat|run-parts|start-stop-daemon|sshpass|parallel|numactl|perf|prlimit|firejail|doas|sg"
    r"|(?:ip6?|eb|arp)tables(?:-legacy|-nft)?(?:-save|-restore)?|xtables(?:-legacy|-nft)?-multi|openvpn|mysql|mariadb"
    r"|psql|sqlite3|ftp|sftp|lftp|telnet|mail|mailx|passwd|busctl|machinectl"
)
"""More programs that run what they are told, or change whose password root's is."""
WRITES_ANYTHING: Final = re.compile(r"curl|wget|yum|dnf|rpm|zypper|zip|7z|cpio|unzip|patch|split|sort|setfacl")
"""More programs that write any file, or install any package, when their words are free."""
IDLE_ALONE: Final = re.compile(
    r"cp|mv|ln|install|tee|dd|tar|rsync|scp|sed|chmod|chown|mount|at|git|ssh|insmod|modprobe|useradd|usermod|apt|apt-get"
    r"|dpkg|snap|pip[\d.]*|curl|wget|yum|dnf|rpm|zypper|7z|unzip|sort|setfacl|kubectl|helm|podman|docker|nvidia-docker"
    r"|(?:ip6?|eb|arp)tables(?:-legacy|-nft)?(?:-save)?|xtables(?:-legacy|-nft)?-multi"
)
"""Of all these, those that without any word show their usage, a list, or their own input again. `crontab`, `chpasswd`
and `patch` then do what their input says."""
_MORE_THAN_PAGES: Final = re.compile(r"git|dpkg|systemctl|busctl|machinectl")
_MODPROBE: Final = re.compile(r"(?:-M|--modprobe)(?:=.*)?|-M.+")
"""iptables(8): the program that it runs in the place of modprobe, as root, where a table or a match is missing."""
EDITORS: Final = re.compile(
    r"vimdiff|nvim|rvim|rview|pico|joe|jed|mg|micro|mcedit|mc|most|pg|zless|zmore|lynx|w3m|(?:sensible-)?(?:editor|pager)"
)
"""More editors and pagers in which one key, or one name of a file, is enough."""
FIRST_WORD: Final = re.compile(r"ip|service|systemctl")
"""Those whose first word decides what the others may do: `ip netns exec`, `service ../../bin/sh`, `systemctl edit`."""


@dataclass(frozen=True, slots=True)
class Era:
    """What the host's own sudo and systemd leave open; by default nothing.

    `paged`: systemd is older than 247. `keeps_home`: HOME stays the user's own, as of Ubuntu before 19.10.
    """

    paged: bool = False
    keeps_home: bool = False


CLOSED: Final = Era()


def chooses(name: str, words: str) -> bool:
    """Whether a wildcard stands where a program's first word decides what the others may do."""
    first = next((word for word in words.split() if not word.startswith("-")), "")
    return FIRST_WORD.fullmatch(name) is not None and _WILD.search(first) is not None


def is_known(name: str) -> bool:
    """Whether a program is in one of these tables."""
    tables = (RUNS_ANYTHING, WRITES_ANYTHING, EDITORS, FIRST_WORD)
    return name in _PAGES or name in _OF_SYSTEMD or any(table.fullmatch(name) for table in tables)


def only_pages(name: str) -> bool:
    """Whether the pager is all that a program is dangerous for."""
    return (name in _PAGES or name in _OF_SYSTEMD) and not _MORE_THAN_PAGES.fullmatch(name)


def is_harmless_alone(name: str, words: str) -> bool:
    """Whether a program is nothing but a pager, which NOEXEC keeps from starting anything.

    less(1) also writes files, by its option -O, where its words are free.
    """
    return _PAGERS.fullmatch(name) is not None and not (name == "less" and (not words or _WILD.search(words)))


def escapes(name: str, words: str, era: Era) -> bool:
    """Whether a program with these words, `""` for none and nothing for any, starts a shell when asked."""
    if name in _EDITS and any(map(_EDITS[name].fullmatch, words.split())):
        return True
    if name in _PROMPTS and not any(re.fullmatch(_PROMPTS[name], word) for word in words.split()):
        return True
    if SHELL.fullmatch(name) and era.keeps_home and _reads_own_files(name, words):
        return True
    if EDITORS.fullmatch(name) or ("tables" in name and any(map(_MODPROBE.fullmatch, words.split()))):
        return True
    table = _PAGES | (_OF_SYSTEMD if era.paged else {})
    return name in table and _pages(name, table[name], words)


def _pages(name: str, table: _Words, words: str) -> bool:
    if not words:
        return True
    if words == '""':
        return table.without
    wild = _WILD.search(words)
    if any(map(table.quiet.fullmatch, words[: wild.start()].split() if wild else words.split())):
        return False
    test = all if name in _ALL_LOUD else any
    return wild is not None or test(map(table.loud.fullmatch, words.split()))


def _reads_own_files(name: str, words: str) -> bool:
    """Whether a shell reads files of HOME before its script: as an interactive one (not dash) or a login shell."""
    given = list(takewhile(lambda word: word.startswith("-"), words.split()))
    letters = "".join(word[1:] for word in given if not word.startswith("--"))
    login = ("l" in letters or "--login" in given) and "--noprofile" not in given
    return login or ("i" in letters and "--norc" not in given and name not in ("sh", "dash"))
