"""/etc/pam.d: whether a service of PAM lets somebody in who gives no password (pam.conf(5), libpam/pam_handlers.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from dlws.parse.host.pam_modules import CODES, Answers, answers
from dlws.parse.host.pam_stack import Outcome, Step, way
from dlws.parse.text import clean, unparsable

SOURCE: Final = "/etc/pam.d"
FOLDERS: Final = (SOURCE, "/usr/lib/pam.d")
"""Where libpam looks for a file, in this order (_pam_open_config_file; the second one since Linux-PAM 1.3)."""
LIST: Final = (
    f'for f in {FOLDERS[0]}/* {FOLDERS[1]}/*; do [ -f "$f" ] || [ "$f" -ef /dev/null ] || continue;'
    """ t=$(LC_ALL=C sed 's/[[:blank:]]*#.*/#/' "$f") || { [ -e "$f" ] || continue; exit 2; };"""
    ' printf "== %s\\n%s\\n" "$f" "$t"; done'
)
"""The command whose output `files` parses: each file, without the texts of comments.

A file that is gone when it is to be read is left out. A link to /dev/null is an empty file, and hides the vendor's.
"""
_HEAD: Final = re.compile(rf"== (?P<path>(?:{FOLDERS[0]}|{FOLDERS[1]})/[^/]+)")
_OTHER: Final = "other"
"""The service that holds for one without a file or without lines for what is asked (PAM_DEFAULT_SERVICE)."""
_TYPES: Final = ("account", "session", "password")
_CONTROLS: Final = {
    "required": {"success": "ok", "ignore": "ignore"},
    "requisite": {"success": "ok", "ignore": "ignore", "default": "die"},
    "sufficient": {"success": "done", "default": "ignore"},
    "optional": {"success": "ok", "default": "ignore"},
}
"""pam.conf(5): what the four words stand for. What is not named is `bad`."""
_TOKEN: Final = re.compile(r"\[(?P<inside>(?:\\\]|[^\]])*)\]?|(?P<word>[^ \t]+)")
"""_pam_tokenize: a word, or all that is in brackets."""
_ACTION: Final = re.compile(
    rf"[ \t\v\f]*(?P<code>default|{'|'.join(CODES)})[ \t\v\f]*="
    r"[ \t\v\f]*(?P<action>ignore|ok|done|bad|die|reset|0*[0-9]{1,10})"
)
"""_pam_parse_control: nothing has to stand between two of them."""
_LONGEST: Final = 2**31 - 1
"""INT_MAX. Beyond it a jump overflows up to Linux-PAM 1.5, and from 1.6 on the control is wrong."""
_DEPTH: Final = 15
"""PAM_SUBSTACK_MAX_LEVEL: that many files deep a file may be included."""
_MOST: Final = 250
"""Lines that a stack may have; PAM's own have thirty."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A way into a service without a password: the lines that say yes, or may, if their modules are not known."""

    lines: tuple[str, ...]
    is_certain: bool


def files(text: str) -> dict[str, list[str]]:
    """What `LIST` prints: the lines of each file, by its path. Unparsable."""
    found: dict[str, list[str]] = {}
    here: list[str] | None = None
    for line in clean(SOURCE, text).split("\n"):
        if head := _HEAD.fullmatch(line):
            here = found.setdefault(head["path"], [])
        elif here is not None:
            here.append(line)
        elif line.strip():
            raise unparsable(SOURCE, line)
    if here is None:
        raise unparsable(SOURCE, why="no output")
    return found


def opening(listed: Mapping[str, Sequence[str]], service: str) -> Opening | None:
    """How somebody gets into a service without a password, if at all. Unparsable."""
    steps = _stack(listed, service) or _stack(listed, _OTHER)
    refusing = [step if step.is_known else _refusing(step) for step in steps]
    for is_certain, stack in ((True, refusing), (False, steps)):
        if said := way(stack):
            return Opening(tuple(" ".join(step.line.split()) for step in said), is_certain)
    return None


def _refusing(step: Step) -> Step:
    """A step whose module nobody knows, as it is if that one asks for a password."""
    return replace(step, outcomes=tuple(outcome for outcome in step.outcomes if outcome.answer == "failure"))


def _stack(listed: Mapping[str, Sequence[str]], service: str) -> list[Step]:
    """The modules that a service of that name has in its file, none where it has no file."""
    path = _path(listed, service)
    taken = list(islice(_steps(listed, path, 0, 0), _MOST + 1)) if path else []
    if len(taken) > _MOST:
        raise unparsable(SOURCE, why=f"{service}: more than {_MOST} lines")
    return [step for step in taken if step is not None]


def _path(listed: Mapping[str, Sequence[str]], name: str) -> str | None:
    paths = [name] if name.startswith("/") else [f"{folder}/{name}" for folder in FOLDERS]
    return next((path for path in paths if path in listed), None)


def _steps(listed: Mapping[str, Sequence[str]], path: str, depth: int, level: int) -> Iterator[Step | None]:
    """The steps of a file and of what it includes, with None for each line that includes one."""
    if depth > _DEPTH:
        raise unparsable(SOURCE, why=f"{path}: files that include each other")
    for line in _joined(path, listed[path]):
        kind, *words = _tokens(line)
        kind = kind.removeprefix("-").lower()
        if kind == "@include":  # Debian's patch 031_pam_include
            words.insert(0, "include")
        if kind in _TYPES:
            continue
        control = words[0].lower() if words else ""
        if control not in ("include", "substack"):
            yield _step(line, kind, words, level)
            continue
        inside = level + (control == "substack")
        yield Step(line, level, ()) if inside > level else None
        yield from _steps(listed, _included(listed, line, words), depth + 1, inside)


def _included(listed: Mapping[str, Sequence[str]], line: str, words: Sequence[str]) -> str:
    """The path of the file that a line includes. Unparsable where it is not listed.

    libpam lets a service fail whose file includes one that is not there; but it may lie elsewhere, or be hidden.
    """
    path = _path(listed, words[1]) if len(words) > 1 else None
    if path is None:
        raise unparsable(SOURCE, line, "a file that is not in the folder")
    return path


def _joined(path: str, physical: Sequence[str]) -> Iterator[str]:
    r"""The lines of a file without comments, those joined that end with `\` (_pam_assemble_line). Unparsable.

    Blank lines and comments in between end the line from Linux-PAM 1.6.1 on and do not in older ones. A line that is
    not ended makes libpam give the file up.
    """
    begun = ""
    for line in physical:
        text, comment, _ = line.partition("#")
        if begun and not text.strip():
            break
        text = text.rstrip(" \t")
        if text.endswith("\\") and not comment:
            begun += f"{text[:-1]} "
            continue
        if whole := f"{begun}{text}".strip(" \t"):
            yield whole
        begun = ""
    if begun:
        raise unparsable(SOURCE, begun, f"{path}: a line that is not ended")


def _tokens(line: str) -> list[str]:
    found = _TOKEN.finditer(line)
    return [token["word"] or token["inside"].replace("\\]", "]") for token in found]


def _step(line: str, kind: str, words: Sequence[str], level: int) -> Step:
    """A line that names a module. One of no known type, or without a module, fails (PAM_HT_MUST_FAIL)."""
    control, *module = words or [""]
    actions = _CONTROLS.get(control.lower()) or _actions(control)
    said = answers(module[0], module[1:]) if module and kind == "auth" else Answers(("perm_denied",))
    default = actions.get("default", "bad")
    outcomes = (
        Outcome(code if code in ("success", "ignore") else "failure", actions.get(code, default)) for code in said.codes
    )
    return Step(line, level, tuple(dict.fromkeys(outcomes)), said.is_known)


def _actions(control: str) -> dict[str, str]:
    """What follows from which answer, by the text in brackets. Where it is wrong all is `bad`, as is what is not named.

    Unparsable for a jump too long for a number.
    """
    text, at, found = control.rstrip(" \t\v\f"), 0, dict[str, str]()
    while at < len(text):
        if (pair := _ACTION.match(text, at)) is None or not (action := pair["action"].lstrip("0")):
            return {}
        if action.isdecimal() and int(action) > _LONGEST:
            raise unparsable(SOURCE, control, "a jump that versions of libpam read in different ways")
        if pair["code"] == "default":
            found.setdefault("default", action)
        else:
            found[pair["code"]] = action
        at = pair.end()
    return found
