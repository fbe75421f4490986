"""Faults of a cluster, injected into one of its hosts; registered with those of hosts and devices."""

from __future__ import annotations

import json
import time

from lab import hosts
from lab.device_faults import FAULTS
from lab.faults import EditedFile, Memory, fault, script
from lab.plan import GATEWAY, HOSTS, NETWORK, LabHost
from lab.process import LabError, attempt, run, wait_for

__all__ = ["FAULTS"]

MASTER = next(iter(HOSTS.values()))
MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
PKI = "/etc/kubernetes/pki"
HOLD_BACK = "/var/lib/kubelet/device-plugins/lab-hold-back"
LABELS = ("worker", "webportal")
"""Two labels used by DLWS's selectors: one of every worker, one of the infrastructure host."""
RANGE_KEY = "service-node-port-range"


def _kubectl(*words: str, stdin: str = "") -> str:
    return hosts.execute(MASTER, 'kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"', *words, stdin=stdin)


@fault("kubelet_stopped", "the kubelet is stopped", script("systemctl start kubelet"))
def _kubelet_stopped(host: LabHost) -> Memory:
    hosts.execute(host, "systemctl stop kubelet")
    return {}


def _undo_node_cordoned(host: LabHost, memory: Memory) -> None:
    _kubectl("uncordon", host.name)


@fault("node_cordoned", "the node was cordoned and never uncordoned", _undo_node_cordoned)
def _node_cordoned(host: LabHost) -> Memory:
    _kubectl("cordon", host.name)
    return {}


def _undo_label_removed(host: LabHost, memory: Memory) -> None:
    _kubectl("label", "--overwrite", "node", host.name, *(f"{key}={value}" for key, value in memory.items()))


@fault("label_removed", f"the node has lost a label ({' or '.join(LABELS)})", _undo_label_removed)
def _label_removed(host: LabHost) -> Memory:
    present = json.loads(_kubectl("get", "node", host.name, "-o", "json"))["metadata"]["labels"]
    key = next((key for key in LABELS if key in present), None)
    if key is None:
        raise LabError(f"{host.name} has none of the labels {', '.join(LABELS)} yet")
    _kubectl("label", "node", host.name, f"{key}-")
    return {key: present[key]}


@fault("plugin_reports_7", "the device plugin offers seven of eight healthy cards", script(f"rm -rf {HOLD_BACK}"))
def _plugin_reports_7(host: LabHost) -> Memory:
    hosts.execute(host, f"mkdir {HOLD_BACK}")
    return {}


@fault("nfs_server_down", "the NFS server is stopped", script("systemctl start nfs-server"))
def _nfs_server_down(host: LabHost) -> Memory:
    hosts.execute(host, "systemctl is-active --quiet nfs-server && systemctl stop nfs-server")
    return {}


def _undo_work_plain_folder(host: LabHost, memory: Memory) -> None:
    hosts.execute(host, 'rm -rf /dlwsdata/work && ln -s "$1" /dlwsdata/work', memory["target"])


@fault("work_plain_folder", "/dlwsdata/work is a plain folder on the local disk", _undo_work_plain_folder)
def _work_plain_folder(host: LabHost) -> Memory:
    target = hosts.execute(host, "readlink /dlwsdata/work").strip()
    hosts.execute(host, "rm /dlwsdata/work && mkdir /dlwsdata/work")
    return {"target": target}


def _set_cluster_configuration(text: str) -> None:
    patch = json.dumps({"data": {"ClusterConfiguration": text}})
    _kubectl("-n", "kube-system", "patch", "configmap", "kubeadm-config", "--type=merge", "-p", patch)


def _undo_nodeport_range(host: LabHost, memory: Memory) -> None:
    _set_cluster_configuration(memory["text"])


@fault("nodeport_range_in_configmap_missing", "the NodePort range is missing from kubeadm-config", _undo_nodeport_range)
def _nodeport_range_missing(host: LabHost) -> Memory:
    text = json.loads(_kubectl("-n", "kube-system", "get", "configmap", "kubeadm-config", "-o", "json"))["data"][
        "ClusterConfiguration"
    ]
    if RANGE_KEY not in text:
        raise LabError(f"kubeadm-config has no {RANGE_KEY}")
    _set_cluster_configuration("".join(line for line in text.splitlines(True) if RANGE_KEY not in line))
    return {"text": text}


_CERTIFICATE = EditedFile(f"{PKI}/apiserver.crt")
_SHORTEN = f"""
cd {PKI}
request=$(openssl x509 -x509toreq -in apiserver.crt -signkey apiserver.key -copy_extensions copyall)
echo "$request" | openssl x509 -req -CA ca.crt -CAkey ca.key -days 5 -copy_extensions copyall -out .apiserver.crt.new
mv .apiserver.crt.new apiserver.crt
"""


@fault(
    "cert_expires_soon",
    "the API server's certificate expires in five days, in the file and (a minute later) as served",
    _CERTIFICATE.put_back,
)
def _cert_expires_soon(host: LabHost) -> Memory:
    _CERTIFICATE.edit(host, _SHORTEN)
    return {}


def _set_address(host: LabHost, address: str) -> None:
    enter = ("nsenter", "--target", str(hosts.init_pid(host)), "--net", "ip")
    run(*enter, "address", "flush", "dev", "eth0")
    run(*enter, "address", "add", f"{address}/{NETWORK.rpartition('/')[2]}", "dev", "eth0")
    run(*enter, "route", "replace", "default", "via", GATEWAY)


def _forget_neighbours() -> None:
    for host in HOSTS.values():
        run("nsenter", "--target", str(hosts.init_pid(host)), "--net", "ip", "neigh", "flush", "all")
    attempt("ip", "neigh", "flush", "to", NETWORK)


def _undo_swapped_addresses(host: LabHost, memory: Memory) -> None:
    for swapped in (host, HOSTS[memory["with"]]):
        _set_address(swapped, swapped.address)
    _forget_neighbours()


@fault("swapped_addresses", "the host and the next worker have swapped addresses", _undo_swapped_addresses)
def _swapped_addresses(host: LabHost) -> Memory:
    workers = [worker for worker in HOSTS.values() if worker is not MASTER]
    if host not in workers:
        raise LabError(f"{host.name} is not one of the workers {', '.join(worker.name for worker in workers)}")
    other = workers[(workers.index(host) + 1) % len(workers)]
    _set_address(host, other.address)
    _set_address(other, host.address)
    _forget_neighbours()
    return {"with": other.name}


_MANIFEST = EditedFile(MANIFEST, kept="/etc/kubernetes/.apiserver.yaml")


@fault(
    "apiserver_down",
    "the API server does not start: an option in its manifest is misspelt",
    _MANIFEST.put_back,
)
def _apiserver_down(host: LabHost) -> Memory:
    _MANIFEST.edit(host, f"sed -i 's#--etcd-servers=#--etcd-server=#' {MANIFEST}")
    wait_for("the API server to end", lambda: not _listens(host, 6443), 90)
    return {}


def _listens(host: LabHost, port: int) -> bool:
    return bool(hosts.execute(host, f"ss -Hltn sport = :{port}"))


_CA = EditedFile(f"{PKI}/ca.crt")
_NEW_CA = f"""
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=kubernetes -days 3650 \\
    -keyout /dev/null -out {PKI}/ca.crt 2> /dev/null
"""


@fault("foreign_ca", "the node trusts the CA of another cluster", _CA.put_back)
def _foreign_ca(host: LabHost) -> Memory:
    _CA.edit(host, _NEW_CA)
    return {}


def _undo_coredns(host: LabHost, memory: Memory) -> None:
    _kubectl("-n", "kube-system", "scale", "deployment/coredns", f"--replicas={memory['replicas']}")


@fault("coredns_scaled_to_0", "CoreDNS is scaled to zero", _undo_coredns)
def _coredns_scaled_to_0(host: LabHost) -> Memory:
    replicas = json.loads(_kubectl("-n", "kube-system", "get", "deployment", "coredns", "-o", "json"))["spec"][
        "replicas"
    ]
    _kubectl("-n", "kube-system", "scale", "deployment/coredns", "--replicas=0")
    return {"replicas": str(replicas)}


_WEBHOOK = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: lab-policy}
webhooks:
- name: pods.policy.lab
  failurePolicy: Fail
  sideEffects: None
  admissionReviewVersions: [v1]
  clientConfig: {service: {namespace: default, name: lab-policy, path: /validate, port: 443}}
  rules:
  - {operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [pods]}
"""
_MUTATING = """
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: lab-injector}
webhooks:
- name: bindings.injector.lab
  failurePolicy: Fail
  sideEffects: None
  admissionReviewVersions: [v1]
  clientConfig: {service: {namespace: default, name: lab-injector, path: /mutate, port: 443}}
  rules:
  - {operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [pods/binding]}
"""
_QUOTA = """
apiVersion: v1
kind: ResourceQuota
metadata: {name: lab-none, namespace: default}
spec: {hard: {pods: "0"}}
"""
_NO_GPU = """
apiVersion: v1
kind: ResourceQuota
metadata: {name: lab-no-gpu, namespace: default}
spec: {hard: {requests.nvidia.com/gpu: "0"}}
"""
_DENY_EGRESS = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: lab-deny-egress, namespace: default}
spec: {podSelector: {}, policyTypes: [Egress]}
"""
_DENY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: lab-deny, namespace: kube-system}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
"""
_API = """
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.lab.example.com}
spec:
  group: lab.example.com
  version: v1
  insecureSkipTLSVerify: true
  groupPriorityMinimum: 100
  versionPriority: 100
  service: {namespace: default, name: lab-api}
"""
OBJECTS = {
    "webhook_dead": ("a validating webhook that must answer has no service: no pod can be created", _WEBHOOK),
    "mutating_webhook_dead": ("a mutating webhook that must answer has no service: no pod gets a node", _MUTATING),
    "quota_without_gpus": ("a ResourceQuota allows no GPU in default", _NO_GPU),
    "policy_denies_egress": ("a NetworkPolicy denies all that pods in default send", _DENY_EGRESS),
    "quota_used_up": ("a ResourceQuota allows no further pod in default", _QUOTA),
    "policy_denies_all": ("a NetworkPolicy denies all traffic of kube-system", _DENY),
    "api_service_dead": ("an APIService has lost its service", _API),
}
"""Faults that are one object in the cluster: the sentence, and the manifest."""


def _object_fault(name: str, sentence: str, manifest: str) -> None:
    def undo(host: LabHost, memory: Memory) -> None:
        _kubectl("delete", "--ignore-not-found", "-f", "-", stdin=manifest)

    @fault(name, sentence, undo)
    def _apply(host: LabHost) -> Memory:
        _kubectl("apply", "-f", "-", stdin=manifest)
        return {}


for _name, (_sentence, _manifest) in OBJECTS.items():
    _object_fault(_name, _sentence, _manifest)

STUCK = "lab-stuck"
_HELD = f"""
apiVersion: v1
kind: ConfigMap
metadata: {{name: held, namespace: {STUCK}, finalizers: [lab.example.com/nobody]}}
"""


def _undo_namespace_stuck(host: LabHost, memory: Memory) -> None:
    patch = '{"metadata":{"finalizers":null}}'
    if _kubectl("get", "namespace", STUCK, "--ignore-not-found"):
        _kubectl("-n", STUCK, "patch", "configmap", "held", "--type=merge", "-p", patch)
        _kubectl("wait", "--for=delete", f"namespace/{STUCK}", "--timeout=60s")


@fault("namespace_stuck", f"the namespace {STUCK} has been Terminating for a minute", _undo_namespace_stuck)
def _namespace_stuck(host: LabHost) -> Memory:
    _kubectl("create", "namespace", STUCK)
    _kubectl("apply", "-f", "-", stdin=_HELD)
    _kubectl("delete", "namespace", STUCK, "--wait=false")
    began = time.monotonic()
    wait_for("the namespace to have been Terminating for a minute", lambda: time.monotonic() - began > 65, 90)
    return {}


VOLUME = "lab-volume"
_VOLUME = f"""
apiVersion: v1
kind: PersistentVolume
metadata: {{name: {VOLUME}, finalizers: [lab.example.com/nobody]}}
spec: {{capacity: {{storage: 1Gi}}, accessModes: [ReadWriteOnce], hostPath: {{path: /mnt}}, storageClassName: lab}}
"""


def _undo_volume_stuck(host: LabHost, memory: Memory) -> None:
    if _kubectl("get", "pv", VOLUME, "--ignore-not-found"):
        _kubectl("patch", "pv", VOLUME, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        _kubectl("delete", "pv", VOLUME, "--ignore-not-found", "--timeout=60s")


@fault("volume_stuck", f"the volume {VOLUME} has been Terminating for a minute", _undo_volume_stuck)
def _volume_stuck(host: LabHost) -> Memory:
    _kubectl("apply", "-f", "-", stdin=_VOLUME)
    _kubectl("delete", "pv", VOLUME, "--wait=false")
    began = time.monotonic()
    wait_for("the volume to have been Terminating for a minute", lambda: time.monotonic() - began > 65, 90)
    return {}


@fault(
    "forward_site_chain",
    "FORWARD jumps first to a chain of the site's own, which rejects TCP",
    script("iptables -w -D FORWARD -j LAB-SITE; iptables -w -F LAB-SITE; iptables -w -X LAB-SITE"),
)
def _forward_site_chain(host: LabHost) -> Memory:
    hosts.execute(host, "iptables -w -N LAB-SITE; iptables -w -A LAB-SITE -p tcp -j REJECT")
    hosts.execute(host, "iptables -w -I FORWARD 1 -j LAB-SITE")
    return {}


@fault(
    "kube_forward_drop",
    "the first rule of KUBE-FORWARD, kube-proxy's own chain, drops TCP",
    script("while iptables -w -D KUBE-FORWARD -p tcp -j DROP 2> /dev/null; do :; done"),
)
def _kube_forward_drop(host: LabHost) -> Memory:
    hosts.execute(host, "iptables -w -I KUBE-FORWARD 1 -p tcp -j DROP")
    return {}


@fault(
    "forward_drop",
    "the first rule of the FORWARD chain drops every packet",
    script("while iptables -w -D FORWARD -j DROP 2> /dev/null; do :; done"),
)
def _forward_drop(host: LabHost) -> Memory:
    hosts.execute(host, "iptables -w -I FORWARD 1 -j DROP")
    return {}
