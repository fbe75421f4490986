"""What the lab provides is enough for a real cluster: packages, images, pod network, DNS, device plugins, NFS.

On two hosts of its own, installed by hand as a site would do it, so that nothing of the suite is needed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab import daemon, faults, hosts, image, kube_images, kube_packages, packages
from lab.plan import HOSTS, IMAGES, LAB, LabHost
from lab.process import LabError, wait_for
from lab.record import lock

pytestmark = pytest.mark.xdist_group("lab")

MASTER = replace(HOSTS["atlas02"], name="kube-a", address="192.168.3.20", hostname="kube-a")
WORKER = replace(HOSTS["atlas-gpu01"], name="kube-b", address="192.168.3.23", hostname="kube-b")
KUBEADM_CONFIG = f"""
apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
localAPIEndpoint: {{advertiseAddress: {MASTER.address}}}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
controlPlaneEndpoint: kube-a:6443
networking: {{podSubnet: 10.244.0.0/16, serviceSubnet: 10.96.0.0/12}}
apiServer: {{extraArgs: {{service-node-port-range: 30000-49999}}}}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
"""
PODS = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{name: http, port: 8000, targetPort: 80, nodePort: 49999}]}
"""
POD = """
---
apiVersion: v1
kind: Pod
metadata: {{name: on-{name}, labels: {{app: {app}}}}}
spec:
  nodeName: {name}
  terminationGracePeriodSeconds: 1
  tolerations: [{{operator: Exists}}]
  containers:
    - {{name: web, image: "busybox:1", command: [sh, -c, "echo {name} > /tmp/index.html; httpd -f -h /tmp"]}}
"""
PLUGIN = """
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: {kind}-plugin, namespace: kube-system}}
spec:
  selector: {{matchLabels: {{app: {kind}}}}}
  template:
    metadata: {{labels: {{app: {kind}}}}}
    spec:
      nodeSelector: {{{kind}: active}}
      tolerations: [{{operator: Exists}}]
      containers:
        - name: plugin
          image: {image}
          securityContext: {{privileged: {privileged}}}
          volumeMounts: [{mounts}]
      volumes: [{volumes}]
"""
INSTALL = """
swapoff -a; sed -i '/ swap /d' /etc/fstab; sed -i '/^127.0.1.1/d' /etc/hosts; echo "$1" >> /etc/hosts
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends docker.io nfs-common \
    kubelet=1.20.2-00 kubeadm=1.20.2-00 kubectl=1.20.2-00
"""


def install(host: LabHost) -> None:
    names = "".join(f"{one.address} {one.name}\n" for one in (MASTER, WORKER))
    hosts.execute(host, INSTALL, names, timeout=300)
    for archive in sorted(IMAGES.glob("*.tar")):
        load = ("exec", "--interactive", host.container, "docker", "load", "--quiet")
        daemon.docker(*load, stdin=archive.read_bytes(), timeout=120)


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    with lock():
        daemon.start()
        tag = image.ensure()
        packages.ensure([*packages.OWN, *kube_packages.packages()])
        kube_images.ensure()
    for host in (MASTER, WORKER):
        hosts.remove(host)
        hosts.create(host, tag, "as-good-as-any")
        install(host)
    hosts.execute(MASTER, "cat > /root/kubeadm.yaml; kubeadm init --config /root/kubeadm.yaml", stdin=KUBEADM_CONFIG, timeout=300)
    apply((LAB / "cni.yaml").read_text())
    join = hosts.execute(MASTER, "kubeadm token create --print-join-command")
    hosts.execute(WORKER, join, timeout=180)
    yield
    for host in (MASTER, WORKER):
        hosts.remove(host)


def kubectl(*words: str, stdin: str = "") -> str:
    return hosts.execute(MASTER, 'kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"', *words, stdin=stdin)


def apply(manifest: str) -> None:
    kubectl("apply", "-f", "-", stdin=manifest)


def ready_nodes() -> list[str]:
    nodes = json.loads(kubectl("get", "nodes", "-o", "json"))["items"]
    state = {node["metadata"]["name"]: {one["type"]: one["status"] for one in node["status"]["conditions"]} for node in nodes}
    return sorted(name for name, conditions in state.items() if conditions["Ready"] == "True")


def inside(pod: str, *command: str) -> str:
    return kubectl("exec", pod, "--", *command)


@pytest.fixture(scope="module")
def pods(cluster: None) -> dict[str, str]:
    """Pod name -> its address."""
    apply(PODS + POD.format(name="kube-a", app="web") + POD.format(name="kube-b", app="other"))
    kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=50s")
    items = json.loads(kubectl("get", "pods", "-o", "json"))["items"]
    return {item["metadata"]["name"]: item["status"]["podIP"] for item in items}


def test_both_nodes_become_ready() -> None:
    wait_for("two ready nodes", lambda: ready_nodes() == ["kube-a", "kube-b"], 120)


def test_coredns_becomes_available() -> None:
    kubectl("-n", "kube-system", "wait", "--for=condition=Available", "deployment/coredns", "--timeout=55s")


def test_a_pod_reaches_the_pod_of_another_node(pods: dict[str, str]) -> None:
    assert "0% packet loss" in inside("on-kube-b", "ping", "-c", "2", pods["on-kube-a"])
    assert "0% packet loss" in inside("on-kube-a", "ping", "-c", "2", pods["on-kube-b"])


def test_a_service_has_a_name_and_an_address_that_answers(pods: dict[str, str]) -> None:
    assert inside("on-kube-b", "wget", "-q", "-O", "-", "http://web.default.svc.cluster.local:8000").strip() == "kube-a"


def test_a_name_that_nobody_has_is_refused(pods: dict[str, str]) -> None:
    with pytest.raises(LabError, match="NXDOMAIN|exit status 1"):
        inside("on-kube-a", "nslookup", "nobody.default.svc.cluster.local")


def test_a_node_port_answers_on_the_other_node(pods: dict[str, str]) -> None:
    assert hosts.execute(MASTER, f"curl -sf -m 5 http://{WORKER.address}:49999").strip() == "kube-a"


def device_plugin(kind: str, image: str, *paths: str) -> str:
    mounts = ", ".join(f"{{name: v{index}, mountPath: {path}}}" for index, path in enumerate(paths))
    volumes = ", ".join(f"{{name: v{index}, hostPath: {{path: {path}}}}}" for index, path in enumerate(paths))
    privileged = "true" if kind == "npu" else "false"
    return PLUGIN.format(kind=kind, image=image, mounts=mounts, volumes=volumes, privileged=privileged)


def allocatable(node: str, resource: str) -> str:
    return str(json.loads(kubectl("get", "node", node, "-o", "json"))["status"]["allocatable"].get(resource, "none"))


def test_device_plugins_offer_every_card_and_withdraw_a_lost_one() -> None:
    sockets = "/var/lib/kubelet/device-plugins"
    hosts.execute(WORKER, "apt-get install -y -qq nvidia-docker2; cat > /etc/docker/daemon.json; systemctl restart docker",
                  stdin='{"default-runtime": "nvidia", "runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}}')
    kubectl("label", "node", "kube-a", "npu=active")
    kubectl("label", "node", "kube-b", "gpu=active")
    npu_paths = ("/dev", "/sys/class/devdrv-class", sockets, "/etc/hccn.conf")
    apply(device_plugin("npu", "apulistech/a910-device-plugin:devel3", *npu_paths))
    apply(device_plugin("gpu", "nvidia/k8s-device-plugin:1.11", sockets))
    for host, resource in ((MASTER, "npu.huawei.com/NPU"), (WORKER, "nvidia.com/gpu")):
        wait_for(f"eight {resource}", lambda n=host.name, r=resource: allocatable(n, r) == "8", 90)  # type: ignore[misc]
        memory = faults.FAULTS["device_lost"].do(host)
        wait_for(f"seven {resource}", lambda n=host.name, r=resource: allocatable(n, r) == "7", 30)  # type: ignore[misc]
        faults.FAULTS["device_lost"].undo(host, memory)
        wait_for(f"eight {resource}", lambda n=host.name, r=resource: allocatable(n, r) == "8", 30)  # type: ignore[misc]
