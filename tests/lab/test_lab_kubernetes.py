"""What the lab provides is enough for a real cluster: packages, images, pod network, DNS, device plugins, NFS.

On two hosts of its own, installed by hand as a site would do it, so that nothing of the suite is needed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from lab import daemon, hosts, image, kube_faults, kube_images, kube_packages, nfs, packages
from lab.plan import HOSTS, IMAGES, LAB, LabHost
from lab.process import LabError, wait_for
from lab.record import lock

MASTER = replace(HOSTS["atlas02"], name="kube-a", address="192.168.3.20", hostname="kube-a")
WORKER = replace(HOSTS["atlas-gpu01"], name="kube-b", address="192.168.3.26", hostname="kube-b")
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
        packages.ensure([*packages.OWN, *nfs.packages(), *kube_packages.packages()])
        kube_images.ensure()
    for host in (MASTER, WORKER):
        hosts.remove(host)
        hosts.create(host, tag, "as-good-as-any")
        install(host)
    hosts.execute(
        MASTER, "cat > /root/kubeadm.yaml; kubeadm init --config /root/kubeadm.yaml", stdin=KUBEADM_CONFIG, timeout=300
    )
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
    state = {
        node["metadata"]["name"]: {one["type"]: one["status"] for one in node["status"]["conditions"]} for node in nodes
    }
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
    with pytest.raises(LabError, match="exit status 1"):
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


def waits_for(count: str, host: LabHost, resource: str) -> None:
    wait_for(f"{count} {resource} on {host.name}", lambda: allocatable(host.name, resource) == count, 90)


def test_device_plugins_offer_every_card_and_withdraw_a_lost_one() -> None:
    sockets, settings = "/var/lib/kubelet/device-plugins", {"nvidia": {"path": "nvidia-container-runtime"}}
    runtime = json.dumps({"default-runtime": "nvidia", "runtimes": settings})
    hosts.execute(WORKER, "apt-get install -y -qq nvidia-docker2; cat > /etc/docker/daemon.json", stdin=runtime)
    hosts.execute(WORKER, "systemctl restart docker")
    kubectl("label", "node", "kube-a", "npu=active")
    kubectl("label", "node", "kube-b", "gpu=active")
    npu_paths = ("/dev", "/sys/class/devdrv-class", sockets, "/etc/hccn.conf")
    apply(device_plugin("npu", "apulistech/a910-device-plugin:devel3", *npu_paths))
    apply(device_plugin("gpu", "nvidia/k8s-device-plugin:1.11", sockets))
    for host, resource in ((MASTER, "npu.huawei.com/NPU"), (WORKER, "nvidia.com/gpu")):
        waits_for("8", host, resource)
        for fault in ("device_lost", "plugin_reports_7"):
            with broken(fault, host):
                waits_for("7", host, resource)
            waits_for("8", host, resource)


@contextmanager
def broken(name: str, host: LabHost) -> Iterator[None]:
    memory = kube_faults.FAULTS[name].do(host)
    yield
    kube_faults.FAULTS[name].undo(host, memory)


@pytest.fixture(autouse=True)
def own_master(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_faults, "MASTER", MASTER)


def spec(*words: str) -> dict[str, Any]:
    return dict(json.loads(kubectl("get", *words, "-o", "json")))


def test_faults_of_the_api_are_seen_there_and_undone() -> None:
    kubectl("label", "node", "kube-b", "worker=active")
    configuration = ("-n", "kube-system", "configmap", "kubeadm-config")
    before = spec(*configuration)["data"]
    with broken("node_cordoned", WORKER), broken("label_removed", WORKER), broken("coredns_scaled_to_0", MASTER):
        node = spec("node", "kube-b")
        assert node["spec"]["unschedulable"]
        assert "worker" not in node["metadata"]["labels"]
        assert spec("-n", "kube-system", "deployment", "coredns")["spec"]["replicas"] == 0
        with broken("nodeport_range_in_configmap_missing", MASTER):
            assert "30000-49999" not in json.dumps(spec(*configuration)["data"])
    assert spec(*configuration)["data"] == before
    assert spec("node", "kube-b")["metadata"]["labels"]["worker"] == "active"
    assert "unschedulable" not in spec("node", "kube-b")["spec"]
    assert spec("-n", "kube-system", "deployment", "coredns")["spec"]["replicas"] == 2


END_DATE = "openssl s_client -connect 127.0.0.1:6443 < /dev/null 2> /dev/null | openssl x509 -noout -checkend 518400"


def test_a_short_certificate_is_served_soon_after_the_file_changed() -> None:
    def served_short() -> bool:
        return "will expire" in hosts.execute(MASTER, f"{END_DATE} || true")

    assert not served_short()
    with broken("cert_expires_soon", MASTER):
        wait_for("the API server to serve it", served_short, 120)
        assert "kube-b" in kubectl("get", "nodes")
    wait_for("the API server to serve the old one", lambda: not served_short(), 120)


def test_the_other_faults_of_the_hosts_are_undone() -> None:
    digest = hosts.execute(WORKER, "sha256sum /etc/kubernetes/pki/ca.crt")
    with broken("foreign_ca", WORKER), broken("kubelet_stopped", WORKER):
        assert hosts.execute(WORKER, "sha256sum /etc/kubernetes/pki/ca.crt") != digest
        assert hosts.execute(WORKER, "systemctl is-active kubelet || true").strip() == "inactive"
    assert hosts.execute(WORKER, "sha256sum /etc/kubernetes/pki/ca.crt") == digest
    with broken("apiserver_down", MASTER), pytest.raises(LabError, match="refused"):
        kubectl("get", "nodes")
    wait_for("both nodes ready again", answers_with_both, 120)


def answers_with_both() -> bool:
    try:
        return ready_nodes() == ["kube-a", "kube-b"]
    except LabError:
        return False


MOUNT = "mkdir -p /mntdlws; echo '192.168.3.20:/mnt/local /mntdlws nfs rw,hard 0 0' >> /etc/fstab; mount /mntdlws"


@pytest.fixture(scope="module")
def share(cluster: None) -> None:
    line = "/mnt/local *(rw,fsid=0,insecure,no_subtree_check,async,no_root_squash)"
    hosts.execute(MASTER, "apt-get install -y -qq nfs-kernel-server; mkdir -p /mnt/local", timeout=120)
    hosts.execute(MASTER, 'echo "$1" >> /etc/exports; exportfs -a', line)
    hosts.execute(WORKER, MOUNT)


def test_what_one_host_writes_the_other_reads(share: None) -> None:
    assert "/mnt/local" in hosts.execute(WORKER, f"showmount -e {MASTER.address}")
    hosts.execute(MASTER, "echo nonce > /mnt/local/from-a")
    assert hosts.execute(WORKER, "cat /mntdlws/from-a") == "nonce\n"
    hosts.execute(WORKER, "install -o nobody -m 600 /mntdlws/from-a /mntdlws/from-b")
    assert hosts.execute(MASTER, "stat -c '%U %a' /mnt/local/from-b") == "nobody 600\n"


def test_the_mount_says_what_it_is(share: None) -> None:
    assert hosts.execute(WORKER, "findmnt -no SOURCE /mntdlws") == "192.168.3.20:/mnt/local\n"
    assert "nfs" in hosts.execute(WORKER, "findmnt -no FSTYPE /mntdlws")
    assert int(hosts.execute(WORKER, "stat -fc %b /mntdlws")) > 0


def test_without_the_server_an_access_waits_can_be_killed_and_goes_on_afterwards(share: None) -> None:
    with broken("nfs_server_down", MASTER):
        assert hosts.execute(WORKER, "timeout 3 stat -f /mntdlws || echo $?") == "124\n"
        hosts.execute(WORKER, "(cat /mntdlws/from-a > /root/late) > /dev/null 2>&1 &")
    wait_for("the access that waited", lambda: hosts.execute(WORKER, "cat /root/late") == "nonce\n", 30)


def test_a_node_comes_back_from_a_reboot_with_its_mount_and_its_pods(share: None) -> None:
    start = hosts.execute(WORKER, "cut -d ' ' -f 22 /proc/1/stat")
    hosts.execute(WORKER, "systemctl reboot")
    wait_for("a new first process", lambda: rebooted(start), 90)
    hosts.wait_until_up(WORKER)
    wait_for("the mount", lambda: "/mntdlws" in hosts.execute(WORKER, "cat /proc/mounts"), 60)
    assert hosts.execute(WORKER, "cat /mntdlws/from-a") == "nonce\n"
    wait_for("both nodes ready", answers_with_both, 120)
    kubectl("wait", "--for=condition=Ready", "pod/on-kube-b", "--timeout=55s")


def rebooted(start: str) -> bool:
    state = hosts.system_state(WORKER)
    return state in hosts.UP_STATES and hosts.execute(WORKER, "cut -d ' ' -f 22 /proc/1/stat") != start
