"""The platform's services (runbook 3.16): order, objects, ports, routes. Data for stages and checks.

Names and numbers are those of V0.1.6.1's services, rendered (docs/upstream.md#services, docs/upstream.md#routes,
docs/upstream.md#ports); `contract` compares the user's own checkout with them. A workload has one object, or one for
each architecture: `<name>-arm64`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from dlws.config.cluster import Cluster
from dlws.config.schema import Configuration
from dlws.inventory import Arch, Node
from dlws.kubernetes import labels
from dlws.platform.manifests import Manifest


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a workload listens on, on its hosts; `health` is a path that answers 200 when all is well."""

    number: int
    what: str
    health: str = ""
    configured: Callable[[Configuration], int | None] = lambda _: None
    """The number that the configuration sets; None if it sets none."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A DaemonSet or Deployment of a service.

    `label` is the node label, besides archType, that selects its machines (docs/upstream.md#services); "" for all.
    """

    name: str
    kind: str
    namespace: str
    label: str = ""
    ports: tuple[Port, ...] = ()
    twin: bool = True
    """True: there is a separate arm64 object. False: one object serves both architectures."""
    selector: str = ""
    """A label that only its pods have, if that is not `app=<name>`."""
    selector_has_arch: bool = False
    """The arm64 twin's pods have `-arm64` in that label too."""
    optional: bool = False
    """Upstream's own checker skips it, because it may not work on every cluster."""
    wanted: Callable[[Configuration], bool] = lambda _: True
    """Whether the configuration asks for it."""

    def object_name(self, arch: Arch) -> str:
        """The name of its object for machines of an architecture."""
        return f"{self.name}-{arch}" if self.twin and arch is not Arch.AMD64 else self.name

    def pod_selector(self, arch: Arch) -> str:
        """The label selector of its pods, `app=jobmanager`. Upstream's own selectors also match other workloads."""
        name = self.object_name(arch) if self.selector_has_arch else self.name
        return self.selector or f"app={name}"

    def ports_on(self, cluster: Cluster) -> tuple[Port, ...]:
        """Its ports on this cluster, with the numbers that the configuration sets."""
        return tuple(replace(port, number=port.configured(cluster.settings) or port.number) for port in self.ports)

    def nodes(self, cluster: Cluster) -> tuple[Node, ...]:
        """The machines it runs on; with one exception every service of the runbook runs only on the master."""
        if not self.wanted(cluster.settings):
            return ()
        return tuple(n for n in cluster.nodes if not self.label or self.label in labels.for_node(cluster, n))

    def objects(self, cluster: Cluster) -> tuple[str, ...]:
        """The names of its objects on this cluster, one for each architecture that it runs on."""
        return tuple(dict.fromkeys(self.object_name(node.arch) for node in self.nodes(cluster)))


@dataclass(frozen=True, slots=True)
class Service:
    """A service that `kubernetes start <name>` started. `after` names services whose objects it needs.

    Each has a stage, named like it with `_` for `-`, and a check, `<stage>_runs`.
    """

    name: str
    id: str
    """The id of its check in the catalogue, which stays the same when services are added."""
    workloads: tuple[Workload, ...]
    after: tuple[str, ...] = ()
    crd: str = ""
    """The CustomResourceDefinition that its operator makes and its later objects need."""
    config_files: bool = False
    """Whether its pods mount the files that runbook 3.15 and 3.16.2 write to the host (`dlws.platform.web_files`)."""

    @property
    def stage(self) -> str:
        """The stage that starts it: `custom_user_dashboard`."""
        return self.name.replace("-", "_")


def _daemon(name: str, *ports: Port, label: str, selector: str = "") -> Workload:
    return Workload(name, "DaemonSet", "default", label, ports, selector=selector)


def _monitor(name: str, kind: str, *ports: Port, label: str = "", selector: str = "") -> Workload:
    return Workload(name, kind, "kube-system", label, ports, twin=name != "node-exporter", selector=selector)


ALERTMANAGER: Final = Port(9093, "alertmanager", "/alert-manager/-/healthy")
_MANAGERS: Final = ("job", "user", "node", "joblog", "command", "endpoint", "job", "job", "job")

SERVICES: Final[tuple[Service, ...]] = (
    Service(
        "mysql",
        "D30",
        (
            Workload(
                "mysql",
                "DaemonSet",
                "kube-system",
                "mysql",
                (Port(3306, "mysql", configured=lambda settings: settings.mysql_port),),
                twin=False,
            ),
        ),
    ),
    Service(
        "custommetrics",
        "D31",
        (
            Workload(
                "prometheus-operator",
                "Deployment",
                "default",
                twin=False,
                selector="operator=prometheus",
                optional=True,
            ),
            Workload("custom-metrics-apiserver", "Deployment", "custom-metrics", twin=False, optional=True),
        ),
        crd="prometheuses.monitoring.coreos.com",
    ),
    Service(
        "jobmanager2",
        "D32",
        (
            _daemon(
                "jobmanager",
                *(Port(9200 + n, f"{what} manager", "/metrics") for n, what in enumerate(_MANAGERS)),
                Port(9300, "redis"),
                label="jobmanager",
            ),
        ),
        after=("mysql",),
        config_files=True,
    ),
    Service(
        "restfulapi2",
        "D33",
        (_daemon("restfulapi", Port(5000, "REST API", "/apis/docs/"), label="restfulapi"),),
        after=("mysql",),
        config_files=True,
    ),
    Service("openresty", "D34", (_daemon("openresty", Port(5080, "endpoints"), label="restfulapi"),)),
    Service("nginx", "D35", (_daemon("nginx", Port(80, "http", "/html/index.html"), label=""),)),
    Service(
        "repairmanager2",
        "D36",
        (_daemon("repairmanager2", label="repairmanager", selector="app=repairmanager"),),
        after=("jobmanager2",),  # its readiness probe asks jobmanager's port, 9200
    ),
    Service(
        "monitor",
        "D37",
        (
            _monitor("node-exporter", "DaemonSet", Port(9100, "node exporter", "/metrics")),
            _monitor("job-exporter", "DaemonSet", Port(9102, "job exporter", "/healthz")),
            _monitor("watchdog", "Deployment", Port(9101, "watchdog", "/healthz"), label="watchdog"),
            _monitor(
                "prometheus-deployment",
                "Deployment",
                Port(9091, "prometheus", "/prometheus/-/ready"),
                Port(9092, "gpu reporter", "/metrics"),
                label="prometheus",
                selector="app=prometheus",
            ),
            _monitor("grafana", "Deployment", Port(3000, "grafana", "/api/health"), label="grafana"),
            Workload(
                "alert-manager",
                "Deployment",
                "kube-system",
                "alert-manager",
                (ALERTMANAGER,),
                twin=False,
                wanted=lambda settings: settings.has_alertmanager,
            ),
        ),
        after=("custommetrics",),
    ),
    Service(
        "webui3",
        "D38",
        (_daemon("webui3", Port(3081, "web interface", "/api/"), label="webportal"),),
        after=("restfulapi2", "nginx"),
        config_files=True,
    ),
    Service(
        "custom-user-dashboard",
        "D39",
        (
            Workload(
                "custom-user-dashboard-backend",
                "DaemonSet",
                "default",
                "jobmanager",
                (Port(5001, "user dashboard backend"), Port(9301, "redis")),
                selector_has_arch=True,
            ),
            Workload(
                "custom-user-dashboard-frontend",
                "DaemonSet",
                "default",
                "jobmanager",
                (Port(3083, "user dashboard"),),
                selector_has_arch=True,
            ),
        ),
        after=("restfulapi2", "nginx"),
        config_files=True,
    ),
)
"""In the order they are started (docs/upstream.md#order-of-services). Unlike in the runbook, custommetrics comes before
monitor, which needs the service account that it creates. The device plugins are in runbook 3.13
(`dlws.kubernetes.device_plugins`)."""

NODE_PORTS: Final[tuple[Port, ...]] = (Port(30999, "metrics-prometheus"),)
"""NodePorts of the services, open on every machine."""


CONTAINER_ONLY: Final = {"custom-metrics-apiserver": frozenset({443})}
"""Ports of pods that are not on the host's network."""


@dataclass(frozen=True, slots=True)
class Route:
    """The destination of a path in nginx: a port of its own host, or a folder (`services/nginx/default.conf`)."""

    path: str
    workload: str
    """The workload with the port; "" for a folder."""
    service: str
    backend_path: str = ""
    """The path that replaces `path` in the request to the backend; "" if it stays."""

    @property
    def port(self) -> int | None:
        """The port that nginx sends to; None for a folder."""
        return workload(self.workload).ports[0].number if self.workload else None


ROUTES: Final[tuple[Route, ...]] = (
    Route("/", "webui3", "webui3"),
    Route("/api/", "webui3", "webui3"),
    Route("/dlws/", "webui3", "webui3", "/"),
    Route("/dashboard/", "", "webui3"),
    Route("/apis/", "restfulapi", "restfulapi2"),
    Route("/endpoints/", "openresty", "openresty"),
    Route("/custom-user-dashboard-backend/", "custom-user-dashboard-backend", "custom-user-dashboard", "/"),
    Route("/custom-user-dashboard", "custom-user-dashboard-frontend", "custom-user-dashboard", "/"),
)
"""The routes of the runbook's services; nginx has more, to services that the runbook does not start. Backends listen on
localhost, so they answer only on the master."""
BEHIND_NGINX: Final = tuple(dict.fromkeys(route.service for route in ROUTES))
"""The services that nginx sends to."""
STATIC: Final = "/www/static"
"""The folder of static files; `/dashboard/` serves `<STATIC>/dashboard`."""


def by_name(name: str) -> Service:
    """The service of that name. KeyError if the runbook starts none."""
    for service in SERVICES:
        if service.name == name:
            return service
    raise KeyError(f"{name} is no service of the runbook; there are {', '.join(s.name for s in SERVICES)}")


def workloads() -> tuple[Workload, ...]:
    """Every workload, in order."""
    return tuple(workload for service in SERVICES for workload in service.workloads)


def contract(cluster: Cluster, service: Service, manifests: Iterable[Manifest]) -> list[str]:
    """The differences between a checkout's rendered service and this table, in words; empty if they agree.

    Each workload must have its objects, on the same machines, with pods that its selector matches and the ports of the
    table (only ports that a manifest names can differ; some upstream manifests name none).
    """
    rendered = {(m.kind, m.namespace or "default", m.name): m for m in manifests if m.nodes}
    differences = []
    for workload in service.workloads:
        nodes = workload.nodes(cluster)
        for name, arch in {workload.object_name(node.arch): node.arch for node in nodes}.items():
            key = (workload.kind, workload.namespace, name)
            title = "{} {}/{}".format(*key)
            manifest = rendered.get(key)
            if manifest is None:
                differences.append(f"{title} is not there, or would run nowhere")
                continue
            expected = tuple(node.name for node in nodes if not workload.twin or node.arch is arch)
            if manifest.nodes != expected:
                would = ", ".join(manifest.nodes or ())
                differences.append(f"{title} would run on {would}, not {', '.join(expected)}")
            label, _, value = workload.pod_selector(arch).partition("=")
            template = manifest.object["spec"]["template"]
            if template["metadata"]["labels"].get(label) != value:
                differences.append(f"the pods of {title} lack the label {label}={value}")
            named = {int(p["containerPort"]) for c in template["spec"]["containers"] for p in c.get("ports") or ()}
            other = (
                named
                - {port.number for port in workload.ports_on(cluster)}
                - CONTAINER_ONLY.get(workload.name, frozenset())
            )
            if other:
                differences.append(f"{title} listens on {', '.join(map(str, sorted(other)))} too")
    return differences


def url(name: str, port: int = 0) -> str:
    """The URL of a workload on its own host: `url("grafana")` is `http://127.0.0.1:3000`.

    `port` is the index of one of its ports. KeyError if there is no such workload.
    """
    return f"http://127.0.0.1:{workload(name).ports[port].number}"


def workload(name: str) -> Workload:
    """The workload of that name. KeyError if the platform has none."""
    for candidate in workloads():
        if candidate.name == name:
            return candidate
    raise KeyError(f"{name} is no workload of the platform")


def host_ports(cluster: Cluster, node: Node) -> dict[int, str]:
    """By port, the workload that listens on it on a machine; with hostNetwork, conflicts are possible."""
    return {
        port.number: workload.name
        for workload in workloads()
        if node in workload.nodes(cluster)
        for port in workload.ports_on(cluster)
    }


ALSO_TAKEN: Final[Mapping[str, tuple[Port, ...]]] = {
    "nginx": (Port(443, "https"),),
    "prometheus-deployment": (ALERTMANAGER,),
    "webui3": (Port(3080, "web interface"),),
}
"""By workload, further ports of its hosts that DLWS uses in some configurations: HTTPS if nginx has certificates and
Alertmanager if it is configured (upstream's check_service.py), the web interface if it has params.py's port."""


def reserved_ports(cluster: Cluster, node: Node) -> dict[int, str]:
    """By port of a machine, its use by DLWS: the ports of `host_ports`, and those that DLWS may use later."""
    also = {
        port.number: port.what
        for workload in workloads()
        if node in workload.nodes(cluster)
        for port in ALSO_TAKEN.get(workload.name, ())
    }
    return also | host_ports(cluster, node)


def namespaces() -> tuple[str, ...]:
    """The namespaces in which DLWS runs: those of its services, of its jobs (`default`) and of Kubernetes itself."""
    return tuple(sorted({"default", "kube-system", *(workload.namespace for workload in workloads())}))


METRICS_API: Final = "v1beta1.custom.metrics.k8s.io"
"""The APIService of custommetrics."""
METRICS: Final = ("prometheus-metrics-prometheus", ("prometheus", "metrics-prometheus"))
"""The StatefulSet that custommetrics' operator makes of its Prometheus object, and a label of its pods."""


def is_platforms(thing: Mapping[str, Any]) -> bool:
    """Whether a pod, by its labels, or a DaemonSet, Deployment or StatefulSet, by its name, is one of the services'."""
    metadata = thing["metadata"]
    namespace, own_labels = str(metadata.get("namespace") or "default"), dict(metadata.get("labels") or {})
    if namespace == "default" and (metadata["name"] == METRICS[0] or METRICS[1] in own_labels.items()):
        return True
    for workload in workloads():
        names = {workload.object_name(arch) for arch in Arch}
        selectors = {workload.pod_selector(arch).partition("=")[::2] for arch in Arch}
        if namespace == workload.namespace and (metadata["name"] in names or selectors & own_labels.items()):
            return True
    return False
