"""/etc/pam.d: whether a service of PAM lets somebody in who gives no password (pam.conf(5), Linux-PAM's dispatch)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from dlws.parse.text import lines, unparsable

SOURCE: Final = "/etc/pam.d"
LIST: Final = f"grep -HiE '^[[:space:]]*(-?auth|@include)[[:space:]]' {SOURCE}/*"
"""The command whose output `files` parses."""
_CONTROLS: Final = {
    "required": {"success": "ok", "ignore": "ignore"},
    "requisite": {"success": "ok", "ignore": "ignore", "default": "die"},
    "sufficient": {"success": "done", "default": "ignore"},
    "optional": {"success": "ok", "default": "ignore"},
}
"""pam.conf(5): what the four words stand for. What is not named is `bad`."""
_ASKS: Final = re.compile(
    r"unix|unix2|sss|sss_gss|ldap|krb5|winbind|radius_auth|tacplus|deny|rootok|fprintd|google_authenticator|u2f|yubico"
    r"|oath|duo|pkcs11|p11|ssh_agent_auth|systemd_home|centrifydc|vas3|lsass"
)
"""Modules that fail without a password, a key or a finger; `rootok` fails for all but root."""
_PASSES: Final = re.compile(
    r"env|cap|group|faildelay|nologin|ecryptfs|mount|gnome_keyring|kwallet5?|warn|echo|faillock|tally2?|keyinit"
)
"""Modules that say neither yes nor no (PAM_IGNORE), or yes only where another one has to say it, too."""
_AGREES: Final = re.compile(r"permit|securetty|shells|succeed_if|listfile|localuser|access|rhosts|time|wheel")
"""Modules that say yes to whom they are meant for, without a password; pam_wheel does if it is told to trust."""
_MOST: Final = 6
"""Modules of which each may say yes or no; more are not gone through in all ways."""
_AUTH: Final = re.compile(r"-?auth\s+(?P<control>\[[^\]]+\]|\S+)\s+(?P<module>\S+)(?P<options>.*)", re.IGNORECASE)
_INCLUDE: Final = re.compile(r"@include\s+(?P<file>\S+)\s*(?:#.*)?")
_DEPTH: Final = 8


@dataclass(frozen=True, slots=True)
class Step:
    """One module of a stack: the line that names it, what follows from its answers, and which answers it may give.

    `is_known`: it is known to say yes without a password.
    """

    line: str
    actions: Mapping[str, str]
    answers: tuple[str, ...]
    is_known: bool


@dataclass(frozen=True, slots=True)
class Opening:
    """A way into a service without a password: the lines that say yes, or may, if their modules are not known."""

    lines: tuple[str, ...]
    is_certain: bool


def files(text: str) -> dict[str, list[str]]:
    """What `LIST` prints: the lines about who is let in, by service. Unparsable."""
    found: dict[str, list[str]] = {}
    for line in lines(SOURCE, text):
        path, colon, rest = line.partition(":")
        if not colon or not path.startswith(f"{SOURCE}/") or rest.endswith("\\"):
            raise unparsable(SOURCE, line)
        found.setdefault(path.rpartition("/")[2], []).append(rest.strip())
    return found


def opening(services: Mapping[str, Sequence[str]], service: str) -> Opening | None:
    """How somebody gets into a service without a password, if at all. Unparsable."""
    steps = tuple(_steps(services, service, 0))
    unsure = [step for step in steps if len(step.answers) > 1]
    if len(unsure) > _MOST:
        raise unparsable(SOURCE, why=f"{service}: {len(unsure)} modules that may say yes")
    doubtful = None
    for answers in product(*(step.answers for step in steps)):
        if said := _yes(steps, answers):
            way = Opening(tuple(" ".join(step.line.split()) for step in said), all(step.is_known for step in said))
            if way.is_certain:
                return way
            doubtful = doubtful or way
    return doubtful


def _steps(services: Mapping[str, Sequence[str]], service: str, depth: int) -> Iterator[Step]:
    if depth > _DEPTH:
        raise unparsable(SOURCE, why=f"{service}: files that include each other")
    for line in services.get(service, ()):
        if included := _INCLUDE.fullmatch(line):
            yield from _steps(services, included["file"].rpartition("/")[2], depth + 1)
        elif (entry := _AUTH.fullmatch(line)) is None:
            raise unparsable(SOURCE, line)
        elif entry["control"].lower() in ("include", "substack"):
            yield from _steps(services, entry["module"].rpartition("/")[2], depth + 1)
        else:
            yield _step(line, entry)


def _step(line: str, entry: re.Match[str]) -> Step:
    control, options = entry["control"].lower(), entry["options"].partition("#")[0].split()
    pairs = (word.partition("=") for word in control.strip("[]").split())
    actions = _CONTROLS.get(control) or {answer: action for answer, _, action in pairs}
    name = entry["module"].rpartition("/")[2].removeprefix("pam_").removesuffix(".so")
    if not all(actions.values()) or not actions:
        raise unparsable(SOURCE, line)
    if _ASKS.fullmatch(name):
        answers: tuple[str, ...] = ("failure",)
    elif _PASSES.fullmatch(name) or (name == "wheel" and "trust" not in options):
        answers = ("ignore",)
    else:
        answers = ("success",) if name == "permit" else ("success", "failure")
    return Step(line, actions, answers, is_known=_AGREES.fullmatch(name) is not None)


def _yes(steps: Sequence[Step], answers: Sequence[str]) -> list[Step]:
    """The steps that have said yes where the stack succeeds, else none: Linux-PAM's _pam_dispatch_aux.

    A stack of which no module counts does not succeed.
    """
    said: list[Step] = []
    verdict: bool | None = None
    skipped = 0
    for step, answer in zip(steps, answers, strict=True):
        if skipped:
            skipped -= 1
            continue
        action = step.actions.get(answer) or step.actions.get("default", "bad")
        if answer == "success" and action != "ignore":
            said.append(step)
        if action.isdecimal():
            skipped = int(action)
        elif action == "reset":
            said, verdict = [], None
        elif action in ("bad", "die"):
            verdict = False
        elif action in ("ok", "done") and answer != "ignore" and verdict is not False:
            verdict = answer == "success"
        if action == "die" or (action == "done" and verdict):
            break
    return said if verdict else []
