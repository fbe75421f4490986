"""The output of many calls made one after the other by a single command.

npu-smi and hccn_tool report one device per call, and a second hccn_tool running at the same time fails as busy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlws.parse.text import clean, unparsable
from dlws.verdict import Unknown

ASK = 'q() { echo "== $*"; timeout -k 1 10 "$@" 2>&1; printf \'\\n== exit %s\\n\' $?; }; '
"""Defines the shell function q, which runs one call for at most 10 s between the marker lines that `parse` expects."""
_WORDS = {124: "no answer within 10 s", 137: "no answer within 10 s", 126: "tool missing", 127: "tool missing"}


@dataclass(frozen=True, slots=True)
class Answers:
    """Exit status and output by call, such as `npu-smi info -t ecc -i 0`."""

    by_call: dict[str, tuple[int, str]]

    def words_of(self, call: str) -> str:
        """What a call printed, whether it failed or not; nothing where it was not made."""
        return self.by_call[call][1] if call in self.by_call else ""

    def output_of(self, call: str) -> str:
        """The output of a call. Raises Unknown if it failed, or was not made."""
        if call not in self.by_call:
            raise unparsable(call, why="no answer")
        status, text = self.by_call[call]
        if status:
            why = _WORDS.get(status, f"exit status {status}")
            raise Unknown(f"{why}: {call}: {text.strip().partition(chr(10))[0][:120] or 'no output'}")
        return text


def parse(text: str) -> Answers:
    """The output of calls by q. Raises Unparsable for a call that did not end or was made twice."""
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
