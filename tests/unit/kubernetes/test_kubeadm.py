"""What kubeadm is told, and what is understood of its words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from dlws.config.cluster import Cluster, load
from dlws.kubernetes import kubeadm
from dlws.verdict import Unknown, Unparsable
from tests.kits.config_example import no_dns, write
from tests.kits.scripted import API_SERVER

KUBERNETES = "    cni_manifest: weave.yaml\n"
PREFLIGHT = """\
[preflight] Running pre-flight checks
error execution phase preflight: [preflight] Some fatal errors occurred:
\t[ERROR Swap]: running with swap on is not supported. Please disable swap
\t[ERROR Port-10250]: Port 10250 is in use
[preflight] If you know what you are doing, you can make a check non-fatal with `--ignore-preflight-errors=...`
To see the stack trace of this error execute with --v=5 or higher
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return load(write(tmp_path), resolve=no_dns)


def documents(text: str) -> dict[str, dict]:
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def init(cluster: Cluster) -> dict[str, dict]:
    return documents(kubeadm.init_config(cluster, cgroup_driver="systemd", resolv_conf_path="/etc/resolv.conf"))


@pytest.mark.parametrize(
    ("version", "api"),
    [("v1.16.0", "v1beta2"), ("v1.21.14", "v1beta2"), ("v1.22.0", "v1beta3"), ("v1.30.1", "v1beta3")],
)
def test_the_api_follows_the_version(version: str, api: str) -> None:
    assert kubeadm.api_version(version) == f"kubeadm.k8s.io/{api}"


@pytest.mark.parametrize(("version", "gateway"), [("v1.16.15", "/v3beta"), ("v1.17.0", "/v3"), ("v1.30.1", "/v3")])
def test_etcd_is_asked_below_its_versions_own_path(version: str, gateway: str) -> None:
    assert kubeadm.etcd_gateway(version) == gateway


@pytest.mark.parametrize("version", ["v1.15.12", "v1.31.0", "v2.0.0"])
def test_another_kubeadm_is_refused(version: str) -> None:
    with pytest.raises(ValueError, match=r"1\.16 to 1\.30"):
        kubeadm.api_version(version)


def test_the_control_plane_is_what_the_configuration_says(cluster: Cluster) -> None:
    found = init(cluster)["ClusterConfiguration"]
    assert found["kubernetesVersion"] == "v1.18.0"
    assert found["controlPlaneEndpoint"] == "atlas01.sigsus.cn:6443"
    assert found["networking"] == {
        "dnsDomain": "cluster.local",
        "podSubnet": "10.2.0.0/16",
        "serviceSubnet": "10.3.0.0/16",
    }
    assert found["apiServer"]["extraArgs"] == {"service-node-port-range": "30000-49999"}
    assert "imageRepository" not in found


def test_the_api_server_listens_on_the_private_address(cluster: Cluster) -> None:
    found = init(cluster)
    assert found["InitConfiguration"]["localAPIEndpoint"] == {"advertiseAddress": "192.168.3.2", "bindPort": 6443}
    assert found["InitConfiguration"]["nodeRegistration"]["name"] == "atlas01"
    assert found["KubeletConfiguration"]["cgroupDriver"] == "systemd"


def test_host_bits_of_a_range_are_dropped(cluster: Cluster) -> None:
    found = init(replace(cluster, pod_range="10.32.7.1/12"))
    assert found["ClusterConfiguration"]["networking"]["podSubnet"] == "10.32.0.0/12"


def test_own_settings_are_added_and_override_nothing(tmp_path: Path) -> None:
    own = (
        "    image_repository: registry.example.org:5000/google_containers\n    cri_socket: /run/cri-dockerd.sock\n"
        "    kubeadm:\n      KubeProxyConfiguration: {conntrack: {maxPerCore: 0}}\n"
        "      ClusterConfiguration: {kubernetesVersion: v1.0.0, apiServer: {timeoutForControlPlane: 8m0s}}\n"
    )
    found = init(load(write(tmp_path, (KUBERNETES, KUBERNETES + own)), resolve=no_dns))
    assert found["KubeProxyConfiguration"]["conntrack"] == {"maxPerCore": 0}
    assert found["ClusterConfiguration"]["kubernetesVersion"] == "v1.18.0"
    assert found["ClusterConfiguration"]["apiServer"]["timeoutForControlPlane"] == "8m0s"
    assert found["ClusterConfiguration"]["apiServer"]["extraArgs"]
    assert found["ClusterConfiguration"]["imageRepository"] == "registry.example.org:5000/google_containers"
    assert found["InitConfiguration"]["nodeRegistration"]["criSocket"] == "/run/cri-dockerd.sock"


def test_the_virtual_ip_is_named_in_the_servers_certificate(tmp_path: Path) -> None:
    own = (KUBERNETES, f"{KUBERNETES}    virtual_ip: 192.168.3.100\n")
    names = init(load(write(tmp_path, own), resolve=no_dns))["ClusterConfiguration"]["apiServer"]["certSANs"]
    assert "192.168.3.100" in names


def test_a_join_pins_the_ca_and_carries_its_token(cluster: Cluster) -> None:
    token = "abcdef.0123456789abcdef"
    text = kubeadm.join_config(
        cluster,
        cluster.node("atlas-gpu01"),
        token=token,
        ca_hash="sha256:00",
        resolv_conf_path="/run/systemd/resolve/resolv.conf",
    )
    found = documents(text)["JoinConfiguration"]
    assert found["discovery"]["bootstrapToken"] == {
        "apiServerEndpoint": "atlas01.sigsus.cn:6443",
        "token": token,
        "caCertHashes": ["sha256:00"],
    }
    assert found["nodeRegistration"]["kubeletExtraArgs"] == {
        "node-ip": "192.168.3.4",
        "resolv-conf": "/run/systemd/resolve/resolv.conf",
    }


def test_a_token_lives_minutes_and_is_never_the_same(cluster: Cluster) -> None:
    token = kubeadm.new_token()
    assert token != kubeadm.new_token()
    assert [len(part) for part in token.split(".")] == [6, 16]
    entry = documents(kubeadm.token_config(cluster, token))["InitConfiguration"]["bootstrapTokens"][0]
    assert (entry["token"], entry["ttl"]) == (token, "900s")


def test_pods_inherit_name_servers_that_they_can_reach() -> None:
    stub, real = "nameserver 127.0.0.53\n", "nameserver 192.168.3.1\n"
    assert kubeadm.resolv_conf_for_pods({"/etc/resolv.conf": real}) == "/etc/resolv.conf"
    both = {"/etc/resolv.conf": stub, "/run/systemd/resolve/resolv.conf": real}
    assert kubeadm.resolv_conf_for_pods(both) == "/run/systemd/resolve/resolv.conf"
    with pytest.raises(Unknown, match="only loopback"):
        kubeadm.resolv_conf_for_pods({"/etc/resolv.conf": stub})


def test_a_worker_runs_three_of_kubeadms_images() -> None:
    listed = kubeadm.images(
        "k8s.gcr.io/kube-apiserver:v1.20.2\nk8s.gcr.io/kube-proxy:v1.20.2\n"
        "k8s.gcr.io/pause:3.2\nk8s.gcr.io/coredns/coredns:v1.8.0\n"
    )
    assert kubeadm.node_images(listed) == listed[1:]
    with pytest.raises(Unparsable):
        kubeadm.images("unknown command\n")


def test_preflight_errors_are_the_complaint() -> None:
    said = kubeadm.complaint(PREFLIGHT)
    assert said.startswith("preflight: Swap: running with swap on is not supported.")
    assert "; Port-10250: Port 10250 is in use" in said


@pytest.mark.parametrize(
    "name", ["FileContent--proc-sys-net-ipv4-ip_forward", "FileAvailable--etc-kubernetes-manifests-etcd.yaml", "CRI"]
)
def test_an_error_of_any_name_is_told(name: str) -> None:
    assert kubeadm.complaint(f"{PREFLIGHT}\t[ERROR {name}]: broken\n").endswith(f"; {name}: broken")


@pytest.mark.parametrize(
    "check",
    [
        "[api-check] The API server is not healthy after 4m0.000507738s",
        "[control-plane-check] kube-scheduler is not healthy after 4m0.00029s",
    ],
)
def test_what_did_not_come_up_is_told_before_the_error(check: str) -> None:
    log = f"[kubelet-check] The kubelet is healthy after 501ms\n{check}\nerror execution phase wait-control-plane: no\n"
    said = kubeadm.complaint(log)
    assert said == f"{check} | error execution phase wait-control-plane: no"
    assert not kubeadm.is_about_kubelet(said)


def test_without_preflight_errors_the_error_line_is_the_complaint() -> None:
    log = "[init] Using Kubernetes version\nerror execution phase wait-control-plane: couldn't initialize a cluster\n"
    assert kubeadm.complaint(log) == "error execution phase wait-control-plane: couldn't initialize a cluster"
    assert kubeadm.complaint("") == "it said nothing"


def test_the_manifest_gains_one_flag_and_keeps_the_rest() -> None:
    edited = kubeadm.with_node_ports(API_SERVER)
    assert kubeadm.node_ports_of(kubeadm.api_server_command(edited)) == "30000-49999"
    assert kubeadm.with_node_ports(edited) == edited
    assert [line for line in edited.splitlines() if line not in API_SERVER.splitlines()] == [
        "    - --service-node-port-range=30000-49999"
    ]


def test_another_range_in_the_manifest_is_replaced() -> None:
    other = API_SERVER.replace("- --advertise", "- --service-node-port-range=20000-40000\n    - --advertise")
    assert kubeadm.node_ports_of(kubeadm.api_server_command(other)) == "20000-40000"
    assert kubeadm.node_ports_of(kubeadm.api_server_command(kubeadm.with_node_ports(other))) == "30000-49999"
    with pytest.raises(Unparsable):
        kubeadm.with_node_ports("kind: Pod\n")


def test_kubeadm_remembers_the_range_in_either_form() -> None:
    old = "apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterConfiguration\napiServer: {timeoutForControlPlane: 4m0s}\n"
    new = "kind: ClusterConfiguration\napiServer: {extraArgs: [{name: profiling, value: 'false'}]}\n"
    old, new = (yaml.safe_load(kubeadm.with_node_ports_kept(text))["apiServer"] for text in (old, new))
    assert old == {"timeoutForControlPlane": "4m0s", "extraArgs": {"service-node-port-range": "30000-49999"}}
    assert {"name": "service-node-port-range", "value": "30000-49999"} in new["extraArgs"]
    assert {"name": "profiling", "value": "false"} in new["extraArgs"]


def test_a_kubelet_that_is_not_healthy_is_told() -> None:
    check = "[kubelet-check] The HTTP call equal to 'curl' failed with error: dial tcp [::1]:10248: connection refused."
    log = f"{check}\n\terror execution phase wait-control-plane: couldn't initialize a Kubernetes cluster\n"
    assert kubeadm.complaint(log).startswith(check)


def test_of_a_panic_its_first_line_is_told() -> None:
    log = "panic: runtime error: nil pointer\n\ngoroutine 1 [running]:\nk8s.io/x.go:95 +0x5d\n"
    assert kubeadm.complaint(log) == "panic: runtime error: nil pointer"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("F1124 07:39:11.212456    2310 server.go:269] failed to run Kubelet: misconfiguration", "misconfiguration"),
        (
            'E0312 10:00:00.000012    1234 run.go:74] "command failed" err="failed to run Kubelet: swap is on"',
            "swap is on",
        ),
        ("Error: failed to run Kubelet: no such file", "no such file"),
        ("F1124 07:39:11.212456    2310 server.go:198] failed to load Kubelet config file x", "config file x"),
    ],
)
def test_why_a_kubelet_ended_is_its_last_fatal_line(line: str, why: str) -> None:
    noise = 'E1124 07:39:12.000001    2310 kubelet.go:2291] "Error getting node" err="node not found"'
    assert why in kubeadm.kubelet_complaint(f"{noise}\n{line}\n{noise}\n")
    assert kubeadm.kubelet_complaint(noise) == ""


def test_a_kubelet_that_is_not_healthy_is_named_in_the_words_of_1_30() -> None:
    log = "[kubelet-check] The kubelet is not healthy after 4m0.000s.\nerror execution phase wait-control-plane\n"
    assert kubeadm.is_about_kubelet(kubeadm.complaint(log))
    assert not kubeadm.is_about_kubelet(kubeadm.complaint(PREFLIGHT))
