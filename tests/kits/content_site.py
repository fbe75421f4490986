"""A site for content: a cluster whose images and packages all come from this machine, and what a fetch makes of it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from bundle.content.fetch import Fetch
from bundle.content.registry import Client
from dlws.config.cluster import Cluster, load
from tests.kits import debs
from tests.kits.config_example import no_dns, write
from tests.kits.proof_cases import HEALTHY
from tests.kits.small_registry import SmallRegistry

NAMES = (
    "curl",
    "dos2unix",
    "nfs-common",
    "parted",
    "docker.io",
    "nvidia-docker2",
    "nfs-kernel-server",
    "resolvconf",
    "ipmitool",
)
KUBE = ("kubeadm", "kubectl", "kubelet")
RELEASE = "ubuntu 18.04"


def cluster(folder: Path, registry: SmallRegistry) -> Cluster:
    """The documentation's cluster without a checkout, its images in the registry."""
    manifest = (HEALTHY / "pod-network.yml").read_text("utf-8")
    (folder / "weave.yaml").write_text(re.sub(r"image: *[^\s,}]+", f"image: {registry.address}/cni:1", manifest))
    at = registry.address
    kubernetes = f"  kubernetes:\n    image_repository: {at}/k8s\n"
    plugins = f"  gpu_probe_image: {at}/cuda\n  device_plugins: {{nvidia: '{at}/nv:1', a910: '{at}/a910:1'}}\n"
    return load(write(folder, ("  kubernetes:\n", plugins + kubernetes)), resolve=no_dns)


def source(folder: Path, of: Cluster, *, but: str = "") -> str:
    """An apt source with the closure of that cluster's packages for both architectures, `but` one."""
    version = f"{of.kubernetes_version.removeprefix('v')}-00"
    listed = "\n".join(f"{of.suite.kubernetes.image_repository}/{name}" for name in KUBEADM_LISTS)
    program = {"usr/bin/kubeadm": f"#!/bin/sh\ncat \"$5\" >/dev/null || exit 1\necho '{listed}'\n"}
    packages = [(name, "1:2.0-1", arch, "libc6") for name in NAMES for arch in ("amd64", "arm64")]
    packages += [(name, version, arch, "libc6") for name in KUBE for arch in ("amd64", "arm64")]
    packages += [("libc6", "2.27-3", arch, "") for arch in ("amd64", "arm64")]
    return debs.source(folder, [one for one in packages if one[0] != but], {"kubeadm": program})


KUBEADM_LISTS = ("kube-apiserver:v1.18.0", "kube-proxy:v1.18.0", "pause:3.2", "etcd:3.4.3-0", "coredns:1.6.7")


def fetch(of: Cluster, line: str, target: Path, *, auths: dict[str, dict[str, str]] | None = None) -> Fetch:
    """Fetch the content of a cluster into a folder."""
    job = Fetch(of, target, Client(auths or {}), {RELEASE: [line]}, lambda text: None)
    job.run()
    return job


def copy(of: Path, target: Path) -> Path:
    """A copy of a content folder, to spoil it."""
    return shutil.copytree(of, target)
