"""The answers of many calls that one command has made one after the other.

npu-smi and hccn_tool answer about one device at a time, and a second hccn_tool meanwhile is told that it is busy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import clean, unparsable
from dlws.verdict import Unknown

ASK = 'q() { echo "== $*"; timeout -k 1 10 "$@" 2>&1; printf \'\\n== exit %s\\n\' $?; }; '
"""Defines q, a shell function that makes one call for at most 10 s, between the lines that `parse` looks for."""
_WORDS = {124: "no answer within 10 s", 137: "no answer within 10 s", 126: "tool missing", 127: "tool missing"}


@dataclass(frozen=True, slots=True)
class Answers:
    """By call (`npu-smi info -t ecc -i 0`) its exit status and all that it has printed."""

    by_call: dict[str, tuple[int, str]]

    def output_of(self, call: str) -> str:
        """What the call has printed. Unknown when it failed, or was not made."""
        if call not in self.by_call:
            raise unparsable(call, why="no answer")
        status, text = self.by_call[call]
        if status:
            why = _WORDS.get(status, f"exit status {status}")
            raise Unknown(f"{why}: {call}: {text.strip().partition(chr(10))[0][:120] or 'no output'}")
        return text


def parse(text: str) -> Answers:
    """What the calls by q have printed. Raises Unparsable for a call without its end, or one made twice."""
    by_call: dict[str, tuple[int, str]] = {}
    call, body = "", list[str]()
    for line in clean("answers", text).split("\n"):
        end = re.fullmatch(r"== exit ([0-9]{1,3})", line)
        if end is not None and call:
            by_call[call] = int(end[1]), "\n".join(body)
            call = ""
        elif line.startswith("== ") and end is None and not call and line[3:] not in by_call:
            call, body = line[3:], []
        elif call and not line.startswith("== "):
            body.append(line)
        elif line.strip():
            raise unparsable("answers", line)
    if call or not by_call:
        raise unparsable("answers", call, "no answer, or one without an end")
    return Answers(by_call)
