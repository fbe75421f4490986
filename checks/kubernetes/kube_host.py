"""K, R, N: Kubernetes on one host: its packages, images, kubelet, and whether what is there is whole."""

from __future__ import annotations

from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_present, expect_that
from dlws.facts.docker import docker_of
from dlws.facts.files import text_of
from dlws.facts.kube_host import (
    HEALTHZ,
    PACKAGES,
    installed_packages,
    kubelets_of,
    membership_of,
    missing_images,
    running_kubeadm,
)
from dlws.inventory import Node, Role
from dlws.kubernetes import membership
from dlws.parse.host import dpkg
from dlws.parse.network import resolv_conf
from dlws.parse.versions import kubernetes
from dlws.remote.host import Host
from dlws.remote.notes import Notes

NO_HEALTH = (7, 22, 28)  # curl's exit statuses: refused, an HTTP error, time-out


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
    expect("kubelet at boot", found=host.service("kubelet").unit_file_state or "not installed", expected="enabled")


@check(
    "K09",
    section="3.11",
    source="kubeadm",
    title_zh="kubelet 运行正常",
    fix="see journalctl -u kubelet; check that swap is off, Docker runs and the cgroup drivers match",
)
def test_kubelet_is_healthy(host: Host) -> None:
    """The kubelet is running and reports itself healthy."""
    kubelet = host.service("kubelet")
    expect("kubelet service", found=[kubelet.active_state, kubelet.sub_state], expected=["active", "running"])
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
    harmful="kubeadm would build upon the remains of another installation, keys and etcd data included",
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
    fix="set another --resolv-conf in /var/lib/kubelet/kubeadm-flags.env or /etc/default/kubelet; restart the kubelet",
)
def test_pods_get_usable_name_servers(host: Host) -> None:
    """The name servers that pods inherit, if any, are not loopback addresses: CoreDNS would query itself."""
    for path in filter(None, dict.fromkeys(kubelet.resolv_conf for kubelet in kubelets_of(host).values())):
        what = f"kubelet's resolv.conf {path}"
        text = expect_present(text_of(host, path), what, found="no file", expected="name servers")
        servers = resolv_conf.written_servers(text)
        expect(f"loopback name servers in {path}", found=resolv_conf.loopback(servers), expected=())


@check(
    "R03",
    section="3.11",
    source="k8s#43805",
    title_zh="kubelet 与 Docker 的 cgroup 驱动一致",
    fix="set cgroupDriver in /var/lib/kubelet/config.yaml to Docker's, with no flag that differs; restart kubelet",
)
def test_cgroup_drivers_agree(host: Host) -> None:
    """The kubelet uses Docker's cgroup driver, now and at its next start."""
    expected = docker_of(host).cgroup_driver
    for when, kubelet in kubelets_of(host).items():
        expect(f"kubelet cgroup driver {when}", found=kubelet.cgroup_driver, expected=expected)
