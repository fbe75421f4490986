"""An apt source with a signing key of its own: the key vouches for that source and for no other.

A key in /etc/apt/trusted.gpg.d would be believed for every source of the host, the distribution's included.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path

SOURCES = "/etc/apt/sources.list.d"
KEYRINGS = "/etc/apt/keyrings"
"""From apt 2.4 on the folder of an administrator's keys; an older apt takes any path."""
TRUSTED_FOR_ALL = "/etc/apt/trusted.gpg.d"
"""Where earlier versions of the suite put keys."""
_LINE = re.compile(r"(deb(?:-src)?) +(?:\[ *([^\]]*?) *\] +)?(.+)")
_ARMOUR = re.compile(rb"-----BEGIN PGP PUBLIC KEY BLOCK-----\s*?\n(?:.*\S.*\n)*?\s*\n(.*?)-----END", re.DOTALL)
UNVERIFIED = ("trusted", "allow-insecure", "allow-weak", "allow-downgrade-to-insecure")
"""Options of a source that let apt install what nobody has signed (sources.list(5)), when they are `yes`."""


@dataclass(frozen=True, slots=True)
class AptSource:
    """A source that the suite adds to apt, by name, and the file on the control host with its key, if one is named."""

    name: str
    line: str
    key: Path | None

    @property
    def path(self) -> str:
        """The file on a host that names it."""
        return f"{SOURCES}/dlws-{self.name}.list"

    @property
    def keyring(self) -> str:
        """The file on a host with its key: binary, which the apt of Ubuntu 18.04 (1.6) is sure to read."""
        return f"{KEYRINGS}/dlws-{self.name}.gpg"

    @property
    def former_keyrings(self) -> tuple[str, ...]:
        """The files at which earlier versions of the suite left the key, where it vouches for every source."""
        return tuple(f"{TRUSTED_FOR_ALL}/dlws-{self.name}.{kind}" for kind in ("asc", "gpg"))

    @property
    def text(self) -> str:
        """Its line, bound to its key if it has one."""
        return signed_by(self.line, self.keyring) if self.key else self.line


def options(line: str) -> dict[str, str]:
    """The options of a line of sources.list: `{"arch": "amd64"}`."""
    found = _LINE.fullmatch(line)
    words = (found[2] or "").split() if found else []
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def unverified(line: str) -> list[str]:
    """The options of a line by which apt installs unsigned packages: `trusted=yes`."""
    given = options(line)
    return [f"{name}={given[name]}" for name in UNVERIFIED if given.get(name, "no").lower() not in ("no", "false", "0")]


def signed_by(line: str, keyring: str) -> str:
    """The line with the keyring as the only one that may vouch for its source; a line that names one keeps it."""
    found = _LINE.fullmatch(line)
    if found is None or "signed-by" in options(line):
        return line
    given = [*(found[2] or "").split(), f"signed-by={keyring}"]
    return f"{found[1]} [{' '.join(given)}] {found[3]}"


def binary(key: bytes) -> bytes:
    """An OpenPGP key without its armour; one without armour as it is. ValueError for neither."""
    blocks = _ARMOUR.findall(key.replace(b"\r\n", b"\n"))
    if not blocks:
        if not key or not key[0] & 0x80:  # the first bit of every packet (RFC 4880, 4.2)
            raise ValueError("no OpenPGP key")
        return key
    lines = [[line for line in block.split() if not line.startswith(b"=")] for block in blocks]
    return b"".join(base64.b64decode(b"".join(part), validate=True) for part in lines)
