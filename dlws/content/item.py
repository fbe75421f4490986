"""A thing that an install needs and does not make itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dlws.inventory import Arch


class Kind(StrEnum):
    """What it is, and with that how it gets to a host."""

    PACKAGE = "package"
    """Installed by apt, `kubeadm=1.18.0-00`, with a closure of others for its release and architecture."""
    IMAGE = "image"
    """A container image, by its full name."""
    FILE = "file"
    """A file of the control host that the configuration names."""
    SOURCE = "source"
    """Fetched by what builds the platform's images, or named as a folder. It is brought by hand."""
    TOOL = "tool"
    """A vendor's program that an active check runs. It must be on the hosts."""


class Demand(StrEnum):
    """Whether the install can do without it."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    """A check asks it where a host has it, and is UNKNOWN elsewhere."""


@dataclass(frozen=True, slots=True, order=True)
class Item:
    """One line of the list: a thing for an architecture, the stage or check that needs it, and for which hosts."""

    kind: Kind
    name: str
    arch: Arch
    platform: str
    """Packages: the release of their hosts, `ubuntu 18.04`; else nothing."""
    need: str
    hosts: tuple[str, ...]
    demand: Demand = Demand.REQUIRED

    def __str__(self) -> str:
        return f"{self.kind} {self.name} for {self.made_for}" if self.made_for else f"{self.kind} {self.name}"

    @property
    def made_for(self) -> str:
        """The release and architecture that it is made for: `ubuntu 18.04 arm64`, `arm64`; a text is for all."""
        return "" if self.kind in (Kind.FILE, Kind.SOURCE) else f"{self.platform} {self.arch}".strip()
