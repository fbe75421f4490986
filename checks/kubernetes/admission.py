"""C, W: what keeps an object from being created or from going away, though every node is ready."""

from __future__ import annotations

from datetime import timedelta

from checks.kubernetes import control_plane
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect
from dlws.engine.targets import master, whole_cluster
from dlws.facts import admission, extensions
from dlws.kubernetes import leaving, objects
from dlws.kubernetes.extensions import aggregated
from dlws.platform.services import METRICS_API
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from dlws.verdict import Severity

UNSEEN = timedelta(seconds=30)
"""Judgement: a scheduler gives a pod a node, or the reason why none fits, within a second."""


@check(
    "C18",
    section="3.11",
    source="k8s admission webhooks",
    on=master,
    title_zh="失败即拒绝的 webhook 均可访问且证书可信",
    fix="bring the webhook's service back, renew its certificate and caBundle together, or delete its configuration:"
    " kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations,crd",
)
def test_required_webhooks_answer(cluster: Cluster, host: Host, kube: Kubernetes) -> None:
    """The API server reaches and trusts every webhook with failurePolicy Fail, and those that convert custom resources.

    Without its answer the API server refuses what the webhook is asked about, pods for example. It hangs up on a server
    whose certificate has run out, has another name, or comes from no CA of the caBundle.
    """
    hooks = [hook for hook in extensions.webhooks(kube) if hook.policy == "Fail"]
    expect("required webhooks that do not answer", found=extensions.dead(cluster, kube, host, hooks), expected=[])


@check(
    "C19",
    section="3.11",
    source="k8s admission webhooks",
    on=master,
    severity=Severity.WARNING,
    title_zh="失败可忽略的准入 webhook 均可访问且证书可信",
    fix="bring the webhook's service back, renew its certificate and caBundle together, or delete its configuration:"
    " kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations",
)
def test_optional_webhooks_answer(cluster: Cluster, host: Host, kube: Kubernetes) -> None:
    """The API server reaches and trusts every admission webhook with failurePolicy Ignore.

    Until one answers, each request waits for its time-out, and what it would add or forbid is missing.
    """
    hooks = [hook for hook in extensions.webhooks(kube) if hook.policy != "Fail"]
    expect("optional webhooks that do not answer", found=extensions.dead(cluster, kube, host, hooks), expected=[])


@check(
    "C24",
    section="3.11",
    source="k8s API aggregation",
    on=whole_cluster,
    title_zh="所有聚合 API 可用",
    fix="bring the APIService's service back, or, if its software is gone, kubectl delete apiservice <name>",
)
def test_api_services_answer(cluster: Cluster, kube: Kubernetes) -> None:
    """Every API that the API server forwards to a service is available; D10 judges custom metrics.

    With one that is not, no namespace can be deleted, and kubectl and garbage collection fail.
    """
    judged = [a for a in kube.list("apiservices") if not (cluster.dlworkspace and objects.name_of(a) == METRICS_API)]
    states = {objects.name_of(api): objects.condition_in_words(api, "Available") for api in judged}
    dead = [f"{name}: {state}" for name, state in states.items() if not state.startswith("True")]
    expect("APIs that are not available", found=dead, expected=[])


@check(
    "C25",
    section="3.11",
    source="k8s API aggregation",
    on=master,
    title_zh="聚合 API 的证书可信",
    causes=[test_api_services_answer],
    fix="renew the service's certificate and the APIService's caBundle together: what has installed it does; or, if its"
    " software is gone, kubectl delete apiservice <name>",
)
def test_api_services_are_trusted(cluster: Cluster, host: Host, kube: Kubernetes) -> None:
    """The API server trusts the certificate of every service that it forwards an API to.

    It calls an API available without having looked at the certificate; what is asked of the API fails all the same.
    """
    available = [api for api in kube.list("apiservices") if objects.condition(api, "Available") == "True"]
    asked = list(aggregated(available))
    expect("APIs that the API server does not trust", found=extensions.dead(cluster, kube, host, asked), expected=[])


@check(
    "C22",
    section="3.11",
    source="k8s finalizers",
    on=whole_cluster,
    title_zh="没有卡在删除中的命名空间或其他对象",
    causes=[test_api_services_answer],
    fix="find out who would remove the finalizer (kubectl get <object> -o yaml), and bring it back; remove it by hand"
    " only if what it guards is gone",
)
def test_objects_go_away(kube: Kubernetes) -> None:
    """No namespace, volume, workload, ConfigMap, Secret or custom resource waits to be deleted (W05 judges pods)."""
    listings = {kind: kube.list(kind) for kind in leaving.KINDS}
    custom = leaving.custom_kinds(listings["customresourcedefinitions"])
    listings |= {kind: kube.metadata(kind) for kind in custom}
    stuck = [
        f"{kind} {objects.name_of(thing)}: {why}"
        for kind, listing in listings.items()
        for thing in listing
        if objects.is_being_deleted(thing) and (why := leaving.stuck(thing, listing.at))
    ]
    expect("objects that cannot be deleted", found=stuck, expected=[])


@check(
    "W14",
    section="3.11",
    source="k8s admission control",
    on=whole_cluster,
    title_zh="API Server 允许为各工作负载与作业创建 Pod（dry run）",
    causes=[test_required_webhooks_answer, test_objects_go_away],
    fix="remove what the reason names: a webhook, ResourceQuota, LimitRange, PodSecurityPolicy, a missing PriorityClass"
    " or ServiceAccount",
)
def test_pods_can_be_created(cluster: Cluster, kube: Kubernetes) -> None:
    """The API server would admit a new pod of every workload of DLWS's namespaces, and of a job.

    A dry run as the controller that creates them: nothing is created. Of jobs one without accelerators is asked for,
    and one with an accelerator of each kind.
    """
    refused = [f"{', '.join(names)}: {why}" for why, names in admission.refused_pods(cluster, kube).items()]
    expect("workloads whose pods cannot be created", found=refused, expected=[])


@check(
    "C23",
    section="3.11",
    source="kube-scheduler",
    on=whole_cluster,
    title_zh="调度器处理每个新 Pod",
    causes=[control_plane.test_control_plane_pods_are_ready, control_plane.test_leaders_renew_their_leases],
    fix="see the docker logs of kube-scheduler on the master; a pod with another schedulerName needs that scheduler",
)
def test_new_pods_are_scheduled(kube: Kubernetes) -> None:
    """No pod has waited for more than 30 s without any scheduler looking at it."""
    pods = kube.list("pods")
    unseen = [
        f"{objects.name_of(pod)} (for {pod['spec'].get('schedulerName') or 'default-scheduler'})"
        for pod in pods
        if not pod["spec"].get("nodeName")
        and pod["status"].get("phase") == "Pending"
        and not objects.is_being_deleted(pod)
        and not objects.condition(pod, "PodScheduled")
        and pods.at - objects.instant(pod["metadata"]["creationTimestamp"]) > UNSEEN
    ]
    expect("pods that no scheduler looks at", found=unseen, expected=[])
