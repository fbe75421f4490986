"""Kubernetes on one host: its packages, images, kubelet, and part in a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dlws.config.cluster import Cluster
from dlws.config.kept import kept
from dlws.facts.docker import docker_architecture, image_architectures
from dlws.facts.files import configured_file, text_of
from dlws.inventory import Node, Role
from dlws.kubernetes import kubeadm, membership, pod_network
from dlws.kubernetes.image_archives import with_tag
from dlws.parse import versions
from dlws.parse.kubernetes import kubelet
from dlws.remote.host import Host
from dlws.remote.notes import Notes
from dlws.verdict import Unknown

PACKAGES = ("kubeadm", "kubectl", "kubelet")
KUBELET_WORDS = (
    "p=$(systemctl show kubelet -p MainPID) && p=${p#MainPID=} && if test $p -gt 0; then"
    r" tr '\0' '\n' </proc/$p/cmdline; fi"
)
KUBELET_UNIT = (
    "u=$(systemctl cat kubelet) && printf '%s\\n' \"$u\" |"
    r" sed -n -E ':a; /\\$/{N; s/\\\n//; ba}; /:\/\/[^/]*@/d; /^ExecStart=/p; /^Environment=.*KUBELET_/p'"
)
"""How systemd starts the kubelet; a proxy's password, which may stand there too, stays on the host."""
HEALTHZ = "curl -fsS -m 5 http://127.0.0.1:10248/healthz"


def installed_packages(host: Host) -> dict[str, str]:
    """The versions of those of PACKAGES that are installed: `{"kubelet": "1.20.15-00"}`."""
    found = {name: host.package(name) for name in PACKAGES}
    return {name: package.version for name, package in found.items() if package.is_installed}


def packages_of(cluster: Cluster) -> list[str]:
    """PACKAGES in the cluster's version, as apt takes them: `kubelet=1.18.0-00`."""
    return [f"{name}={package_version(cluster)}" for name in PACKAGES]


def package_version(cluster: Cluster) -> str:
    """The version of PACKAGES, as Debian has it: `1.18.0-00`."""
    return versions.kubernetes(cluster.kubernetes_version).text + cluster.suite.kubernetes.package_suffix


def package_files(folder: Path, arch: str, version: str) -> list[Path]:
    """The packages of a folder for an architecture: `PACKAGES` in this version, and all others, their dependencies.

    Raises FileNotFoundError if one of `PACKAGES` is missing.
    """
    fitting = [deb for deb in sorted(folder.glob("*.deb")) if deb.stem.rpartition("_")[2] in (arch, "all")]
    ours = [deb for deb in fitting if deb.name.partition("_")[0] in PACKAGES]
    right = [deb for deb in ours if deb.stem.split("_")[1] == version]
    if missing := set(PACKAGES) - {deb.name.partition("_")[0] for deb in right}:
        raise FileNotFoundError(f"{folder}: no {', '.join(sorted(missing))} {version} for {arch}")
    return [*(deb for deb in fitting if deb not in ours), *right]


def running_kubeadm(host: Host) -> list[str]:
    """The command lines of kubeadms that change the host; `kubeadm config images list` is a question of ours."""
    found = [line.split()[1:] for line in host.run_expect([0, 1], "pgrep -ax kubeadm").stdout.splitlines()]
    return [" ".join(words) for words in found if set(words) & {"init", "join", "reset", "upgrade"}]


def membership_of(host: Host) -> membership.Membership:
    """What the host's files say of its part in a cluster."""
    return membership.judge(host.lines(membership.LIST_PATHS))


def kubelets_of(host: Host) -> dict[str, kubelet.Kubelet]:
    """How the kubelet starts next, as `at its next start`, and how it runs, as `now`. Unknown when it is not set up."""
    texts = text_of(host, kubelet.CONFIG), text_of(host, kubelet.FLAGS)
    if texts[0] is None or texts[1] is None:
        raise Unknown(f"{host.name}: the kubelet is not set up: {kubelet.CONFIG} or {kubelet.FLAGS} is missing")
    running = host.read(KUBELET_WORDS)
    now = {"now": kubelet.running(texts[0], running)} if running else {}
    defaults, unit = text_of(host, kubelet.DEFAULTS) or "", host.read(KUBELET_UNIT)
    return now | {"at its next start": kubelet.parse(texts[0], texts[1], defaults, unit)}


def wanted_images(node: Node, cluster: Cluster, host: Host, notes: Notes) -> list[str]:
    """The images that a host runs: of kubeadm, by its own list for our configuration, and of the pod network."""
    command = "printf %%s %s | kubeadm config images list --config /dev/stdin"
    listed = kubeadm.images(host.read(command, _configuration(cluster)))
    own = listed if node.role is Role.INFRASTRUCTURE else kubeadm.node_images(listed)
    network = pod_network_of(cluster, notes) if cluster.cni_manifest else []
    return [*own, *dict.fromkeys(image for workload in network for image in workload.images)]


@kept
def _configuration(cluster: Cluster) -> str:
    """The configuration whose images are listed: these do not depend on the cgroup driver or on name servers."""
    return kubeadm.init_config(cluster, cgroup_driver="cgroupfs", resolv_conf_path="/etc/resolv.conf")


def pod_network_of(cluster: Cluster, notes: Notes) -> list[pod_network.Workload]:
    """What the pod network's manifest runs. Unknown when it cannot be read, Unparsable when it runs nothing."""
    if cluster.cni_manifest is None:
        raise LookupError("suite.kubernetes.cni_manifest is not set")
    workloads = notes.take(
        f"read {cluster.written(cluster.cni_manifest)}",
        lambda: [asdict(w) for w in pod_network.workloads(pod_network_manifest(cluster))],
    )
    return [pod_network.Workload(**{**fields, "images": tuple(fields["images"])}) for fields in workloads]


def pod_network_manifest(cluster: Cluster) -> str:
    """The text of the pod network's manifest. Unknown when it cannot be read."""
    if cluster.cni_manifest is None:
        raise LookupError("suite.kubernetes.cni_manifest is not set")
    return configured_file(cluster.cni_manifest).decode("utf-8", "backslashreplace")


def missing_images(node: Node, cluster: Cluster, host: Host, notes: Notes) -> list[str]:
    """Those of the images that are not on the host, or are for another architecture than its Docker's."""
    wanted = wanted_images(node, cluster, host, notes)
    arch, there = docker_architecture(host), image_architectures(host, wanted)
    return [image for image in wanted if there.get(image, there.get(with_tag(image))) != arch]


def kubelet_settings(host: Host) -> Mapping[str, Any]:
    """The settings in the kubelet's configuration file: `{"cgroupDriver": "systemd", ...}`."""
    return kubelet.settings(host.read("cat %s", kubelet.CONFIG))
