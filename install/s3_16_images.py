"""Runbook 3.16.1 and 3.16.3 to 6: the registry login, and the platform's images, built and pushed or prebuilt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from operator import methodcaller

from checks import content
from checks.platform import images
from dlws.config.cluster import Cluster
from dlws.config.schema import Images
from dlws.engine.stage import stage
from dlws.engine.targets import image_builders, image_keepers, platform_hosts, registry_users, seeds
from dlws.facts import platform_images, rendered
from dlws.inventory import Node
from dlws.platform.image_names import CONTEXT_LABEL, Build
from dlws.remote.change import Change
from dlws.remote.host import Host
from dlws.remote.seed import REMOVE
from install.images import has_docker, load, load_or_pull, pull

BUILD_DEADLINE = 2 * 60 * 60.0  # seconds: init-container compiles OpenSSL, webui3 fetches a thousand packages
PUSH_DEADLINE = 30 * 60.0


@stage(
    section="3.16",
    on=registry_users,
    after=["platform", "docker"],
    proves=[images.test_registry_login],
)
def test_registry_login(cluster: Cluster, host: Host, change: Change) -> None:
    """Add the configured registry login to Docker; other logins and settings are kept and never recorded."""
    path, logins = platform_images.DOCKER_CONFIG, json.loads(platform_images.configured_logins(cluster))["auths"]
    text = host.read_secret("cat %s", path) if host.run("test -e %s", path).rc == 0 else ""
    current = json.loads(text or "{}")
    config = {**current, "auths": {**(current.get("auths") or {}), **logins}}
    change.make_directory("/root/.docker", mode="0700")
    change.write_file(path, json.dumps(config, indent=2) + "\n", mode="0600")


@stage(
    section="3.16",
    on=image_builders,
    after=["platform", "docker", "registry_login", "build_host"],
    proves=[images.test_images_are_built],
)
def test_images_built(node: Node, cluster: Cluster, host: Host, change: Change) -> None:
    """Build the platform's own images for this architecture if they do not match this tree and configuration."""
    digests = rendered.of(cluster, lambda p: p.digests(node.arch))
    stale = platform_images.outdated(host, digests) if has_docker(host) else list(digests)
    builds = [build for build in rendered.of(cluster, lambda p: p.builds(node.arch)) if build.full_name in stale]
    for number, build in enumerate(builds, 1):
        docker_build(build, cluster, change, (), f"{number} of {len(builds)}")


@stage(
    section="3.16",
    on=image_keepers,
    after=["platform", "docker", "registry_login", "images_built"],
    proves=[images.test_images_are_in_the_registry],
)
def test_images_in_registry(node: Node, cluster: Cluster, host: Host, change: Change) -> None:
    """Push built or archived images to the registry; other prebuilt images must be in it already."""
    if not has_docker(host):
        return  # in a plan
    names = rendered.of(cluster, lambda p: [build.full_name for build in p.builds(node.arch)])
    wrong = {line.partition(": ")[0] for line in platform_images.registry_troubles(host, names, cluster.suite.images)}
    for name in (n for n in names if n in wrong):
        if cluster.suite.images is Images.BUILD or load(change, cluster, node, name):
            change.run("docker push %s", name, deadline=PUSH_DEADLINE)


@stage(
    section="3.16",
    on=platform_hosts,
    after=["platform", "docker", "registry_login", "images_in_registry[*]"],
    proves=[images.test_images_are_present],
)
def test_platform_images(node: Node, cluster: Cluster, host: Host, change: Change) -> None:
    """Load the platform's images for this host from the image archives, or pull them, so that no pod waits for them.

    DLWS's own come from the registry, where there is one, as it may have newer ones than the archives.
    """
    digests = rendered.of(cluster, lambda p: p.image_digests(node))
    pulled = rendered.of(cluster, lambda p: p.pulled_images(node))
    wrong = set(digests)
    if has_docker(host):
        wrong = {line.partition(": ")[0] for line in platform_images.host_troubles(host, digests, pulled)}
    for image in (name for name in digests if name in wrong):
        if image in pulled:
            pull(change, image)
        else:
            load_or_pull(change, cluster, node, image)


@stage(
    section="3.16",
    on=seeds,
    after=[
        "content_removed?",
        "content_packages[*]?",
        "kube_packages[*]?",
        "probe_image[*]?",
        "kube_images[*]?",
        "device_plugin_image[*]?",
        "platform_images[*]?",
    ],
    proves=[content.test_seed_is_empty],
)
def test_seeds_emptied(change: Change) -> None:
    """Remove what a seed has kept for its hosts, now that all of them are installed."""
    change.run(REMOVE)


def docker_build(build: Build, cluster: Cluster, change: Change, more: Sequence[str], remark: str) -> None:
    """Build an image, labelled with the digest of its sources; `more` are further words for `docker build`."""
    context = rendered.of(cluster, methodcaller("context", build.image))
    label = f"{CONTEXT_LABEL}={rendered.of(cluster, lambda p: p.digest(build))}"
    words = ["-f", build.dockerfile, "-t", build.full_name, "--label", label, *more]
    change.run(
        f"docker build -q --force-rm {' '.join(['%s'] * len(words))} -",
        *words,
        stdin=context,
        deadline=BUILD_DEADLINE,
        text=f"docker build {build.full_name} ({remark}, a context of {len(context) >> 10} KiB)",
    )
