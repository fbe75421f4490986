"""authorized_keys: which keys may log in (runbook 3.6). Also reads a `.pub` file."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from dlws.parse.text import lines, unparsable

SOURCE = "authorized_keys"
_TYPE = r"(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[A-Za-z0-9@.-]+"
_OPTIONS = r'(?:"(?:\\"|\\(?!")|[^"\\])*"|[^\s"])+'
_LINE = re.compile(
    rf"(?:(?P<options>{_OPTIONS})[ \t]+)??(?P<type>{_TYPE})[ \t]+(?P<blob>[A-Za-z0-9+/]+=*)(?P<rest>[ \t].*)?"
)


@dataclass(frozen=True, slots=True)
class Key:
    """One key; two keys are the same key when type and blob (base64) are equal. `options` as written, or empty."""

    type: str
    blob: str
    options: str
    comment: str


def parse(text: str) -> tuple[Key, ...]:
    """The keys of the file; an empty file has none. A line sshd would not accept (a cut key) is Unparsable."""
    keys = []
    for line in lines(SOURCE, text):
        if line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None or not _is_whole(found["type"], found["blob"]):
            raise unparsable(SOURCE, line)
        keys.append(Key(found["type"], found["blob"], found["options"] or "", (found["rest"] or "").strip()))
    return tuple(keys)


def with_line(text: str, line: str) -> str:
    """The text with this key line at its end, unless it is there already; every other line is kept."""
    if line in text.splitlines():
        return text
    return (text if not text or text.endswith("\n") else text + "\n") + line + "\n"


def _is_whole(kind: str, blob: str) -> bool:
    """RFC 4253 6.6: length-prefixed fields, the first of which repeats the type; certificates hold numbers as well."""
    try:
        rest = base64.b64decode(blob, validate=True)
    except ValueError:
        return False
    fields = []
    while len(rest) >= 4 and len(rest) >= (size := 4 + int.from_bytes(rest[:4], "big")):
        fields.append(rest[4:size])
        rest = rest[size:]
    starts_well = len(fields) > 1 and fields[0] == kind.encode()
    return starts_well and (not rest or "-cert-" in kind)
