"""A platform service as Kubernetes objects: its rendered manifests in launch order, and the machines of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import yaml

from dlws.config.cluster import Cluster
from dlws.config.finding import shown
from dlws.config.values import is_image_name
from dlws.inventory import Arch
from dlws.kubernetes import device_plugins, labels
from dlws.kubernetes.objects import Object
from dlws.kubernetes.pod_network import images_of
from dlws.parse import plain_yaml, versions
from dlws.platform.config_maps import MADE
from dlws.platform.templates import Renderer, TemplateError
from dlws.upstream.checkout import SERVICES, CheckoutError, plain_name

LARGEST_CONFIG_MAP: Final = 1 << 20
"""Bytes of all values, and the form of a key (ValidateConfigMap of Kubernetes, pkg/apis/core/validation)."""
_CONFIG_MAP_KEY: Final = re.compile(r"(?!\.$)[-._a-zA-Z0-9]{1,253}")
WORKLOADS: Final = frozenset({"DaemonSet", "Deployment", "StatefulSet"})
RENAMED: Final[Mapping[tuple[str, str], str]] = {
    ("apiregistration.k8s.io/v1beta1", "APIService"): "apiregistration.k8s.io/v1",
}
"""API versions that Kubernetes 1.22 removed, and their replacements with the same fields."""
NO_APPLY: Final = frozenset({("apiregistration.k8s.io", "APIService")})
"""Groups and kinds that are created or merged instead of applied. On an apply of one, Kubernetes' API server panics
("FieldManager must be installed to run apply", seen with 1.20.2) and cuts the connection."""

BROKEN: Final[Mapping[tuple[str, str], frozenset[str]]] = {("Deployment", "alert-manager"): frozenset({"reaper"})}
"""By kind and name of a workload, its containers that cannot run in V0.1.6.1, because their image's name is malformed.
They are left out; once the template is mended they are not. reaper kills idle jobs (alerts of type reaper)."""
NGINX_SCRIPT: Final = "/home/auto-reload-nginx.sh"
COMMANDS: Final[Mapping[tuple[str, ...], tuple[str, ...]]] = {
    (NGINX_SCRIPT,): ("/bin/sh", "-c", f"until sleep 10; nginx -s reload; do nginx; done & exec {NGINX_SCRIPT}")
}
"""Commands of containers, and what takes their place. nginx' script leaves its start to certbot, which runs its hooks
only where it reaches the ACME directory (docs/upstream.md#routes); here nginx is started until one runs."""
SCRAPE_ANNOTATION: Final = "prometheus.io/scrape"
PORT_ANNOTATION: Final = "prometheus.io/port"
"""What a pod tells Prometheus by upstream's scrape configuration (services/monitor/prometheus.yaml)."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Dates stay text, as for kubectl."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object, its file in the checkout, and for a workload the machines that its selector matches."""

    file: str
    object: Object = field(repr=False)
    nodes: tuple[str, ...] | None
    """None if it is not a workload. Empty if it would run nowhere (a variant for another architecture)."""
    left_out: tuple[str, ...] = ()
    """The containers of BROKEN that it would have, each with the name of its image."""

    @property
    def kind(self) -> str:
        """Its kind, as written: `DaemonSet`."""
        return str(self.object["kind"])

    @property
    def namespace(self) -> str:
        """Its namespace as written; empty for `default` and for what has none."""
        return str(self.object["metadata"].get("namespace", ""))

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.object["metadata"]["name"])

    @property
    def title(self) -> str:
        """Its name for messages: `DaemonSet kube-system/mysql`."""
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"

    @property
    def takes_apply(self) -> bool:
        """Whether every Kubernetes that the suite installs supports server-side apply for it."""
        return (str(self.object["apiVersion"]).rpartition("/")[0], self.kind) not in NO_APPLY

    @property
    def images(self) -> tuple[str, ...]:
        """The images of a workload, in order."""
        return images_of(self.object) if self.nodes is not None else ()


def of_service(cluster: Cluster, renderer: Renderer, service: str) -> tuple[Manifest, ...]:
    """Every object of a service, in the order they are applied: each architecture's launch order.

    TemplateError or CheckoutError says what is wrong in the tree.
    """
    return tuple(
        _manifest(cluster, file, rendered)
        for file in files(cluster, renderer, service)
        for rendered in _objects(renderer, file)
    )


def placeable(manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """All but the workloads that would run nowhere: on an arm64 master upstream's amd64 Deployments stay Pending."""
    return tuple(manifest for manifest in manifests if manifest.nodes != ())


def unpullable(manifests: Iterable[Manifest]) -> list[str]:
    """The images of workloads whose names Docker refuses, a line each; a pod with one never starts."""
    return [
        f"{manifest.title}: {shown(image)} is no image name for Docker"
        for manifest in manifests
        for image in manifest.images
        if not is_image_name(image)
    ]


def refused(manifests: Iterable[Manifest]) -> list[str]:
    """The ConfigMaps that an API server does not take for the files in them, a line each."""
    return [
        f"{manifest.title}: {why}"
        for manifest in manifests
        if manifest.kind == "ConfigMap"
        for why in _faults(manifest.object.get("data") or {})
    ]


def _faults(files: Mapping[str, str]) -> Iterator[str]:
    size = sum(len(text.encode()) for text in files.values())
    if size > LARGEST_CONFIG_MAP:
        yield f"{size} bytes of files; Kubernetes takes {LARGEST_CONFIG_MAP}"
    for name in files:
        if not _CONFIG_MAP_KEY.fullmatch(name) or name.startswith(".."):
            yield f"Kubernetes takes no file named {shown(name)}: only letters, digits, - _ and ."


def images_by_node(manifests: Iterable[Manifest]) -> dict[str, tuple[str, ...]]:
    """The images that each machine runs, by the machine's name."""
    by_node: dict[str, dict[str, None]] = {}
    for manifest in manifests:
        for node in manifest.nodes or ():
            by_node.setdefault(node, {}).update(dict.fromkeys(manifest.images))
    return {node: tuple(images) for node, images in by_node.items()}


def files(cluster: Cluster, renderer: Renderer, service: str) -> tuple[str, ...]:
    """The files that the launch orders name, once each. A launch order is a template; its `SLEEP` lines are skipped.

    amd64's always comes first, because it includes the objects that exist once for all architectures.
    """
    archs = dict.fromkeys([Arch.AMD64, *cluster.archs])
    orders = (renderer.checkout.launch_order(service, arch) for arch in archs)
    named = tuple(dict.fromkeys(file for order in orders if order for file in _launched(renderer, service, order)))
    if not named:
        known = ", ".join(renderer.checkout.services())
        raise CheckoutError(f"{SERVICES}/{service}: no service with a launch_order; there are {known}")
    return named


def objects(text: str, file: str) -> list[Object]:
    """The Kubernetes objects in a rendered manifest. TemplateError if it is not YAML, or not Kubernetes objects."""
    try:
        documents = [document for document in plain_yaml.load_all(text, _Loader) if document is not None]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1} of what it renders to" if mark else "what it renders to"
        raise TemplateError(file, 0, f"{where} is not YAML: {getattr(error, 'problem', None) or error}") from None
    for document in documents:
        metadata = document.get("metadata") if isinstance(document, dict) else None
        named = isinstance(metadata, dict) and isinstance(metadata.get("name"), str)
        if not named or not all(isinstance(document.get(key), str) for key in ("apiVersion", "kind")):
            raise TemplateError(file, 0, "renders to something that is no Kubernetes object")
    return documents


def _launched(renderer: Renderer, service: str, order: str) -> Iterator[str]:
    for line in renderer.text(order).splitlines():
        if line.strip() and not line.startswith("SLEEP"):
            yield f"{SERVICES}/{service}/{plain_name(line.strip(), order)}"


def _manifest(cluster: Cluster, file: str, rendered: Object) -> Manifest:
    try:
        runnable, left_out = _runnable(rendered)
        return Manifest(file, _adapted(cluster, runnable), _placed(cluster, rendered), left_out)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        message = f"renders to a malformed {rendered['kind']}: {type(error).__name__}: {error}"
        raise TemplateError(file, 0, message) from None


def _objects(renderer: Renderer, file: str) -> list[Object]:
    return [MADE[file](renderer)] if file in MADE else objects(renderer.text(file), file)


def _runnable(rendered: Object) -> tuple[Object, tuple[str, ...]]:
    """The object without the containers that are known to be broken, and what is left out, in words."""
    pod = _pod(rendered)
    known = BROKEN.get((rendered["kind"], rendered["metadata"]["name"]), frozenset())
    broken = [c for c in (pod or {}).get("containers", ()) if c["name"] in known and not is_image_name(c["image"])]
    if pod is None or not broken:
        return rendered, ()
    spec = {**pod, "containers": [c for c in pod["containers"] if c not in broken]}
    template = {**rendered["spec"]["template"], "spec": spec}
    words = tuple(f"container {c['name']}, whose image {shown(c['image'])} is no name for Docker" for c in broken)
    return {**rendered, "spec": {**rendered["spec"], "template": template}}, words


def _adapted(cluster: Cluster, rendered: Object) -> Object:
    """The object in the form that a server-side apply on this cluster's Kubernetes accepts; the rest is unchanged."""
    version = RENAMED.get((rendered["apiVersion"], rendered["kind"]))
    rendered = {**rendered, "apiVersion": version} if version else rendered
    pod = _pod(rendered)
    if rendered["kind"] == "Service" and rendered["apiVersion"] == "v1":
        return {**rendered, "spec": _with_protocols(rendered["spec"])}
    if pod is None:
        return rendered
    groups = {key: [_container(c) for c in pod[key]] for key in ("initContainers", "containers") if pod.get(key)}
    spec: Object = {**pod, **groups}
    spec = _tolerant(spec) if _has_new_taint(cluster) else spec
    template = _unscraped({**rendered["spec"]["template"], "spec": spec})
    return {**rendered, "spec": {**rendered["spec"], "template": template}}


def _unscraped(template: Object) -> Object:
    """The pod template; one that names no port at all is no target of Prometheus.

    Prometheus would ask such a pod on the host's network at port 80, where nginx answers with a web page: a target that
    is down for good (repairmanager2 of V0.1.6.1, which serves nothing).
    """
    about = template["metadata"]
    annotations = about.get("annotations") or {}
    listens = PORT_ANNOTATION in annotations or any(c.get("ports") for c in template["spec"]["containers"])
    if listens or SCRAPE_ANNOTATION not in annotations:
        return template
    kept = {key: value for key, value in annotations.items() if key != SCRAPE_ANNOTATION}
    return {**template, "metadata": {**about, "annotations": kept}}


def _container(container: Object) -> Object:
    """The container with a command that starts it, and without duplicate variables, which an apply refuses.

    Of duplicates the last one wins, as for the kubelet.
    """
    if command := COMMANDS.get(tuple(container.get("command") or ())):
        container = {**container, "command": list(command)}
    env = {variable["name"]: variable for variable in container.get("env") or ()}
    return _with_protocols({**container, "env": list(env.values())} if env else container)


def _with_protocols(holder: Object) -> Object:
    """Ports with an explicit protocol: it is part of their key, and up to Kubernetes 1.19 an apply requires it."""
    ports = holder.get("ports")
    for port in ports or ():
        int(port.get("containerPort", port.get("port")))  # ValueError or TypeError: no port, which Kubernetes refuses
    return {**holder, "ports": [{"protocol": "TCP"} | port for port in ports]} if ports else holder


def _has_new_taint(cluster: Cluster) -> bool:
    return versions.kubernetes(cluster.kubernetes_version) >= versions.kubernetes("v1.24.0")


def _tolerant(pod: Object) -> Object:
    """The pod; if it tolerates the master's taint by its former key, it tolerates the present key too."""
    tolerated = pod.get("tolerations") or []
    former, present = labels.MASTER_TAINTS
    new = [{**t, "key": present} for t in tolerated if t.get("key") == former]
    return {**pod, "tolerations": [*tolerated, *(t for t in new if t not in tolerated)]} if new else pod


def _placed(cluster: Cluster, rendered: Object) -> tuple[str, ...] | None:
    pod = _pod(rendered)
    if pod is None:
        return None
    return tuple(n.name for n in cluster.nodes if device_plugins.selects(pod, labels.for_node(cluster, n)))


def _pod(rendered: Object) -> Object | None:
    """The pod spec of a workload; None for any other object."""
    if rendered["kind"] not in WORKLOADS:
        return None
    pod: Object = rendered["spec"]["template"]["spec"]
    return pod
