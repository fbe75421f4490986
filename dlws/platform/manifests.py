"""A platform service as Kubernetes objects: its launch order, rendered, and on which machines each would run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import yaml

from dlws.config.cluster import Cluster
from dlws.inventory import Arch
from dlws.kubernetes import device_plugins, labels
from dlws.kubernetes.objects import Object
from dlws.kubernetes.pod_network import images_of
from dlws.parse import versions
from dlws.platform import missing_rbac
from dlws.platform.config_maps import MADE
from dlws.platform.templates import Renderer, TemplateError
from dlws.upstream.checkout import SERVICES, CheckoutError, plain_name

WORKLOADS: Final = frozenset({"DaemonSet", "Deployment", "StatefulSet"})
RENAMED: Final[Mapping[tuple[str, str], str]] = {
    ("apiregistration.k8s.io/v1beta1", "APIService"): "apiregistration.k8s.io/v1",
}
"""API versions that Kubernetes 1.22 dropped, to those that took their place with the same fields."""
NO_APPLY: Final = frozenset({("apiregistration.k8s.io", "APIService")})
"""Groups and kinds that are created, or merged into what is there. Asked to apply one, Kubernetes' API server panics
("FieldManager must be installed to run apply", seen with 1.20.2) and cuts the connection."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Dates stay text, as for kubectl."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object: from which file of the checkout, and for a workload the machines that its selector fits."""

    file: str
    object: Object = field(repr=False)
    nodes: tuple[str, ...] | None
    """None for what is no workload. Empty: it would run nowhere (a variant for another architecture)."""

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
        """`DaemonSet kube-system/mysql`, as people say it."""
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}"

    @property
    def takes_apply(self) -> bool:
        """Whether a server-side apply may be asked of every Kubernetes that the suite installs."""
        return (str(self.object["apiVersion"]).rpartition("/")[0], self.kind) not in NO_APPLY

    @property
    def images(self) -> tuple[str, ...]:
        """The images of a workload, in order."""
        return images_of(self.object) if self.nodes is not None else ()


def of_service(cluster: Cluster, renderer: Renderer, service: str) -> tuple[Manifest, ...]:
    """Every object of a service, in the order they are applied: its rights, then each architecture's launch order.

    TemplateError or CheckoutError says what is wrong in the tree.
    """
    own = tuple(Manifest(missing_rbac.SOURCE, found, None) for found in missing_rbac.OBJECTS.get(service, ()))
    return own + tuple(
        _manifest(cluster, file, found)
        for file in files(cluster, renderer, service)
        for found in _objects(renderer, file)
    )


def wanted(manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """Without the workloads that would run nowhere: on an arm64 master upstream's amd64 Deployments stay Pending."""
    return tuple(manifest for manifest in manifests if manifest.nodes != ())


def images_by_node(manifests: Iterable[Manifest]) -> dict[str, tuple[str, ...]]:
    """The images that each machine runs, by the machine's name."""
    found: dict[str, dict[str, None]] = {}
    for manifest in manifests:
        for node in manifest.nodes or ():
            found.setdefault(node, {}).update(dict.fromkeys(manifest.images))
    return {node: tuple(images) for node, images in found.items()}


def files(cluster: Cluster, renderer: Renderer, service: str) -> tuple[str, ...]:
    """The files that the launch orders name, once each. A launch order is a template; its `SLEEP` lines are left out.

    amd64's comes first whatever the machines are: what is there once for all stands in it.
    """
    archs = dict.fromkeys([Arch.AMD64, *cluster.archs])
    orders = (renderer.checkout.launch_order(service, arch) for arch in archs)
    named = tuple(dict.fromkeys(file for order in orders if order for file in _launched(renderer, service, order)))
    if not named:
        known = ", ".join(renderer.checkout.services())
        raise CheckoutError(f"{SERVICES}/{service}: no service with a launch_order; there are {known}")
    return named


def objects(text: str, file: str) -> list[Object]:
    """The Kubernetes objects that a rendered manifest writes. TemplateError if it is not YAML, or no objects."""
    try:
        documents = [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1} of what it renders to" if mark else "what it renders to"
        raise TemplateError(file, 0, f"{where} is not YAML: {getattr(error, 'problem', None) or error}") from None
    for document in documents:
        about = document.get("metadata") if isinstance(document, dict) else None
        named = isinstance(about, dict) and isinstance(about.get("name"), str)
        if not named or not all(isinstance(document.get(key), str) for key in ("apiVersion", "kind")):
            raise TemplateError(file, 0, "renders to something that is no Kubernetes object")
    return documents


def _launched(renderer: Renderer, service: str, order: str) -> Iterator[str]:
    for line in renderer.text(order).splitlines():
        if line.strip() and not line.startswith("SLEEP"):
            yield f"{SERVICES}/{service}/{plain_name(line.strip(), order)}"


def _manifest(cluster: Cluster, file: str, found: Object) -> Manifest:
    try:
        return Manifest(file, _adapted(cluster, found), _placed(cluster, found))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        message = f"renders to a {found['kind']} that lacks its form: {type(error).__name__}: {error}"
        raise TemplateError(file, 0, message) from None


def _objects(renderer: Renderer, file: str) -> list[Object]:
    return [MADE[file](renderer)] if file in MADE else objects(renderer.text(file), file)


def _adapted(cluster: Cluster, found: Object) -> Object:
    """The object as this cluster's Kubernetes takes it in a server-side apply; all else stays as the tree has it."""
    version = RENAMED.get((found["apiVersion"], found["kind"]))
    found = {**found, "apiVersion": version} if version else found
    pod = _pod(found)
    if found["kind"] == "Service" and found["apiVersion"] == "v1":
        return {**found, "spec": _with_protocols(found["spec"])}
    if pod is None:
        return found
    groups = {key: [_container(c) for c in pod[key]] for key in ("initContainers", "containers") if pod.get(key)}
    spec: Object = {**pod, **groups}
    spec = _tolerant(spec) if _has_new_taint(cluster) else spec
    return {**found, "spec": {**found["spec"], "template": {**found["spec"]["template"], "spec": spec}}}


def _container(container: Object) -> Object:
    """Without variables set twice, which a server-side apply refuses: the last one counts, as for the kubelet."""
    env = {variable["name"]: variable for variable in container.get("env") or ()}
    return _with_protocols({**container, "env": list(env.values())} if env else container)


def _with_protocols(holder: Object) -> Object:
    """Ports with their protocol: it is part of their key, and up to Kubernetes 1.19 an apply refuses one without."""
    ports = holder.get("ports")
    return {**holder, "ports": [{"protocol": "TCP"} | port for port in ports]} if ports else holder


def _has_new_taint(cluster: Cluster) -> bool:
    return versions.kubernetes(cluster.kubernetes_version) >= versions.kubernetes("v1.24.0")


def _tolerant(pod: Object) -> Object:
    """A pod that tolerated the master's taint by its former name tolerates it by the present one too."""
    tolerated = pod.get("tolerations") or []
    former, present = labels.MASTER_TAINTS
    new = [{**t, "key": present} for t in tolerated if t.get("key") == former]
    return {**pod, "tolerations": [*tolerated, *(t for t in new if t not in tolerated)]} if new else pod


def _placed(cluster: Cluster, found: Object) -> tuple[str, ...] | None:
    pod = _pod(found)
    if pod is None:
        return None
    return tuple(n.name for n in cluster.nodes if device_plugins.selects(pod, labels.for_node(cluster, n)))


def _pod(found: Object) -> Object | None:
    """The pod that a workload makes; None for what is none."""
    if found["kind"] not in WORKLOADS:
        return None
    pod: Object = found["spec"]["template"]["spec"]
    return pod
