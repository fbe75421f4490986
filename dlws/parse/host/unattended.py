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
_NOT_DOCKERS: Final = re.compile(
    r"(?:^|(?:o(?:rigin)?|l(?:abel)?|site)=)(?![^,:]*(?:docker|[*?\[]))[^,:=]*(?:[,:]|$)", re.IGNORECASE
)
"""An origin that has none of Docker's own packages, as it names another: `Ubuntu:bionic`, `origin=Debian,n=buster`.

`Docker:bionic`, `o=*` or `site=download.docker.com` has them, and `codename=bionic`, which Docker's is, too.
"""
_OWN_PACKAGES: Final = ("docker-ce", "containerd.io")
"""Docker's own packages, which no distribution has."""


@dataclass(frozen=True, slots=True)
class Unattended:
    """Its origins, as configured, and the expressions for names of packages that it leaves alone."""

    origins: tuple[str, ...]
    never: tuple[str, ...]

    def may_replace(self, package: str) -> bool:
        """Whether it may upgrade a package: it takes some origin's, and no expression begins its name."""
        if package in _OWN_PACKAGES and all(map(_NOT_DOCKERS.search, self.origins)):
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


def _begins(expression: str, package: str) -> bool:
    try:
        return re.match(expression, package) is not None
    except re.error:
        return False
