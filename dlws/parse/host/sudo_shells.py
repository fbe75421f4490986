"""Which commands of sudo's rules are as good as a root shell, to one who may run them without a password."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from dlws.parse.expression import checked
from dlws.parse.host import sudo_escapes, sudoers
from dlws.parse.host.sudo_escapes import CLOSED, SHELL, Era
from dlws.parse.host.sudoers import Item, Rights

_FOLDERS: Final = ("/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
_USUAL: Final = tuple(f"{folder}/{name}" for folder in _FOLDERS for name in ("bash", "sh", "su", "env", "vi", "tee"))
"""Programs that a rule for a folder, `/usr/bin/` or `/bin/*`, has among others."""
_COPY: Final = "/tmp/copy"
"""What nobody can except from ALL: a copy of a shell, by any name. sudoers(5), Limitations of the `!` operator."""
_RUN: Final = re.compile(
    r"busybox(?:-static)?|toybox|su|sudo|runuser|setpriv|pkexec|chroot|nsenter|unshare"
    r"|env|nice|ionice|nohup|setsid|stdbuf|timeout|time|xargs|taskset|chrt|watch|script|screen|tmux|strace|gdb"
    r"|systemd-run|(?:python|pypy)[\d.]*[dm]?|perl[\d.]*|ruby[\d.]*|node(?:js)?|php[\d.]*|lua[\d.]*|luajit(?:-\S+)?"
    r"|(?:tcl|wi)sh[\d.]*|expect|(?:[gm]|original-|n)?awk|guile[\d.-]*|find|visudo|vipw"
    r"|vim?|vim\.\w+|view|ex|ed|nano|emacs|less|more|man|docker|nvidia-docker|ctr|crictl|lxc"
)
"""Programs that run what they are told, or start a shell when asked: root's, whatever else a rule asks of its words."""
_WRITE: Final = re.compile(
    r"cp|mv|ln|install|tee|dd|tar|rsync|scp|sed|chmod|chown|mount|crontab|at|git|ssh|insmod|modprobe"
    r"|useradd|usermod|adduser|chpasswd|apt|apt-get|dpkg|snap|pip[\d.]*|sudoedit"
)
"""Programs that write any file, or run anything as a job or an install, when their words are free (GTFOBins, function
Sudo)."""
_ASKED: Final = re.compile(r"vim?|vim\.\w+|view|ex|ed|nano|emacs|less|more|man|gdb|screen|tmux|visudo|vipw")
"""Editors and pagers: whatever they show, one key starts a shell in them (GTFOBins, function Shell)."""
_WITHOUT_SCRIPT: Final = re.compile(r"(?:(?:-[abd-zA-Z]*|--(?:login|posix|norc|noprofile)?)(?: |$))+")
"""Words of a shell that name nothing to run: it asks for commands."""
_SUDO_SHELL: Final = re.compile(r"-[is]|--login|--shell")
_SU_TO_ROOT: Final = re.compile(r"(?:-|-l|--login)?(?: ?root)?")
_GUARDED: Final = re.compile(r"/etc/(?:sudoers|shadow|passwd|crontab)")
_DIGEST: Final = re.compile(r"^sha[0-9]+:\S+ +")
_WILD: Final = re.compile(r"[*?\[]")
"""In the words of a program a wildcard matches blanks and slashes, too: sudoers(5), Wildcards in command arguments."""


def opens_root_shell(rights: Rights, era: Era = CLOSED) -> bool | None:
    """Whether the rules let a program be run as root without a password that is as good as a root shell.

    `era` is what the host's own sudo and systemd leave open.

    Of each program the last rule that matches decides. What is subtracted from ALL leaves the others: sudoers(5),
    Limitations of the `!` operator. None where a rule for a group or a time decides.
    """
    answers: dict[str, bool | None] = {}
    for rule in rights.rules:
        if rule.is_for_root is False:
            continue
        for written in rule.items(asks=rights.asks):
            item = written._replace(command=_DIGEST.sub("", written.command))
            takes_away = item.is_excepted or item.asks
            doubtful = rule.is_for_root is None or rule.has_a_period
            for program in _programs(item, [*_USUAL, _COPY, *answers], rights):
                if not takes_away and _is_free(item, program, era, rights):
                    answers[program] = None if doubtful else True
                elif takes_away and not _words(item):
                    answers[program] = False
    return True if True in answers.values() else None if None in answers.values() else False


def is_told(name: str) -> bool:
    """Whether a program runs or writes what its user tells it, with whatever rights it has."""
    return bool(_runs(name) or _WRITE.fullmatch(name) or sudo_escapes.is_known(name))


def _runs(name: str) -> bool:
    return (SHELL.fullmatch(name) or _RUN.fullmatch(name)) is not None


def _programs(item: Item, named: list[str], rights: Rights) -> Iterator[str]:
    """The programs, by path, that a command of a rule is about."""
    path = item.command.partition(" ")[0]
    if is_told(_name(path)) or _sets_the_loader(item, rights):
        yield path
    yield from (program for program in named if _matches(path, program))


def _matches(pattern: str, program: str) -> bool:
    """Whether a command of sudoers(5) names a program: ALL, a folder, or wildcards, which match no slash."""
    if pattern == "ALL" or pattern == f"{program.rpartition('/')[0]}/":
        return True
    if pattern.startswith("^"):
        try:
            return re.fullmatch(checked(sudoers.SOURCE, pattern), program) is not None
        except re.error:
            return False
    parts, named = pattern.split("/"), program.split("/")
    return len(parts) == len(named) and all(map(fnmatchcase, named, parts))


def _is_free(item: Item, program: str, era: Era, rights: Rights) -> bool:
    """Whether the words that the rule demands still leave a shell, or any file."""
    words, name = _words(item), _name(program)
    if _sets_the_loader(item, rights):
        return True
    if "NOEXEC" in item.tags or (rights.forbids_programs_by_default and "EXEC" not in item.tags):
        if sudo_escapes.is_harmless_alone(name, words):
            return False
    elif sudo_escapes.escapes(name, words, era):
        return True
    if sudo_escapes.only_pages(name):
        return False
    if words == '""' and sudo_escapes.IDLE_ALONE.fullmatch(name):
        return False
    if words in ("", "*", '""') or _ASKED.fullmatch(name) or sudo_escapes.chooses(name, words):
        return True
    if name in ("su", "runuser"):
        return _WILD.search(words) is not None or _SU_TO_ROOT.fullmatch(words) is not None
    if name == "passwd":
        return _WILD.search(words) is not None or words == "root"
    if name == "sudoedit":
        return _GUARDED.search(words) is not None
    if SHELL.fullmatch(name) and _WITHOUT_SCRIPT.fullmatch(words):
        return True
    if name == "sudo" and _SUDO_SHELL.fullmatch(words):
        return True
    if _WRITE.fullmatch(name) or sudo_escapes.WRITES_ANYTHING.fullmatch(name):
        return _WILD.search(words) is not None or _GUARDED.search(words) is not None
    runs = _runs(name) or sudo_escapes.RUNS_ANYTHING.fullmatch(name) is not None
    return runs and _WILD.search(words) is not None


def _sets_the_loader(item: Item, rights: Rights) -> bool:
    """Whether the user may set LD_PRELOAD, by which any program runs the user's own code: sudoers(5), SETENV."""
    by_default = rights.sets_by_default and "NOSETENV" not in item.tags
    return "SETENV" in item.tags or by_default or rights.keeps_the_loader


def _words(item: Item) -> str:
    return item.command.partition(" ")[2].strip()


def _name(path: str) -> str:
    return path.rpartition("/")[2]
