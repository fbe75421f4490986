"""K, R, N: Kubernetes on one host: its packages, images, kubelet, and whether what is there is whole."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from checks.docker import docker_of
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_that
from dlws.engine.site import Notes
from dlws.engine.targets import hosts_with_apt_source
from dlws.facts.docker import ARCHITECTURES
from dlws.facts.files import text_of
from dlws.facts.units import unit
from dlws.inventory import Node, Role
from dlws.kubernetes import kubeadm, membership, pod_network
from dlws.kubernetes.image_archives import with_tag
from dlws.parse.host import dpkg
from dlws.parse.host.dpkg import QUERY
from dlws.parse.kubernetes import kubelet
from dlws.parse.network import resolv_conf
from dlws.parse.text import unparsable
from dlws.parse.versions import kubernetes
from dlws.remote.host import Host
from dlws.verdict import Unknown

PACKAGES = ("kubeadm", "kubectl", "kubelet")
SOURCE = "/etc/apt/sources.list.d/dlws-kubernetes.list"
KEY = "/etc/apt/trusted.gpg.d/dlws-kubernetes"
HEALTHZ = "curl -fsS -m 5 http://127.0.0.1:10248/healthz"
NO_HEALTH = (7, 22, 28)  # curl's exit statuses: refused, an HTTP error, time-out


@check(
    "K29",
    section="3.10",
    source="upstream install_kubeadm.sh",
    on=hosts_with_apt_source,
    title_zh="Kubernetes 软件源已配置",
    fix="run pytest -m install --stages kube_source",
)
def test_kubernetes_source(cluster: Cluster, host: Host, notes: Notes) -> None:
    """apt has the configured source of the Kubernetes packages and its signing key."""
    expect(SOURCE, found=text_of(host, SOURCE) or "no file", expected=cluster.suite.kubernetes.apt_source)
    if key := cluster.apt_key:
        path, digest = notes.take(f"sha256sum {key}", lambda: (key_path(key), sha256_of(key)))
        found = host.run_expect([0, 1], "sha256sum %s", path).stdout.split()
        expect("SHA-256 of the signing key", found=found[:1] or "no file", expected=[digest])


@check(
    "K20",
    section="3.10",
    source="upstream install_kubeadm.sh",
    title_zh="kubeadm、kubelet、kubectl 版本与配置一致",
    fix="install the version in k8s-gitbranch; upgrade a running cluster manually with kubeadm",
)
def test_kubernetes_packages(cluster: Cluster, host: Host) -> None:
    """kubeadm, kubelet and kubectl are installed in the version given by k8s-gitbranch."""
    there = installed_packages(host)
    found = [f"{name} {there.get(name, 'not installed')}" for name in PACKAGES]
    wanted = kubernetes(cluster.kubernetes_version)
    right = all(name in there and kubernetes(there[name]) == wanted for name in PACKAGES)
    expect_that(right, "Kubernetes packages", found=found, expected=f"version {wanted.text} of each")


@check(
    "H29",
    section="3.10",
    source="upstream install_kubeadm.sh",
    title_zh="kubeadm、kubelet、kubectl 已锁定版本",
    fix="apt-mark hold kubeadm kubelet kubectl",
)
def test_kubernetes_packages_are_held(host: Host) -> None:
    """kubeadm, kubelet and kubectl are on hold, so that system upgrades leave them alone."""
    held = dpkg.holds(host.read("apt-mark showhold"))
    expect("packages not on hold", found=[name for name in PACKAGES if name not in held], expected=[])


@check(
    "K21",
    section="3.10",
    source="upstream install_kubeadm.sh",
    title_zh="kubelet 开机自启",
    fix="systemctl enable kubelet",
)
def test_kubelet_is_enabled(host: Host) -> None:
    """The kubelet starts at boot."""
    (at_boot,) = unit(host, "kubelet", "UnitFileState")
    expect("kubelet at boot", found=at_boot or "not installed", expected="enabled")


@check(
    "K09",
    section="3.11",
    source="kubeadm",
    title_zh="kubelet 运行正常",
    fix="see journalctl -u kubelet; check that swap is off, Docker runs and the cgroup drivers match",
)
def test_kubelet_is_healthy(host: Host) -> None:
    """The kubelet is running and reports itself healthy."""
    active, sub = unit(host, "kubelet", "ActiveState", "SubState")
    expect("kubelet service", found=[active, sub], expected=["active", "running"])
    answer = host.run_expect([0, *NO_HEALTH], HEALTHZ)
    expect("kubelet healthz", found=answer.stdout.strip() or answer.stderr.strip(), expected="ok")


@check(
    "R17",
    section="3.10",
    source="kubeadm ImagePull",
    title_zh="Kubernetes 镜像已在主机上且架构正确",
    fix="put their archives into suite.image_archives, or set suite.kubernetes.image_repository",
)
def test_kubernetes_images_are_present(node: Node, cluster: Cluster, host: Host, notes: Notes) -> None:
    """The images that Kubernetes and the pod network run here are on the host, for Docker's architecture."""
    expect("missing images", found=missing_images(node, cluster, host, notes), expected=[])


@check("K22", section="3.11", source="kubeadm", title_zh="没有正在运行的 kubeadm", fix="wait for it to finish")
def test_kubeadm_is_not_running(host: Host) -> None:
    """No kubeadm command is changing the host."""
    expect("running kubeadm commands", found=running_kubeadm(host), expected=[])


@check(
    "K23",
    section="3.11",
    source="kubeadm init and join phases",
    title_zh="主机上没有残缺的 Kubernetes 安装",
    fix="inspect it first; to start over, manually and on this host only: kubeadm reset;"
    " rm -r /etc/cni/net.d; then run pytest -m install",
)
def test_kubernetes_is_whole(node: Node, host: Host) -> None:
    """The Kubernetes installation on the host is either complete for its role or absent."""
    found = membership_of(host)
    meant = membership.Part.MASTER if node.role is Role.INFRASTRUCTURE else membership.Part.WORKER
    expected = f"{meant} or none"
    expect_that(found.part in (meant, membership.Part.NONE), "Kubernetes files", found=found.said, expected=expected)


@check(
    "N04",
    section="3.11",
    source="kubeadm#1162",
    title_zh="kubelet 的 resolv.conf 不含回环地址",
    fix="set another --resolv-conf in /var/lib/kubelet/kubeadm-flags.env; restart the kubelet",
)
def test_pods_get_usable_name_servers(host: Host) -> None:
    """The name servers that pods inherit are not loopback addresses, with which CoreDNS would query itself."""
    path = kubelet_of(host).resolv_conf
    text = text_of(host, path)
    expect_that(text is not None, f"kubelet's resolv.conf {path}", found="no file", expected="name servers")
    expect(f"loopback name servers in {path}", found=resolv_conf.parse(text or "").loopback_servers, expected=())


@check(
    "R03",
    section="3.11",
    source="k8s#43805",
    title_zh="kubelet 与 Docker 的 cgroup 驱动一致",
    fix="set cgroupDriver in /var/lib/kubelet/config.yaml to Docker's; restart the kubelet",
)
def test_cgroup_drivers_agree(host: Host) -> None:
    """The kubelet and Docker use the same cgroup driver."""
    expect("kubelet cgroup driver", found=kubelet_of(host).cgroup_driver, expected=docker_of(host).cgroup_driver)


def installed_packages(host: Host) -> dict[str, str]:
    """The versions of those of PACKAGES that are installed."""
    listing = host.run_expect([0, 1], QUERY + " ".join(PACKAGES))
    return {p.name: p.version for p in dpkg.packages(listing.stdout) if p.is_installed}


def running_kubeadm(host: Host) -> list[str]:
    """The command lines of kubeadms that change the host; `kubeadm config images list` is a question of ours."""
    found = [line.split()[1:] for line in host.run_expect([0, 1], "pgrep -ax kubeadm").stdout.splitlines()]
    return [" ".join(words) for words in found if set(words) & {"init", "join", "reset", "upgrade"}]


def membership_of(host: Host) -> membership.Membership:
    """What the host's files say of its part in a cluster."""
    return membership.judge(host.lines(membership.LIST_PATHS))


def kubelet_of(host: Host) -> kubelet.Kubelet:
    """How the kubelet is set up. Unknown when it is not."""
    texts = text_of(host, kubelet.CONFIG), text_of(host, kubelet.FLAGS)
    if texts[0] is None or texts[1] is None:
        raise Unknown(f"{host.name}: the kubelet is not set up: {kubelet.CONFIG} or {kubelet.FLAGS} is missing")
    return kubelet.parse(texts[0], texts[1])


def wanted_images(node: Node, cluster: Cluster, host: Host, notes: Notes) -> list[str]:
    """The images that a host runs: of kubeadm, by its own list for our configuration, and of the pod network."""
    config = kubeadm.init_config(cluster, cgroup_driver="cgroupfs", resolv_conf_path="/etc/resolv.conf")
    listed = kubeadm.images(host.read("printf %%s %s | kubeadm config images list --config /dev/stdin", config))
    own = listed if node.role is Role.INFRASTRUCTURE else kubeadm.node_images(listed)
    network = network_of(cluster, notes) if cluster.cni_manifest else []
    return [*own, *dict.fromkeys(image for workload in network for image in workload.images)]


def network_of(cluster: Cluster, notes: Notes) -> list[pod_network.Workload]:
    """What the pod network's manifest runs. Unknown when it cannot be read, Unparsable when it runs nothing."""
    found = notes.take(
        f"read {cluster.cni_manifest}", lambda: [asdict(w) for w in pod_network.workloads(manifest_of(cluster))]
    )
    return [pod_network.Workload(**{**told, "images": tuple(told["images"])}) for told in found]


def manifest_of(cluster: Cluster) -> str:
    """The text of the pod network's manifest. Unknown when it cannot be read."""
    if cluster.cni_manifest is None:
        raise LookupError("suite.kubernetes.cni_manifest names no manifest")
    return content_of(cluster.cni_manifest).decode("utf-8", "backslashreplace")


def content_of(path: Path) -> bytes:
    """A file that the configuration names. Unknown when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unknown(f"the configuration names {path}: {error.strerror}") from error


def sha256_of(path: Path) -> str:
    """The digest of a file that the configuration names."""
    return hashlib.sha256(content_of(path)).hexdigest()


def key_path(key: Path) -> str:
    """Where apt wants a key: with the suffix that tells armour from binary."""
    return KEY + (".asc" if content_of(key).lstrip().startswith(b"-----BEGIN") else ".gpg")


def missing_images(node: Node, cluster: Cluster, host: Host, notes: Notes) -> list[str]:
    """Those of the images that are not on the host, or are for another architecture than its Docker's."""
    wanted = wanted_images(node, cluster, host, notes)
    arch = host.read("docker version -f '{{.Server.Arch}}'")
    listing = host.run_expect([0, 1], ARCHITECTURES + " ".join(["%s"] * len(wanted)), *wanted)
    if any("no such image" not in line.lower() for line in listing.stderr.splitlines()):
        raise host.unexpected(listing)
    there = dict(pair for line in listing.stdout.splitlines() if line.strip() for pair in _tags(line))
    return [image for image in wanted if there.get(with_tag(image)) != arch]


def _tags(line: str) -> list[tuple[str, str]]:
    """`["busybox:1"] amd64`: each name of an image with its architecture."""
    names, _, arch = line.rpartition(" ")
    try:
        return [(str(name), arch) for name in json.loads(names)]
    except ValueError as error:
        raise unparsable("docker image inspect", line) from error
