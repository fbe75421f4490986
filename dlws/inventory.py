"""The hosts of a cluster and the kind of each host. Pure values; built by `dlws.config.cluster`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """A machine's `role` in config.yaml."""

    INFRASTRUCTURE = "infrastructure"
    WORKER = "worker"


class Arch(StrEnum):
    """A machine's `archtype`: the name Debian, Docker and Kubernetes use."""

    AMD64 = "amd64"
    ARM64 = "arm64"

    @property
    def machine(self) -> str:
        """What `uname -m` prints on such a host."""
        return {"amd64": "x86_64", "arm64": "aarch64"}[self.value]


class Device(StrEnum):
    """A machine's `type`: its accelerators, or its purpose."""

    CPU = "cpu"
    GPU = "gpu"
    NPU = "npu"
    STORAGE = "storage"


class Vendor(StrEnum):
    """A machine's `vendor`; required for gpu (nvidia) and npu (huawei)."""

    NVIDIA = "nvidia"
    HUAWEI = "huawei"


class Origin(StrEnum):
    """The section of config.yaml that lists the machine. Those of the first two are the cluster, the third leave it."""

    MACHINES = "machines"
    SCALE_UP = "scale_up"
    SCALE_DOWN = "scale_down"


@dataclass(frozen=True, slots=True)
class Node:
    """One machine of the cluster.

    `name` is the machine key, the host name and the Kubernetes node name; `address` its private IPv4 address.
    `device_count` is the number of accelerators the configuration promises (0 for cpu and storage).
    """

    name: str
    address: str
    domain: str
    role: Role
    arch: Arch
    device: Device
    origin: Origin
    vendor: Vendor | None = None
    series: str | None = None
    os: str = "ubuntu"
    device_count: int = 0
    ssh_port: int = 22

    @property
    def fqdn(self) -> str:
        """`<name>.<network.domain>`, the name deploy.py addressed the machine by."""
        return f"{self.name}.{self.domain}"

    @property
    def kind(self) -> str:
        """The kind of host: `npu-arm64`, `gpu-amd64`. Hosts of one kind get the same commands."""
        return f"{self.device}-{self.arch}"


@dataclass(frozen=True, slots=True)
class Control:
    """The machine that runs the suite: runbook sections 3.2 to 3.5 happen on it."""

    name: str = "control"
    kind: str = "control"
    role: str = "control"
    address: str = "local"


@dataclass(frozen=True, slots=True)
class Whole:
    """The cluster as a whole: the subject of cross-host facts, such as unique machine ids."""

    name: str = "cluster"
    kind: str = "cluster"
    role: str = "cluster"
    address: str = ""


Target = Node | Control | Whole
