"""kubeadm, kubelet, kubectl and kubernetes-cni, packaged as in upstream's apt repository."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from lab import debs, kubernetes, mirror
from lab.packages import Package


def packages() -> list[Package]:
    """The four packages; builds Kubernetes first if necessary."""
    binaries = kubernetes.ensure()
    commands = [
        Package(name, binaries.name, partial(_command, binaries / name)) for name in ("kubelet", "kubectl", "kubeadm")
    ]
    return [Package("kubernetes-cni", mirror.codename(), _plugins), *commands]


def _command(binary: Path, folder: Path) -> None:
    place = folder / "usr" / "bin" / binary.name
    place.parent.mkdir(parents=True)
    shutil.copy(binary, place)


def _plugins(folder: Path) -> None:
    place = folder / "opt" / "cni" / "bin"
    place.parent.mkdir(parents=True)
    unpacked = debs.extract(folder.with_name("cni-plugins"), "containernetworking-plugins")
    shutil.copytree(unpacked / "usr" / "lib" / "cni", place)
    shutil.rmtree(unpacked)
