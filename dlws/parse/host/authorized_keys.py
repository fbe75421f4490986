"""authorized_keys: the keys that may log in (runbook 3.6). Also for `.pub` files."""

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
    """One key, identified by type and blob (base64). `options` as written, or empty."""

    type: str
    blob: str
    options: str
    comment: str


def parse(text: str) -> tuple[Key, ...]:
    """The keys of the file. Raises Unparsable for a line that sshd would reject, such as a truncated key."""
    keys = []
    for line in lines(SOURCE, text):
        if line.lstrip().startswith("#"):
            continue
        key = _LINE.fullmatch(line.strip())
        if key is None or not _is_complete(key["type"], key["blob"]):
            raise unparsable(SOURCE, line)
        keys.append(Key(key["type"], key["blob"], key["options"] or "", (key["rest"] or "").strip()))
    return tuple(keys)


def with_line(text: str, line: str) -> str:
    """The text with this key line appended unless it has it already; every other line is kept."""
    if line in text.splitlines():
        return text
    return (text if not text or text.endswith("\n") else text + "\n") + line + "\n"


def _is_complete(kind: str, blob: str) -> bool:
    """RFC 4253 6.6: length-prefixed fields, the first of which repeats the type; certificates also hold numbers."""
    try:
        rest = base64.b64decode(blob, validate=True)
    except ValueError:
        return False
    fields = []
    while len(rest) >= (size := 4 + int.from_bytes(rest[:4], "big")):
        fields.append(rest[4:size])
        rest = rest[size:]
    starts_well = len(fields) > 1 and fields[0] == kind.encode()
    return starts_well and (not rest or "-cert-" in kind)
