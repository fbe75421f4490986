"""`apt-config dump Unattended-Upgrade`: what unattended-upgrades takes from where, and what it never touches."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from dlws.parse.expression import checked
from dlws.parse.text import lines, unparsable

SOURCE: Final = "apt-config dump"
_ROW: Final = re.compile(r'([\w:./-]{1,200}) "(.*)";')
_ORIGINS: Final = ("unattended-upgrade::allowed-origins::", "unattended-upgrade::origins-pattern::")
_NEVER: Final = "unattended-upgrade::package-blacklist::"
_NAMES_ITS_OWNER: Final = ("o", "origin", "l", "label")
"""The keys of an origin that say whose packages it has. By its codename or archive alone, it may be Docker's, too."""
_OWN_SITE: Final = re.compile(r"(?:[\w-]{1,63}\.){0,3}(?:ubuntu\.com|debian\.org)", re.IGNORECASE)
"""A distribution's own site. A mirror's (mirrors.aliyun.com) has Docker's packages under the same name."""
_MAY_BE_DOCKER: Final = re.compile(r"docker|[*?\[]", re.IGNORECASE)
_OWN_PACKAGES: Final = ("docker-ce", "containerd.io")
"""Docker's own packages, which no distribution has."""


@dataclass(frozen=True, slots=True)
class Unattended:
    """Its origins, as configured, and the expressions for names of packages that it leaves alone."""

    origins: tuple[str, ...]
    never: tuple[str, ...]

    def may_replace(self, package: str) -> bool:
        """Whether it may upgrade a package: it takes some origin's, and no expression begins its name."""
        if package in _OWN_PACKAGES and all(map(_is_anothers, self.origins)):
            return False
        return bool(self.origins) and not any(_begins(expression, package) for expression in self.never)


def parse(text: str) -> Unattended:
    """Its settings. Without any origin it upgrades nothing. Raises Unparsable, also for an expression without end."""
    rows = []
    for line in lines(SOURCE, text):
        row = _ROW.fullmatch(line.strip())
        if row is None:
            raise unparsable(SOURCE, line)
        rows.append((row[1].lower(), row[2]))
    origins = tuple(value for name, value in rows if name in _ORIGINS)
    never = tuple(checked(SOURCE, value) for name, value in rows if name == _NEVER)
    return Unattended(origins, never)


def _is_anothers(origin: str) -> bool:
    """Whether an origin names somebody else than Docker: `Ubuntu:bionic`, `origin=Debian,codename=buster`."""
    pairs = [part.partition("=") for part in origin.split(",")] if "=" in origin else [("o", "", origin.split(":")[0])]
    said = [(key.strip().lower(), value.strip()) for key, _, value in pairs]
    owners = [value for key, value in said if key in _NAMES_ITS_OWNER]
    return any(key == "site" and _OWN_SITE.fullmatch(value) for key, value in said) or any(
        _MAY_BE_DOCKER.search(owner) is None for owner in owners
    )


def _begins(expression: str, package: str) -> bool:
    try:
        return re.match(expression, package) is not None
    except re.error:
        return False
