"""The platform that a configuration and its checkout define: objects, files, images. Used by stages and checks.

Rendered once for each configuration and process, so that a run applies and judges the same platform.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Final

from dlws.config.cluster import Cluster
from dlws.config.schema import Images
from dlws.config.values import is_image_name
from dlws.inventory import Arch, Node
from dlws.kubernetes import labels
from dlws.platform import (
    grafana,
    image_names,
    manifests,
    readiness,
    rendering,
    rollout,
    secret_files,
    services,
    web_files,
)
from dlws.platform.image_names import Build
from dlws.platform.job_objects import DOCKER_HUB, registry_key
from dlws.platform.manifests import Manifest
from dlws.platform.services import SERVICES
from dlws.platform.templates import Renderer, TemplateError
from dlws.platform.web_files import HostFile
from dlws.upstream.checkout import CheckoutError

INIT_CONTAINER: Final = "init-container"
"""The image that every job starts with (docs/upstream.md#images); needed wherever jobs run, named in no manifest."""


MOST_KEPT: Final = 8


@dataclass(frozen=True, eq=False)
class Platform:
    """The platform of one cluster, rendered on first use.

    Everything here may raise CheckoutError or TemplateError, and may contain secrets.
    """

    cluster: Cluster
    renderer: Renderer
    _manifests: dict[str, tuple[Manifest, ...]] = field(default_factory=dict, init=False)
    _contexts: dict[image_names.Image, bytes] = field(default_factory=dict, init=False)
    _digests: dict[Arch, dict[str, str]] = field(default_factory=dict, init=False)

    def manifests(self, service: str) -> tuple[Manifest, ...]:
        """The objects of a service in the order they are applied, without those that would run nowhere."""
        if service not in self._manifests:
            self._manifests[service] = self._rendered(service)
        return self._manifests[service]

    def _rendered(self, service: str) -> tuple[Manifest, ...]:
        every = manifests.of_service(self.cluster, self.renderer, service)
        placeable = readiness.probed(self.cluster, services.by_name(service), manifests.placeable(every))
        built = [self.digests(arch) for arch in self.cluster.archs] if self.is_built else []
        images = dict(pair for digests in built for pair in digests.items())
        prepared = secret_files.kept_secret(rollout.prepared(placeable, self._files, images))
        ready = tuple(grafana.with_own_password(prepared, self.renderer.cnf))
        return rollout.from_hosts(ready) if is_on_hosts_only(self.cluster) else ready

    @property
    def is_built(self) -> bool:
        """Whether the suite builds DLWS's own images."""
        return self.cluster.suite.images is Images.BUILD

    @cached_property
    def host_files(self) -> tuple[HostFile, ...]:
        """The files that are written to the master (runbook 3.15 and 3.16.2)."""
        return web_files.host_files(self.cluster, self.renderer)

    @cached_property
    def routes(self) -> str:
        """The text of nginx's routes on every host (3.16.7): the same for all, which an audit asks for each of them."""
        return web_files.nginx_routes(self.cluster, self.renderer)

    @property
    def _files(self) -> dict[str, str]:
        return {file.path: file.text for file in self.host_files} | {web_files.NGINX_FILE: self.routes}

    def images(self, node: Node) -> tuple[str, ...]:
        """The images that a machine runs: its services', and the one that jobs start with."""
        own = self._images_by_node.get(node.name, ())
        for_jobs = [b.full_name for b in self.builds(node.arch) if b.image.name == INIT_CONTAINER]
        return tuple(dict.fromkeys([*own, *(for_jobs if labels.takes_jobs(self.cluster, node) else ())]))

    @cached_property
    def _images_by_node(self) -> dict[str, tuple[str, ...]]:
        every = (manifest for service in SERVICES for manifest in self.manifests(service.name))
        return manifests.images_by_node(every)

    def image_digests(self, node: Node) -> dict[str, str]:
        """The images that a machine runs, each with the digest of its sources; "" for one that is not built here."""
        built = self.digests(node.arch) if self.is_built else {}
        return {name: built.get(name, "") for name in self.images(node)}

    def pulled_images(self, node: Node) -> list[str]:
        """DLWS's own images that a machine pulls from a registry, which may have a newer one by now."""
        if self.is_built or not has_registry(self.cluster):
            return []
        runs = self.images(node)
        return [build.full_name for build in self.builds(node.arch) if build.full_name in runs]

    @property
    def webui_image(self) -> str:
        """The name of the image that holds the web interface's static files, for the master's architecture."""
        return next(b.full_name for b in self.builds(self.cluster.master.arch) if b.image.name == "webui3")

    def builds(self, arch: Arch) -> tuple[Build, ...]:
        """DLWS's own images for an architecture: to build, or to find in the registry."""
        return tuple(build for build in self._builds if build.arch is arch)

    @cached_property
    def _builds(self) -> tuple[Build, ...]:
        return image_names.builds(self.cluster, self.renderer)

    @property
    def misnamed(self) -> list[Build]:
        """Those of DLWS's own images whose names Docker refuses."""
        return [
            build for arch in self.cluster.archs for build in self.builds(arch) if not is_image_name(build.full_name)
        ]

    def context(self, image: image_names.Image) -> bytes:
        """The build context of an image as `docker build -` takes it."""
        if image not in self._contexts:
            self._contexts[image] = image_names.archive(image_names.context(self.renderer, image))
        return self._contexts[image]

    def digest(self, build: Build) -> str:
        """The digest of an image's sources: it identifies the checkout and configuration that it was built from."""
        return image_names.digest(self.context(build.image), build.dockerfile)

    def digests(self, arch: Arch) -> dict[str, str]:
        """By an image's full name, the digest of its sources."""
        if arch not in self._digests:
            self._digests[arch] = {build.full_name: self.digest(build) for build in self.builds(arch)}
        return self._digests[arch]

    def files_with_secrets(self, arch: Arch) -> list[str]:
        """The files with a secret of the configuration that an architecture's images contain: `<image>: <path>`."""
        hidden = rendering.without_secrets(self.renderer)
        return [
            f"{build.full_name}: {file.path}"
            for build in self.builds(arch)
            for file, masked in zip(
                image_names.context(self.renderer, build.image), image_names.context(hidden, build.image), strict=True
            )
            if file.content != masked.content
        ]


_RENDERED: Final[dict[tuple[str, str | None, Path | None], Platform]] = {}
"""By configuration, cluster id and checkout; a run has one, the suite's own tests have many."""


def of(cluster: Cluster) -> Platform:
    """The platform of a cluster. CheckoutError if no checkout is named, or it is missing or unusable."""
    where = cluster.dlworkspace
    key = (cluster.digest, rendering.cluster_id(cluster), where.resolve() if where else None)
    if key not in _RENDERED:
        platform = Platform(cluster, rendering.renderer(cluster))
        if len(_RENDERED) == MOST_KEPT:
            del _RENDERED[next(iter(_RENDERED))]
        _RENDERED[key] = platform
    return _RENDERED[key]


def troubles(cluster: Cluster) -> list[str]:
    """Templates that cannot be rendered or differ from what stages and checks rely on, one line each; else empty."""
    try:
        platform = of(cluster)
    except CheckoutError as error:
        return [str(error)]
    renderings: list[Callable[[], Iterable[object]]] = [lambda: platform.host_files, lambda: platform.routes and ()]
    renderings += [partial(platform.manifests, service.name) for service in SERVICES]
    if cluster.suite.images is Images.BUILD:
        renderings += [partial(platform.digests, arch) for arch in cluster.archs]
    refusals = [line for render in renderings for line in _refusals(render)]
    if refusals:
        return list(dict.fromkeys(refusals))
    return [
        f"{service.name}: {line}"
        for service in SERVICES
        for rendered in (platform.manifests(service.name),)
        for line in (
            *services.contract(cluster, service, rendered),
            *manifests.unpullable(rendered),
            *manifests.refused(rendered),
        )
    ] + [f"{build.full_name} is no image name for Docker" for build in platform.misnamed]


def _refusals(render: Callable[[], Iterable[object]]) -> list[str]:
    try:
        render()
    except (CheckoutError, TemplateError) as error:
        return [str(error)]
    return []


def keeper(cluster: Cluster, arch: Arch) -> Node:
    """The machine that builds an architecture's images, or checks them in the registry: the master for its own.

    For every other architecture the runbook uses one machine of it. KeyError if there is none.
    """
    for node in (cluster.master, *cluster.nodes):
        if node.arch is arch:
            return node
    raise KeyError(f"no machine of the cluster {cluster.name} is {arch}")


def has_registry(cluster: Cluster) -> bool:
    """Whether DLWS's images are in a registry: if the suite builds them, or the registry is the site's own.

    Prebuilt images with Docker Hub names may exist on the hosts only.
    """
    own = registry_key(cluster.settings.dockerregistry) != DOCKER_HUB
    return own or cluster.suite.images is Images.BUILD


def is_on_hosts_only(cluster: Cluster) -> bool:
    """Whether the hosts have all images from a content folder, and there is no registry that could be asked again."""
    return cluster.content is not None and not has_registry(cluster)
