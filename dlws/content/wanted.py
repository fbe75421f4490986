"""The list of what an install of a configuration needs, by host and by the stage or active check that asks for it.

What is needed is asked of the functions that the stages and checks themselves ask, so that there is no second list;
tests/unit/content holds it against what every stage does on a host that has nothing yet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from dlws.config import platforms
from dlws.config.cluster import Cluster
from dlws.content import lock
from dlws.content.item import Demand, Item, Kind
from dlws.engine import targets
from dlws.facts import apt_sources, kube_host
from dlws.inventory import Node, Role
from dlws.kubernetes import device_plugins, kubeadm, kubeadm_images, pod_network
from dlws.platform import renderings
from dlws.verdict import Unknown

Want = tuple[Kind, str]
_FROM: Final = re.compile(r"^FROM +(?:--\S+ +)*(\S+)(?: +AS +(\S+))?", re.MULTILINE | re.IGNORECASE)
_CLONE: Final = re.compile(r"\bgit +clone\b[^\n;&|]*?((?:https?|git|ssh)://[^\s;&|\"']+)")
SCRATCH: Final = "scratch"


def items(cluster: Cluster, listed: tuple[str, ...] = ()) -> tuple[Item, ...]:
    """Everything that an install of this configuration needs, sorted.

    `listed` are kubeadm's images as kubeadm itself listed them; without it they are known for some versions only.
    LookupError for another version, Unknown for a file that cannot be read or a platform that cannot be rendered:
    CheckoutError, TemplateError.
    """
    return _by_host(cluster, lambda node: (*_packages(cluster, node), *_others(cluster, node, listed)))


def packages(cluster: Cluster) -> tuple[Item, ...]:
    """The packages among `items`, which are always known."""
    return _by_host(cluster, lambda node: tuple(_packages(cluster, node)))


def _by_host(cluster: Cluster, wants: Callable[[Node], Iterable[tuple[str, Want]]]) -> tuple[Item, ...]:
    """What is wanted on each host, with the hosts of one thing together."""
    hosts: dict[tuple[Want, str, str, str], list[Node]] = {}
    for node in cluster.nodes:
        for need, want in wants(node):
            for platform in releases(cluster, node) if want[0] is Kind.PACKAGE else ("",):
                hosts.setdefault((want, node.arch, platform, need), []).append(node)
    return tuple(
        sorted(
            Item(want[0], want[1], nodes[0].arch, platform, need, _names(nodes), _demand(need))
            for (want, _, platform, need), nodes in hosts.items()
        )
    )


def _names(nodes: Iterable[Node]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(node.name for node in nodes))


def _demand(need: str) -> Demand:
    return Demand.OPTIONAL if need in TOOLS_OF_CHECKS else Demand.REQUIRED


def releases(cluster: Cluster, node: Node) -> tuple[str, ...]:
    """The releases that a host may run, `ubuntu 18.04`: those that the site accepts for it, else the runbook's.

    A point release has the packages of its release.
    """
    rows = platforms.accepted(cluster.suite.platforms, node) or platforms.demanded(node)
    return tuple(dict.fromkeys(lock.platform_name(row.os, row.release) for row in rows))


def kubeadm_images_of(cluster: Cluster, node: Node, listed: tuple[str, ...]) -> list[str]:
    """Kubernetes' own images on a host. LookupError where they are not known."""
    every = listed or kubeadm_images.known(cluster)
    return list(every if node.role is Role.INFRASTRUCTURE else kubeadm.node_images(every))


def _packages(cluster: Cluster, node: Node) -> Iterator[tuple[str, Want]]:
    """The packages that a host needs, each with the stage or check that needs it."""
    by_stage = apt_sources.packages_by_stage(cluster, node)
    for stage, names in by_stage.items():
        yield from ((stage, (Kind.PACKAGE, name)) for name in names)
    installed = {name.partition("=")[0] for names in by_stage.values() for name in names}
    for check, name in TOOLS_OF_CHECKS.items():
        if name not in installed:
            yield check, (Kind.PACKAGE, name)
    for check, names in _tool_packages(cluster).items():
        yield from ((check, (Kind.PACKAGE, name)) for name in names)


def _others(cluster: Cluster, node: Node, listed: tuple[str, ...]) -> Iterator[tuple[str, Want]]:
    """What else it needs."""
    for image in kubeadm_images_of(cluster, node, listed):
        yield "kube_images", (Kind.IMAGE, image)
    for need, find in IMAGES.items():
        yield from ((need, (Kind.IMAGE, image)) for image in find(cluster, node))
    for need, names in _files(cluster, node).items():
        yield from ((need, (Kind.FILE, name)) for name in names)
    if cluster.dlworkspace and node == cluster.master:
        yield "platform", (Kind.SOURCE, cluster.written(cluster.dlworkspace))
    yield from (("images_built", (Kind.SOURCE, url)) for url in _clones(cluster, node))
    for check, programs in _tools(cluster, node).items():
        yield from ((check, (Kind.TOOL, name)) for name in programs)


def _is_one(selector: targets.Selector, cluster: Cluster, node: Node) -> bool:
    return node in selector(cluster)


def _gpu_probe(cluster: Cluster, node: Node) -> list[str]:
    return [cluster.suite.gpu_probe_image] if _is_one(targets.gpu_hosts, cluster, node) else []


def _pod_network(cluster: Cluster, node: Node) -> Iterable[str]:
    return pod_network.images(kube_host.pod_network_manifest(cluster)) if cluster.cni_manifest else ()


def _device_plugin(cluster: Cluster, node: Node) -> list[str]:
    is_one = _is_one(targets.device_hosts, cluster, node)
    return [device_plugins.for_node(cluster, node).image] if is_one else []


def _built_from(cluster: Cluster, node: Node) -> list[str]:
    """The images that those of the platform are built on."""
    if not _is_one(targets.image_builders, cluster, node):
        return []
    own = {build.full_name for build in renderings.of(cluster).builds(node.arch)}
    return [image for text in _dockerfiles(cluster, node) for image in bases(text) if image not in own]


def bases(dockerfile: str) -> list[str]:
    """The images that a Dockerfile builds on, without its own earlier stages."""
    found = _FROM.findall(dockerfile)
    stages = {name.lower() for _, name in found if name}
    return list(dict.fromkeys(image for image, _ in found if image.lower() not in {*stages, SCRATCH}))


def _dockerfiles(cluster: Cluster, node: Node) -> Iterator[str]:
    platform = renderings.of(cluster)
    for build in platform.builds(node.arch):
        folder = platform.renderer.checkout.image_folder(build.image.name)
        yield platform.renderer.checkout.read(f"{folder}/{build.dockerfile}")


def _clones(cluster: Cluster, node: Node) -> list[str]:
    """What the build of the platform's images clones: the sources of the dashboards."""
    if not _is_one(targets.image_builders, cluster, node):
        return []
    return list(dict.fromkeys(url for text in _dockerfiles(cluster, node) for url in _CLONE.findall(text)))


def _for_registry(cluster: Cluster, node: Node) -> list[str]:
    """DLWS's own images, which the install pushes where the registry lacks them."""
    if not _is_one(targets.image_keepers, cluster, node) or targets.with_built_images(cluster):
        return []
    return [build.full_name for build in renderings.of(cluster).builds(node.arch)]


def _platform(cluster: Cluster, node: Node) -> list[str]:
    """The platform's images that are neither built nor pulled from the site's own registry."""
    if not _is_one(targets.platform_hosts, cluster, node):
        return []
    platform = renderings.of(cluster)
    pulled = platform.pulled_images(node)
    return [name for name, digest in platform.image_digests(node).items() if not digest and name not in pulled]


def _npu_probe(cluster: Cluster, node: Node) -> list[str]:
    image = cluster.suite.npu_probe_image
    return [image] if image and _is_one(targets.npu_hosts, cluster, node) else []


def _nccl_tests(cluster: Cluster, node: Node) -> list[str]:
    image = cluster.suite.acceptance.nccl_tests_image
    return [image] if image and _is_one(targets.gpu_hosts, cluster, node) else []


def _two_hosts(cluster: Cluster, node: Node) -> list[str]:
    if not _is_one(targets.device_hosts, cluster, node):
        return []
    wanted = cluster.suite.acceptance.two_hosts.get(device_plugins.kind(cluster, node))
    return [wanted.image] if wanted else []


def _job(cluster: Cluster, node: Node) -> list[str]:
    """The image of W11's job, which asks for the first host's kind of accelerator."""
    image, hosts = cluster.suite.acceptance.job_image, device_plugins.hosts(cluster)
    return [image] if image and hosts and node in device_plugins.alike(cluster, hosts[0]) else []


IMAGES: Final[Mapping[str, Callable[[Cluster, Node], Iterable[str]]]] = {
    "probe_image": _gpu_probe,
    "kube_images": _pod_network,
    "device_plugin_image": _device_plugin,
    "images_built": _built_from,
    "images_in_registry": _for_registry,
    "platform_images": _platform,
    "R13": _npu_probe,
    "Q04": _nccl_tests,
    "W11": _job,
    "W12": _two_hosts,
}
"""By stage or active check, the images that it needs on a host, besides kubeadm's. R12 and W09 take `probe_image`'s."""


TOOLS_OF_CHECKS: Final[Mapping[str, str]] = {"H32": "ipmitool", "S12": "smartmontools"}
"""By check of the audit, the package of the program that it asks where a host has it. No stage installs it, unless
suite.packages.node names it: without a network the packages must have come with the others."""


def _tool_packages(cluster: Cluster) -> dict[str, tuple[str, ...]]:
    """Programs of active checks that Debian and Ubuntu have as packages; no stage installs them."""
    promised = cluster.suite.acceptance
    return {"Q01": ("iperf3",) if promised.link else (), "Q02": ("fio",) if promised.disk_write else ()}


def _tools(cluster: Cluster, node: Node) -> dict[str, tuple[str, ...]]:
    """Programs of active checks that come from the vendors."""
    promised = cluster.suite.acceptance
    gpu, npu = (_is_one(kind, cluster, node) for kind in (targets.gpu_hosts, targets.npu_hosts))
    return {
        "Q02": ("nvbandwidth",) if gpu and promised.gpu_copy else (),
        "P25": ("ascend-dmi",) if npu and (promised.npu_copy or promised.npu_tflops) else (),
    }


def _files(cluster: Cluster, node: Node) -> dict[str, list[str]]:
    """The files of the control host that stages bring to a host. Unknown where a folder of packages lacks one."""
    keys = [cluster.written(source.key) for source in cluster.apt_sources(node) if source.key]
    kubernetes = cluster.kubernetes_source
    return {
        "package_sources": keys,
        "kube_source": [cluster.written(kubernetes.key)] if kubernetes and kubernetes.key else [],
        "kube_packages": [cluster.written(path) for path in _package_files(cluster, node)],
        "pod_network": [cluster.written(cluster.cni_manifest)]
        if cluster.cni_manifest and node == cluster.master
        else [],
    }


def _package_files(cluster: Cluster, node: Node) -> list[Path]:
    folder = cluster.packages_folder
    if folder is None:
        return []
    try:
        return kube_host.package_files(folder, node.arch, kube_host.package_version(cluster))
    except FileNotFoundError as error:
        raise Unknown(str(error)) from None
