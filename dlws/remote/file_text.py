"""The text of a host's file: as it is, as it is sent, and the attributes of the new file that takes it."""

from __future__ import annotations

from dlws.remote.backend import quoted
from dlws.remote.host import Host
from dlws.verdict import Unknown

OWNER = "o=%s; o=${o:-$(id -u):$(id -g)}"
"""Shell: the owner of what is made, `USER:GROUP`; if none is named, the user as whom commands run."""
KEEP_ATTRIBUTES = 'cp --attributes-only --preserve=mode,ownership,xattr "$f" "$t"'
"""Shell: give the new file `$t` the mode, owner, ACL and extended attributes of the one that it replaces, `$f`."""


def owned(mode: str, owner: str) -> str:
    """Shell commands that give the new file `$t` a mode and an owner."""
    return quoted(f'{OWNER}; chown "$o" "$t"; chmod %s "$t"', owner, mode)


def exact_text(host: Host, path: str) -> str:
    """The exact text of a file; bytes that are not UTF-8 become surrogates. Unknown when it cannot be read."""
    result = host.run("cat %s", path)
    if result.rc != 0:
        raise Unknown(f"{host.name}: cannot read {path}: {result.stderr.strip()}")
    return bytes(result.stdout_bytes).decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """The bytes of a text of `exact_text`."""
    return text.encode("utf-8", "surrogateescape")


def difference(old: str, new: str) -> str:
    """A summary of an edit: `+2 -1 lines`."""
    before, after = old.splitlines(), new.splitlines()
    added = sum(1 for line in after if line not in before)
    removed = sum(1 for line in before if line not in after)
    return f"+{added} -{removed} lines"
