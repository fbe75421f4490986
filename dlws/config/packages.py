"""`suite.packages` and `suite.apt_sources`: what runbook 3.8 and 3.12 install, and where a host gets it from."""

from __future__ import annotations

from typing import Annotated

from pydantic.functional_validators import AfterValidator

from dlws.config import values
from dlws.config.section import Section
from dlws.inventory import Device

Package = Annotated[str, AfterValidator(values.package)]
AptLine = Annotated[str, AfterValidator(values.apt_source)]
AptSourceName = Annotated[str, AfterValidator(values.apt_source_name)]


class Packages(Section):
    """`suite.packages`: what runbook section 3.8 installs, by Debian package name."""

    docker: tuple[Package, ...] = ("docker.io",)
    gpu_runtime: tuple[Package, ...] = ("nvidia-docker2",)
    node: tuple[Package, ...] = ("curl", "dos2unix", "nfs-common", "parted")
    """Those of upstream prepare_ubuntu.sh that the rest of the runbook still uses."""
    nfs_server: tuple[Package, ...] = ("nfs-kernel-server",)
    """For hosts that serve a share (3.12); the client's, nfs-common, is one of `node`."""


class AptSource(Section):
    """One of `suite.apt_sources`, as upstream's prepare_ubuntu.sh adds Docker's and NVIDIA's."""

    line: AptLine
    """A line of sources.list."""
    key_file: Annotated[str, AfterValidator(values.one_line)] | None = None
    """The key that signs it, binary or armoured; relative to the configuration file."""
    type: Device | None = None
    """The kind of host that has it; not set: all."""
