"""C: the Kubernetes control plane."""

from __future__ import annotations

from ipaddress import ip_network
from statistics import median
from typing import Any

from checks import firewall
from checks.kubernetes import nodes
from dlws.config.cluster import Cluster
from dlws.engine.check import Mismatch, check, expect, expect_present, expect_that, judges_api
from dlws.engine.targets import master, whole_cluster
from dlws.facts.control_plane import (
    COMPONENTS,
    KUBEADM_CONFIG,
    cluster_configuration,
    component_flags,
    etcd_health,
    etcd_members,
    etcd_quota,
    etcd_status,
    hours_left,
    label_of,
    last_seen,
    lease_ages,
    recorded_node_ports,
    static_pods,
    system_pods,
)
from dlws.kubernetes import kubeadm, objects
from dlws.record.answer import ApiUnreachable
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes, require_success
from dlws.verdict import Severity, Unknown

READYZ = "/readyz?verbose"
LEASES = ("kube-controller-manager", "kube-scheduler")
LEASE_AGE = 30.0  # seconds; a leader renews every 2 s, and loses its lease after 15
SLOW = 1.0  # seconds; the API's own service level for one object
LATENCY_READINGS = 5
TOKEN_LIFE = 24.0  # hours that kubeadm gives a bootstrap token
GRAVE = {
    "Evicted",
    "NodeControllerEviction",  # up to Kubernetes 1.17, where TaintBasedEvictions is off
    "TaintManagerEviction",
    "SystemOOM",
    "OOMKilling",
    "EvictionThresholdMet",
    "FreeDiskSpaceFailed",
    "ImageGCFailed",
    "ContainerGCFailed",
    "NodeHasDiskPressure",
    "NodeHasInsufficientMemory",
    "NodeHasInsufficientPID",
}


@judges_api
@check(
    "C01",
    section="3.11",
    source="k8s readyz",
    on=master,
    title_zh="API Server 就绪",
    causes=[firewall.test_firewall_is_off],
    fix="on the master: docker ps -a | grep kube-apiserver; docker logs; journalctl -u kubelet",
)
def test_api_server_is_ready(host: Host, kube: Kubernetes) -> None:
    """The API server is ready according to all of its own health checks."""
    try:
        answer = kube.answer(READYZ)
    except ApiUnreachable as error:
        if not host.socket("tcp://6443").is_listening:
            raise Mismatch("port 6443 on the master", found="nothing listening", expected="the API server") from error
        raise Unknown(str(error)) from error
    failing = [line for line in answer.text.splitlines() if line.startswith("[-]")]
    expect("failing readyz checks", found=failing, expected=[])
    require_success(answer, READYZ)


@check(
    "C02",
    section="3.11",
    source="runbook 3.2",
    on=whole_cluster,
    title_zh="API Server 版本与配置一致",
    fix="run kubeadm upgrade, or correct k8s-gitbranch in config.yaml",
)
def test_server_version(cluster: Cluster, kube: Kubernetes) -> None:
    """The API server runs the configured Kubernetes version."""
    running = kube.document("/version").get("gitVersion")
    expect("API server version", found=running, expected=cluster.kubernetes_version)


@check(
    "C03",
    section="3.11",
    source="upstream check_docker_ready.sh",
    on=whole_cluster,
    title_zh="控制平面组件全部就绪",
    fix="check the component's docker logs on the master; its manifest is in /etc/kubernetes/manifests",
)
def test_control_plane_pods_are_ready(cluster: Cluster, kube: Kubernetes) -> None:
    """The API server, controller manager, scheduler and etcd each have a ready pod on the master."""
    found = {name: static_pods(cluster, kube, name) for name in COMPONENTS}
    wrong = [
        f"{name}: {', '.join(e for pod in pods for e in objects.errors(pod)) or 'not ready'}"
        if pods
        else f"{name}: no pod"
        for name, pods in found.items()
        if not any(map(objects.is_ready, pods))
    ]
    expect("components that are not ready", found=wrong, expected=[])


@check(
    "C04",
    section="3.11",
    source="etcd health",
    on=master,
    title_zh="etcd 健康且无告警",
    fix="check etcd's docker logs; for NOSPACE, compact, defragment and disarm the alarm",
)
def test_etcd_is_healthy(cluster: Cluster, host: Host) -> None:
    """etcd is healthy, has a leader, raises no alarm, and its database is under 80% of its quota."""
    expect("etcd /health", found=etcd_health(host), expected=True)
    status = etcd_status(host, cluster.kubernetes_version)
    expect("etcd errors", found=list(status.errors), expected=[])
    expect_that(status.leader, "etcd leader", found="none", expected="one")
    quota = etcd_quota(host, status)
    expect_that(
        status.size < quota * 0.8,
        "etcd database size",
        found=f"{status.size >> 20} MiB",
        expected=f"under 80% of {quota >> 20} MiB",
    )


@check(
    "C05",
    section="3.11",
    source="config.yaml etcd_node_num",
    on=master,
    title_zh="etcd 成员数与配置一致",
    fix="run etcdctl member list; remove the member that no longer exists",
)
def test_etcd_members(cluster: Cluster, host: Host) -> None:
    """etcd has the configured number of members."""
    members = etcd_members(host, cluster.kubernetes_version)
    expect_that(
        len(members) == cluster.settings.etcd_node_num,
        "etcd members",
        found=members,
        expected=cluster.settings.etcd_node_num,
    )


@check(
    "C06",
    section="3.11",
    source="k8s leases",
    on=whole_cluster,
    title_zh="controller-manager 与 scheduler 的租约按时续期",
    fix="check the docker logs of kube-controller-manager and kube-scheduler on the master",
)
def test_leaders_renew_their_leases(cluster: Cluster, kube: Kubernetes) -> None:
    """The controller manager and the scheduler renewed their leases in the last 30 s (by the master's clock)."""
    ages = lease_ages(kube, cluster.kubernetes_version, LEASES)
    expect("leases", found=sorted(ages), expected=list(LEASES))
    old = [f"{name}: {age:.0f} s ago" for name, age in ages.items() if abs(age) > LEASE_AGE]
    expect(f"leases not renewed for {LEASE_AGE:g} s", found=old, expected=[])


@check(
    "C16",
    section="3.14",
    source="runbook 3.14",
    on=whole_cluster,
    title_zh="kubeadm-config 中 NodePort 端口段正确",
    fix="add service-node-port-range to apiServer.extraArgs in ConfigMap kubeadm-config",
)
def test_node_ports_of_kubeadm(kube: Kubernetes) -> None:
    """kubeadm-config also holds the NodePort range, so an upgrade keeps it in the manifest."""
    extra = kubeadm.extra_arguments(kubeadm_configuration(kube), "apiServer")
    expect(
        "service-node-port-range in kubeadm-config",
        found=extra.get("service-node-port-range", "not set"),
        expected=kubeadm.NODE_PORTS,
    )


@check(
    "C17",
    section="3.14",
    source="runbook 3.14",
    on=master,
    title_zh="API Server 按配置的 NodePort 端口段分配端口",
    fix="restart kube-apiserver: the running one differs from its manifest",
)
def test_node_ports_in_force(cluster: Cluster, host: Host) -> None:
    """The API server allocates NodePorts from the runbook's range, as recorded in etcd.

    A dry run does not show this: in one, Kubernetes 1.20 was seen to accept port 50000 whatever the range.
    """
    found = recorded_node_ports(host, cluster.kubernetes_version) or "none"
    expect("NodePort range recorded in etcd", found=found, expected=kubeadm.NODE_PORTS)


@check(
    "C08",
    section="3.11",
    source="kubeadm networking",
    on=master,
    title_zh="Pod 与 Service 网段在各处一致",
    fix="correct config.yaml: the ranges of a running cluster cannot be changed",
)
def test_networks_agree(cluster: Cluster, kube: Kubernetes) -> None:
    """The configured pod and service ranges are in force in kubeadm-config, component flags and on every node."""
    networking = kubeadm_configuration(kube).get("networking") or {}
    services = {
        "kubeadm-config": networking.get("serviceSubnet", "none"),
        "kube-apiserver": running_flags(cluster, kube, "kube-apiserver").get("service-cluster-ip-range", "none"),
    }
    pods = {
        "kubeadm-config": networking.get("podSubnet", "none"),
        "kube-controller-manager": running_flags(cluster, kube, "kube-controller-manager").get("cluster-cidr", "none"),
    }
    other = [f"service range in {k}: {v}" for k, v in services.items() if v != cluster.service_range]
    other += [f"pod range in {k}: {v}" for k, v in pods.items() if v != cluster.pod_range]
    of_nodes = {str(node["metadata"]["name"]): str(node["spec"].get("podCIDR", "none")) for node in kube.list("nodes")}
    outside = [f"pod range of {name}: {own}" for name, own in of_nodes.items() if not within(own, cluster.pod_range)]
    expect(f"ranges other than {cluster.service_range} and {cluster.pod_range}", found=other + outside, expected=[])


@check(
    "C09",
    section="3.11",
    source="kubeadm#1162",
    on=whole_cluster,
    title_zh="集群 DNS 至少有一个就绪的 Pod",
    fix="check deployment coredns in kube-system with kubectl describe and logs; scale it up",
    causes=[nodes.test_node_is_ready],
)
def test_cluster_dns_has_endpoints(kube: Kubernetes) -> None:
    """The cluster DNS service has at least one ready pod."""
    endpoints = expect_present(
        kube.get("endpoints", "kube-dns", namespace="kube-system"), "service kube-system/kube-dns"
    )
    ready = [a["ip"] for subset in endpoints.get("subsets") or () for a in subset.get("addresses") or ()]
    expect_that(ready, "ready pods behind kube-dns", found=ready, expected="at least one")


@check(
    "C10",
    section="3.11",
    source="upstream check_docker_ready.sh",
    on=whole_cluster,
    title_zh="每个就绪节点上的 kube-proxy 均就绪",
    fix="check the kube-proxy pod with kubectl -n kube-system describe and logs",
)
def test_kube_proxy_runs_everywhere(kube: Kubernetes) -> None:
    """Every ready node has a ready kube-proxy pod."""
    proxies = [pod for pod in system_pods(kube) if label_of(pod, "k8s-app") == "kube-proxy"]
    served = {p["spec"].get("nodeName") for p in proxies if objects.is_ready(p)}
    ready = objects.ready_names(kube.list("nodes"))
    expect("ready nodes without a ready kube-proxy", found=[name for name in ready if name not in served], expected=[])


@check(
    "C11",
    section="3.11",
    source="CIS practice",
    on=whole_cluster,
    severity=Severity.WARNING,
    title_zh="没有待批准的证书请求，没有长期有效的引导令牌",
    fix="kubectl certificate approve or deny; kubeadm token delete",
)
def test_no_open_doors(kube: Kubernetes) -> None:
    """No certificate request is pending, and no bootstrap token is valid for longer than kubeadm's 24 hours.

    One that is approved waits, too, until the controller manager has signed it.
    """
    requests = {objects.name_of(r): request_state(r) for r in kube.list("certificatesigningrequests")}
    pending = [f"{name}{said}" for name, said in requests.items() if said is not None]
    expect("pending certificate requests", found=pending, expected=[])
    secrets = kube.list("secrets", namespace="kube-system")
    tokens = [s for s in secrets if s.get("type") == "bootstrap.kubernetes.io/token"]
    long = [t["metadata"]["name"] for t in tokens if hours_left(t, secrets.at.timestamp()) > TOKEN_LIFE]
    expect("bootstrap tokens valid for more than 24 h", found=long, expected=[])


@check(
    "C12",
    section="3.11",
    source="sig-scalability SLO",
    on=whole_cluster,
    severity=Severity.WARNING,
    title_zh="API Server 响应时间正常",
    fix="check etcd's disk latency (fsync) and the master's load",
)
def test_api_answers_quickly(kube: Kubernetes) -> None:
    """The API server's median response time over five requests is under 1 s."""
    paths = [f"/version?reading={n}" for n in range(LATENCY_READINGS)]
    for path in paths:
        kube.document(path)
    taken = median(kube.answer(path).seconds for path in paths)
    expect_that(taken < SLOW, "median response time", found=f"{taken:.2f} s", expected=f"under {SLOW:g} s")


@check(
    "C13",
    section="3.11",
    source="troubleshoot",
    on=whole_cluster,
    severity=Severity.WARNING,
    title_zh="近一小时没有 Pod 驱逐、资源不足和清理失败事件",
    fix="check kubectl get events -A; free disk or memory on the host named",
)
def test_no_grave_events(kube: Kubernetes) -> None:
    """In the last hour there was no pod eviction, shortage of memory, disk or processes, or failed clean-up."""
    events = kube.list("events")
    grave = [
        f"{event['reason']} {event['involvedObject'].get('name')}: {event.get('message', '')}"
        for event in events
        if is_grave(event) and (events.at - last_seen(event)).total_seconds() < 3600
    ]
    expect("serious events", found=grave, expected=[])


def is_grave(event: Any) -> bool:
    """Whether an event is one of those; the eviction for a taint may also be called off, under the same reason."""
    is_called_off = str(event.get("message", "")).startswith("Cancelling deletion")  # taint_eviction.go
    return event.get("reason") in GRAVE and not is_called_off


def request_state(request: Any) -> str | None:
    """What is to be said of a certificate request that is pending, maybe nothing; None of one that is not.

    It is until it has one of two conditions, whatever others say. Those hold wherever they are: the API takes no other
    status for them (certificates/v1), and up to Kubernetes 1.18 they have none.
    """
    said = objects.status_of(request)
    types = {condition["type"] for condition in said.get("conditions") or ()}
    if types.isdisjoint(("Approved", "Denied")):
        return ""
    is_unsigned = "Approved" in types and "Failed" not in types and not said.get("certificate")
    return " (approved, not signed)" if is_unsigned else None


def kubeadm_configuration(kube: Kubernetes) -> dict[str, Any]:
    """kubeadm's ClusterConfiguration. Mismatch where the cluster has none."""
    return expect_present(cluster_configuration(kube), f"ConfigMap kube-system/{KUBEADM_CONFIG}")


def running_flags(cluster: Cluster, kube: Kubernetes, component: str) -> dict[str, str]:
    """The flags that a component runs with. Mismatch where it has no pod."""
    flags = component_flags(cluster, kube, component)
    return expect_present(flags, f"pods of {component} on {cluster.master.name}")


def within(inner: str, outer: str) -> bool:
    """Whether a network lies in another one; what is no network, or one of the other version of IP, does not."""
    try:
        return ip_network(inner).subnet_of(ip_network(outer))  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return False
