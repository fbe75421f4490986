"""Platforms: the releases of operating systems that hosts may run, by kind of host and architecture.

DEMANDED is the runbook's; a site adds rows in `suite.platforms`:

    suite:
      platforms:
      - {os: ubuntu, release: "20.04", type: gpu}
      - {os: debian, release: "12", archtype: arm64}
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic.functional_validators import AfterValidator

from dlws.config import values
from dlws.config.finding import shown
from dlws.config.section import Section
from dlws.inventory import Arch, Device, Node


def release(text: str) -> str:
    """A release, `20.04`, or a point release, `18.04.1`.

    Which of them the drivers and the Kubernetes packages are there for is the site's to say.
    """
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,2}){0,2}", text):
        raise values.refusal(f"{shown(text)} is no release of Ubuntu or Debian", "write it like 20.04 or 18.04.1")
    return text


class Platform(Section):
    """One row: a release that hosts of a kind and an architecture may run. Without `type` or `archtype` all may.

    The suite installs by apt and dpkg, so there are no rows of other families.
    """

    os: Literal["ubuntu", "debian"]
    release: Annotated[str, AfterValidator(release)]
    type: Device | None = None
    archtype: Arch | None = None

    def __str__(self) -> str:
        return f"{self.os} {self.release}"

    def is_for(self, node: Node) -> bool:
        """Whether it is about a host of this kind and architecture."""
        return self.type in (None, node.device) and self.archtype in (None, node.arch)

    def takes(self, os: str, found: str) -> bool:
        """Whether a release is this one, or one of its point releases."""
        return os == self.os and (found == self.release or found.startswith(f"{self.release}."))


DEMANDED: Final = (
    Platform(os="ubuntu", release="18.04.1", type=Device.NPU),
    *(Platform(os="ubuntu", release="18.04", type=kind) for kind in Device if kind is not Device.NPU),
)
"""Runbook 2.1, on both architectures: the NPU driver of the time is built for the kernel of 18.04.1."""


def demanded(node: Node) -> tuple[Platform, ...]:
    """What the runbook demands of a host."""
    return tuple(row for row in DEMANDED if row.is_for(node))


def accepted(rows: Sequence[Platform], node: Node) -> tuple[Platform, ...]:
    """What a site's own rows accept on a host besides."""
    return tuple(row for row in rows if row.is_for(node))
