"""Answers that somebody pasted for `dlws checks try`: a shell session, or YAML (docs/doubting-a-verdict.md).

    $ nvidia-smi nvlink -s                          atlas01$ before a command of one of several hosts
    GPU 0: NVIDIA H200 (UUID: GPU-5c8b2f4e-0c1d)
    [exit 0]                                        may be left out for 0

In a command `…` or `...` stands for any text, and the `timeout` that the suite puts before it may be left out. A
command of several lines goes on behind `> `. In YAML a command has a text, or a mapping of `out`, `err` and `exit`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from dlws.parse import plain_yaml
from dlws.parse.text import unparsable

SOURCE = "pasted answers"
_PROMPT = re.compile(r"([A-Za-z0-9][\w.-]*)?\$ (.+)")
_EXIT = re.compile(r"\[exit ([0-9]{1,3})\]")
_BOUND = re.compile(r"timeout (?:-k [0-9]+ )?[0-9]+ ")


@dataclass(frozen=True, slots=True)
class Pasted:
    """What a command answered: its output, what it wrote to stderr, its exit status."""

    out: str = ""
    err: str = ""
    status: int = 0


Answers = Mapping[str, Pasted]
"""The answers of a host, by command."""


def read(text: str) -> dict[str, dict[str, Pasted]]:
    """The answers by host, "" for the one that is judged, and by command.

    Raises Unparsable for text that is neither form, and for a command that is there twice.
    """
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    return _session(text) if _PROMPT.fullmatch(first) else _yaml(text)


def answer_to(command: str, answers: Answers) -> str | None:
    """The key of the answer to a command; None if there is none."""
    if command in answers:
        return command
    bare = _BOUND.sub("", command, count=1)
    patterns = ((key, re.compile(".*".join(map(re.escape, re.split(r"…|\.\.\.", key))), re.DOTALL)) for key in answers)
    return next((key for key, pattern in patterns if pattern.fullmatch(command) or pattern.fullmatch(bare)), None)


def template(host: str, command: str) -> str:
    """A command as a session has it, for its answer to be pasted below."""
    first, *more = command.split("\n")
    return "\n".join([f"{host}$ {first}", *(f"> {line}" for line in more)])


def _session(text: str) -> dict[str, dict[str, Pasted]]:
    found: dict[str, dict[str, Pasted]] = {}
    host, command, output = "", "", list[str]()
    for line in [*text.splitlines(), "$ end"]:
        if prompt := _PROMPT.fullmatch(line):
            if command:
                _add(found, host, command, _answer(output))
            host, command, output = prompt[1] or "", prompt[2], []
        elif not output and line.startswith("> "):
            command += "\n" + line.removeprefix("> ")
        else:
            output.append(line)
    return found


def _answer(output: list[str]) -> Pasted:
    while output and not output[-1].strip():
        output.pop()
    status = _EXIT.fullmatch(output[-1].strip()) if output else None
    rows = output[:-1] if status else output
    return Pasted("".join(f"{row}\n" for row in rows), "", int(status[1]) if status else 0)


def _yaml(text: str) -> dict[str, dict[str, Pasted]]:
    try:
        data = plain_yaml.load(text)
    except yaml.YAMLError as error:
        raise unparsable(SOURCE, str(error).replace("\n", " "), "neither a session nor YAML") from None
    if not isinstance(data, dict) or not data:
        raise unparsable(SOURCE, text.strip().partition("\n")[0], "neither a session nor a mapping of commands")
    found: dict[str, dict[str, Pasted]] = {}
    hosts = data.pop("hosts", {})
    for host, answers in [("", data), *(hosts.items() if isinstance(hosts, dict) else [("hosts", None)])]:
        if not isinstance(answers, dict):
            raise unparsable(SOURCE, str(host), "no mapping of commands under")
        for command, answer in answers.items():
            _add(found, str(host), str(command), _given(str(command), answer))
    return found


def _given(command: str, answer: Any) -> Pasted:
    if not isinstance(answer, dict):
        return Pasted(_line("" if answer is None else str(answer)))
    status = answer.get("exit", 0)
    if answer.keys() - {"out", "err", "exit"} or not isinstance(status, int):
        raise unparsable(SOURCE, command, "more than out, err and exit, or an exit that is no number, of")
    return Pasted(_line(str(answer.get("out", ""))), _line(str(answer.get("err", ""))), status)


def _line(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _add(found: dict[str, dict[str, Pasted]], host: str, command: str, answer: Pasted) -> None:
    answers = found.setdefault(host, {})
    if command in answers:
        raise unparsable(SOURCE, command, "twice")
    answers[command] = answer
