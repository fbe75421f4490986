"""Answers from the evidence of an older suite, which used other commands for the same facts.

A replay of an old run must reach the same verdicts. Before the suite had its own testinfra modules
(`dlws.remote.modules`), three commands were run property by property, or for several names at once: `systemctl show`,
`stat`, `dpkg-query`. Before it knew generations of accelerators, it asked for those of one. It took the
kernel's log whole. An answer that is put together here may lack a field; a module that needs it raises Unknown.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from dlws.parse.host import dpkg
from dlws.record.answer import Answer
from dlws.remote.modules import FILE_FORM

Answers = Mapping[str, Answer]
"""The recorded answers of a host, by command."""
Derived = tuple[Answer, list[str]]
"""An answer, and the commands from whose answers it was made."""

_UNIT = re.compile(r"systemctl show (\S+)(?: -p \w+)+ --no-pager")
_FILE = "stat -L -c "
_FIELDS = {mark: name for name, mark in (field.split("=") for field in FILE_FORM.split("\t"))}
"""`%a` to `mode` and so on."""


def answer_to(command: str, answers: Answers) -> Derived | None:
    """The answer to a command that was not run, from the answers to its older spellings; None if there are none."""
    for derive in _RULES:
        if derived := derive(command, answers):
            return derived
    return None


def _unit_states(command: str, answers: Answers) -> Derived | None:
    """From queries for one property of a unit, or a few of them."""
    if (unit := _UNIT.fullmatch(command)) is None:
        return None
    older = {text: answer for text, answer in answers.items() if (m := _UNIT.fullmatch(text)) and m[1] == unit[1]}
    lines = dict.fromkeys(line for answer in older.values() for line in answer.text.splitlines())
    return _joined(command, older, "".join(f"{line}\n" for line in lines))


def _file_status(command: str, answers: Answers) -> Derived | None:
    """From stat commands with the format that each check needed."""
    path = _path_of(command, FILE_FORM)
    if path is None:
        return None
    older = {text: answer for text, answer in answers.items() if text.startswith(_FILE) and _path_of(text) == path}
    read = [_read_back(shlex.split(text)[3], answer.text.strip()) for text, answer in older.items()]
    fields = dict.fromkeys(field for fields in read for field in fields.items())  # two values of one are Unknown
    return _joined(command, older, "\t".join(f"{name}={value}" for name, value in fields) + "\n")


def _package(command: str, answers: Answers) -> Derived | None:
    """From one query for all packages of a check."""
    name = command.removeprefix(dpkg.QUERY)
    for text, answer in answers.items() if name != command else ():
        if text.startswith(dpkg.QUERY) and name in text.removeprefix(dpkg.QUERY).split():
            rows = [line for line in answer.text.splitlines() if line.startswith(f"{name}\t")]
            out = "".join(f"{row}\n" for row in rows).encode()
            rc = 0 if rows and answer.rc == 1 else answer.rc  # 1: it does not know one of the others
            return replace(answer, command=command, rc=rc, out=out), [text]
    return None


_OLD_KERNEL_LOG = "sed -n '1p; /NVRM: Xid/p'"


def _kernel_log(command: str, answers: Answers) -> Derived | None:
    """From the log of which only Xids were kept: an older suite did not look at NVSwitches."""
    start, _, kept = command.partition("sed -n '1p; /NVRM: Xid/p")
    return _renamed(command, start + _OLD_KERNEL_LOG, answers) if kept else None


_LEFT_OUT = " | LC_ALL=C grep -avE '"


def _day_of_the_kernel(command: str, answers: Answers) -> Derived | None:
    """From the log with what others wrote to it, and with the networks of pods."""
    older, _, left_out = command.replace(" SYSLOG_IDENTIFIER=kernel", "").partition(_LEFT_OUT)
    return _renamed(command, older, answers) if left_out else None


def _npus_on_bus(command: str, answers: Answers) -> Derived | None:
    """From the listing of 910A alone, the only NPUs that an older suite knew, without their ids."""
    if command == "lspci -D -vv -d 19e5::1200":
        return _renamed(command, "lspci -D -vv -d 19e5:d801", answers)
    if command != "lspci -Dnn -d 19e5::1200" or (old := _renamed(command, "lspci -D -d 19e5:d801", answers)) is None:
        return None
    rows = re.sub(r"(?m)^(\S+ [^:]+): (.*?)(?: Device d801)?( \(rev .*)?$", r"\1 [1200]: \2 [19e5:d801]\3", old[0].text)
    return replace(old[0], out=rows.encode()), old[1]


def _npu_modules(command: str, answers: Answers) -> Derived | None:
    """From a question for fewer modules: those that it did not name were not loaded with a driver that needs them."""
    names = _module_names(command)
    for text, answer in answers.items() if names else ():
        asked = _module_names(text)
        if asked and set(asked) < set(names):
            missing = {*answer.text.split(), *(name for name in names if name not in asked)}
            out = "".join(f"{name}\n" for name in names if name in missing)
            return replace(answer, command=command, out=out.encode()), [text]
    return None


def _module_names(command: str) -> list[str]:
    found = re.fullmatch(r"for m in ([\w ]+); do test -d /sys/module/\$m \|\| echo \$m; done", command)
    return found[1].split() if found else []


def _renamed(command: str, older: str, answers: Answers) -> Derived | None:
    """The answer to one older spelling of a command."""
    answer = answers.get(older)
    return None if answer is None else (replace(answer, command=command), [older])


_RULES: tuple[Callable[[str, Answers], Derived | None], ...] = (
    _unit_states,
    _file_status,
    _package,
    _kernel_log,
    _day_of_the_kernel,
    _npus_on_bus,
    _npu_modules,
)


def _joined(command: str, older: Answers, out: str) -> Derived | None:
    """One answer from several about the same object; None if some of them failed and others did not.

    It is cut off if one of them is.
    """
    if not older or len({answer.rc == 0 for answer in older.values()}) > 1:
        return None
    first, truncated = next(iter(older.values())), any(answer.truncated for answer in older.values())
    joined = replace(first, command=command, truncated=truncated)
    return (joined if first.rc != 0 else replace(joined, out=out.encode())), list(older)


def _path_of(command: str, form: str | None = None) -> str | None:
    """The PATH of a `stat -L -c FORM PATH` command; None for another command, or another form."""
    try:
        words = shlex.split(command) if command.startswith(_FILE) else []
    except ValueError:  # a quotation without an end, from a hostile file
        return None
    return words[4] if len(words) == 5 and form in (None, words[3]) else None


def _read_back(form: str, text: str) -> dict[str, str]:
    """The fields in the output of `stat -c FORM`: `%a %U:%G` and `660 root:docker` give mode, user and group."""
    marks = re.findall("%[a-zA-Z]", form)
    values = _between(re.split("%[a-zA-Z]", form), text)
    return {_FIELDS[mark]: value for mark, value in zip(marks, values, strict=False) if mark in _FIELDS}


def _between(separators: Sequence[str], text: str) -> list[str]:
    """What stands between the separators, each at its first place; [] if the text is not of this form.

    A regular expression with a group for each would take polynomial time, and both texts may come from a hostile file.
    """
    first, *others, last = [*separators, ""] if len(separators) == 1 else separators
    inner = text.removeprefix(first).removesuffix(last)
    if len(inner) + len(first) + len(last) != len(text) or "\n" in text:
        return []
    values, at = [], 0
    for separator in others:
        end = inner.find(separator, at + 1)
        if end < 0:
            return []
        values.append(inner[at:end])
        at = end + len(separator)
    return [*values, inner[at:]] if inner[at:] else []
