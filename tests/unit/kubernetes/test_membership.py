"""A host's part in a cluster by its files; what a kubelet is set to; a pod network's manifest; archives of images."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from dlws.kubernetes import membership, pod_network
from dlws.kubernetes.membership import CONTROL_PLANE, NODE, Part, judge
from dlws.parse.kubernetes import kubelet
from dlws.verdict import Unparsable

CONFIG = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ncgroupDriver: systemd\n"
MANIFEST = """\
kind: List
items:
- {kind: ServiceAccount, metadata: {name: net}}
- kind: DaemonSet
  metadata: {name: net, namespace: kube-system}
  spec:
    template:
      spec:
        initContainers: [{name: a, image: "net/init:1"}]
        containers: [{name: b, image: "net/net:1"}, {name: c, image: "net/npc:1"}]
"""


def test_a_host_without_any_file_has_no_part() -> None:
    assert judge([]).part is Part.NONE


def test_whole_hosts_are_told_apart() -> None:
    assert judge(NODE).part is Part.WORKER
    assert judge([*NODE, "/var/lib/kubelet/kubeadm-flags.env"]).part is Part.WORKER
    assert judge([*NODE, *CONTROL_PLANE]).part is Part.MASTER


@pytest.mark.parametrize("missing", [*NODE, *CONTROL_PLANE])
def test_a_master_that_lacks_one_file_is_half_done_and_says_which(missing: str) -> None:
    found = judge(path for path in (*NODE, *CONTROL_PLANE) if path != missing)
    assert found.part is Part.HALF
    assert f"without {missing}; there: " in found.said


def test_a_join_that_broke_off_is_half_done() -> None:
    found = judge(["/etc/kubernetes/bootstrap-kubelet.conf", membership.CA])
    assert found.part is Part.HALF
    assert "part of a worker" in found.said
    assert membership.KUBELET_CONF in found.said.partition("without")[2].partition("there")[0]


def test_a_path_nobody_asked_for_is_not_understood() -> None:
    with pytest.raises(Unparsable):
        judge(["/etc/passwd"])


def test_the_hash_of_a_ca_is_kubeadms(tmp_path: Path) -> None:
    key, cert = tmp_path / "key", tmp_path / "crt"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-subj", "/CN=k"]
    subprocess.run(words, check=True, capture_output=True)
    recipe = f"openssl x509 -pubkey -in {cert} | openssl pkey -pubin -outform der | openssl dgst -sha256 -hex"
    theirs = subprocess.run(recipe, shell=True, check=True, capture_output=True, text=True).stdout.split()[-1]  # noqa: S602
    assert membership.ca_hash(cert.read_text()) == f"sha256:{theirs}"
    data = base64.b64encode(cert.read_bytes()).decode()
    text = f"    certificate-authority-data: {data}\n    server: https://atlas02.sigsus.cn:6443\n"
    assert membership.public_parts(text) == membership.Public(f"sha256:{theirs}", "https://atlas02.sigsus.cn:6443", "")


@pytest.mark.parametrize("text", ["", "server: https://x\n", "certificate-authority-data: AAAA\nserver: https://x\n"])
def test_a_kubeconfig_without_a_ca_is_not_understood(text: str) -> None:
    with pytest.raises(Unparsable):
        membership.public_parts(text)


def test_a_flag_outweighs_kubelets_file() -> None:
    flags = 'KUBELET_KUBEADM_ARGS="--cgroup-driver=cgroupfs --network-plugin=cni --node-ip=192.168.3.2"\n'
    assert kubelet.parse(CONFIG, flags) == kubelet.Kubelet("cgroupfs", "/etc/resolv.conf", "192.168.3.2")
    assert kubelet.parse(CONFIG, 'KUBELET_KUBEADM_ARGS=""').cgroup_driver == "systemd"


@pytest.mark.parametrize(("config", "flags"), [("", 'KUBELET_KUBEADM_ARGS=""'), (CONFIG, ""), ("a: [", "")])
def test_half_a_kubelet_is_not_understood(config: str, flags: str) -> None:
    with pytest.raises(Unparsable):
        kubelet.parse(config, flags)


def test_a_pod_network_is_what_its_manifest_runs() -> None:
    assert pod_network.workloads(MANIFEST) == (
        pod_network.Workload("daemonset", "kube-system", "net", ("net/init:1", "net/net:1", "net/npc:1")),
    )


@pytest.mark.parametrize(
    "text",
    [
        *("", "kind: ConfigMap\nmetadata: {name: x}\n", "kind: [", "- 1\n", "kind: DaemonSet\n"),
        *("kind: DaemonSet\nat: 2027-02-30\n", f"kind: {'[' * 5000}", 'kind: !!int ""\n'),
    ],
)
def test_a_manifest_that_runs_nothing_is_no_pod_network(text: str) -> None:
    with pytest.raises(Unparsable):
        pod_network.workloads(text)


@pytest.mark.parametrize(
    ("flags", "defaults", "driver"),
    [
        ('KUBELET_KUBEADM_ARGS="--cgroup-driver cgroupfs"', "", "cgroupfs"),
        ("KUBELET_KUBEADM_ARGS='--cgroup-driver=cgroupfs --x'", "", "cgroupfs"),
        ("KUBELET_KUBEADM_ARGS=--cgroup_driver=cgroupfs --x", "", "cgroupfs"),
        ("# by kubeadm\n; x\n\nKUBELET_KUBEADM_ARGS=--cgroup-driver=cgroupfs", "", "cgroupfs"),
        ('KUBELET_KUBEADM_ARGS=""\nKUBELET_EXTRA_ARGS="--cgroup-driver=cgroupfs"', "", "cgroupfs"),
        ('KUBELET_KUBEADM_ARGS="--cgroup-driver=cgroupfs"', "KUBELET_EXTRA_ARGS=--cgroup-driver=systemd", "systemd"),
        ('KUBELET_KUBEADM_ARGS=""\nKUBELET_EXTRA_ARGS=--cgroup-driver=cgroupfs', "KUBELET_EXTRA_ARGS=", "systemd"),
        ('KUBELET_KUBEADM_ARGS="--cgroup-driver=cgroupfs"', "KUBELET_KUBEADM_ARGS=--x", "systemd"),
    ],
)
def test_flags_are_read_as_systemd_and_pflag_do(flags, defaults, driver):
    assert kubelet.parse(CONFIG, flags, defaults).cgroup_driver == driver


def test_the_running_kubelet_tells_its_own_flags():
    words = "/usr/bin/kubelet\n--cgroup-driver\ncgroupfs\n--resolv-conf=/run/x\n--node-ip=192.168.3.2\n"
    assert kubelet.running(CONFIG, words) == kubelet.Kubelet("cgroupfs", "/run/x", "192.168.3.2")
