"""Questions that an older suite asked in other words: its evidence answers ours as far as it goes.

A replay of an old run must come to its verdicts. Three questions were once asked property by property, or for several
names at once (before the suite's own testinfra modules, `dlws.remote.modules`): `systemctl show`, `stat`, `dpkg-query`.
What is put together here may lack a field; the module that needs that field raises Unknown then.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace

from dlws.parse.host import dpkg
from dlws.record.answer import Answer
from dlws.remote.modules import FILE_FORM

Known = Mapping[str, Answer]
"""What a host has answered, by command."""
Derived = tuple[Answer, list[str]]
"""An answer, and the commands whose answers it is made of."""

_UNIT = re.compile(r"systemctl show (\S+)(?: -p \w+)+ --no-pager")
_FILE = "stat -L -c "
_FIELDS = {mark: name for name, mark in (field.split("=") for field in FILE_FORM.split("\t"))}
"""`%a` to `mode` and so on."""


def answer_to(command: str, known: Known) -> Derived | None:
    """The answer to a question that was not asked, from those to older spellings of it; None if there are none."""
    for derive in _RULES:
        if found := derive(command, known):
            return found
    return None


def _unit_states(command: str, known: Known) -> Derived | None:
    """Each property was asked for on its own, or with one or two others."""
    if (asked := _UNIT.fullmatch(command)) is None:
        return None
    older = {text: answer for text, answer in known.items() if (m := _UNIT.fullmatch(text)) and m[1] == asked[1]}
    lines = dict.fromkeys(line for answer in older.values() for line in answer.text.splitlines())
    return _joined(command, older, "".join(f"{line}\n" for line in lines))


def _file_status(command: str, known: Known) -> Derived | None:
    """Each check asked for what it needed, in a form of its own."""
    path = _path_of(command, FILE_FORM)
    if path is None:
        return None
    older = {text: answer for text, answer in known.items() if text.startswith(_FILE) and _path_of(text) == path}
    fields = dict[str, str]()
    for text, answer in older.items():
        fields |= _read_back(shlex.split(text)[3], answer.text.strip())
    return _joined(command, older, "\t".join(f"{name}={value}" for name, value in fields.items()) + "\n")


def _package(command: str, known: Known) -> Derived | None:
    """All packages of a check were asked for at once."""
    name = command.removeprefix(dpkg.QUERY)
    for text, answer in known.items() if name != command else ():
        if text.startswith(dpkg.QUERY) and name in text.removeprefix(dpkg.QUERY).split():
            rows = [line for line in answer.text.splitlines() if line.startswith(f"{name}\t")]
            out = "".join(f"{row}\n" for row in rows).encode()
            return replace(answer, command=command, rc=0 if rows else answer.rc, out=out), [text]
    return None


_RULES: tuple[Callable[[str, Known], Derived | None], ...] = (_unit_states, _file_status, _package)


def _joined(command: str, older: Known, out: str) -> Derived | None:
    """One answer for several; one of them that failed stands for all, for they asked about the same thing."""
    failed = [answer for answer in older.values() if answer.rc != 0]
    answers = failed or [replace(answer, out=out.encode()) for answer in older.values()]
    return (replace(answers[0], command=command), list(older)) if answers else None


def _path_of(command: str, form: str | None = None) -> str | None:
    """The file that a `stat -L -c FORM PATH` is about; None for another command, or another form."""
    words = shlex.split(command) if command.startswith(_FILE) else []
    return words[4] if len(words) == 5 and form in (None, words[3]) else None


def _read_back(form: str, text: str) -> dict[str, str]:
    """The fields of what `stat -c FORM` printed: `%a %U:%G` and `660 root:docker`."""
    marks = re.findall("%[a-zA-Z]", form)
    pattern = "".join("(.+?)" if part in marks else re.escape(part) for part in re.split("(%[a-zA-Z])", form))
    found = re.fullmatch(pattern, text)
    pairs = zip(marks, found.groups(), strict=True) if found else ()
    return {_FIELDS[mark]: value for mark, value in pairs if mark in _FIELDS}
