"""R: the platform's images (runbook 3.16.1 and 3.16.3 to 6): the login, in the registry, built here, on the hosts."""

from __future__ import annotations

from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect
from dlws.engine.targets import image_builders, image_keepers, platform_hosts, registry_users
from dlws.facts import platform_images, rendered
from dlws.inventory import Node
from dlws.remote.host import Host
from dlws.remote.notes import Notes


@check(
    "R21",
    section="3.16",
    source="runbook 3.16.1",
    on=registry_users,
    title_zh="Docker 已登录镜像仓库",
    fix="-m install --stages registry_login, which uses the login in suite.registry_config",
)
def test_registry_login(cluster: Cluster, host: Host, notes: Notes) -> None:
    """Docker on the host has the configured registry login."""
    wrong = notes.take(
        "registries without the configured login",
        lambda: platform_images.wrong_logins(host, platform_images.configured_logins(cluster)),
    )
    expect("missing or wrong registry logins", found=wrong, expected=[])


@check(
    "R22",
    section="3.16",
    source="upstream docker push",
    on=image_builders,
    title_zh="DLWS 自有镜像由当前源码与配置构建",
    fix="-m install --stages images_built",
)
def test_images_are_built(node: Node, cluster: Cluster, host: Host, notes: Notes) -> None:
    """The platform's own images for the host's architecture were built there from this checkout and configuration."""
    wanted = rendered.ask(notes, f"what {node.arch} images are built from", cluster, lambda p: p.digests(node.arch))
    expect("images not built or out of date", found=platform_images.outdated(host, wanted), expected=[])


@check(
    "R23",
    section="3.16",
    source="upstream docker push",
    on=image_keepers,
    title_zh="DLWS 自有镜像已在镜像仓库且架构正确",
    fix="push it again (-m install --stages images_in_registry); the host must reach the registry",
)
def test_images_are_in_the_registry(node: Node, cluster: Cluster, host: Host, notes: Notes) -> None:
    """The registry has the platform's own images for the host's architecture.

    An image that was built on the host must have the same digest in the registry.
    """
    question = f"names of the {node.arch} images"
    wanted = rendered.ask(notes, question, cluster, lambda p: [b.full_name for b in p.builds(node.arch)])
    wrong = platform_images.registry_troubles(host, wanted, cluster.suite.images)
    expect("images missing or wrong in the registry", found=wrong, expected=[])


@check(
    "R24",
    section="3.16",
    source="runbook 3.16",
    on=platform_hosts,
    title_zh="DLWS 服务所需镜像已在主机上且架构正确",
    fix="-m install --stages platform_images; for a wrong architecture, first push the right image",
    causes=[test_images_are_in_the_registry],
)
def test_images_are_present(node: Node, cluster: Cluster, host: Host, notes: Notes) -> None:
    """The images that the platform runs on the host are present, current and of Docker's architecture.

    An image built here must be the latest build; a prebuilt one must match the registry, if there is one.
    """
    wanted = rendered.ask(notes, f"images of {node.name}", cluster, lambda p: p.image_digests(node))
    pulled = rendered.ask(notes, f"pulled images of {node.name}", cluster, lambda p: p.pulled_images(node))
    wrong = platform_images.host_troubles(host, wanted, pulled)
    expect("images missing, outdated or of the wrong architecture", found=wrong, expected=[])


@check(
    "R26",
    section="3.16",
    source="upstream openresty and repairmanager2 prebuild",
    on=image_builders,
    title_zh="DLWS 自有镜像不含配置中的机密",
    fix="keep these repositories private; after a leak, change the secret in config.yaml and run -m install",
    deviation="upstream builds the key that signs users' tokens and the mail account into images; the named files need "
    "sign-off: whoever may pull these images can read them",
)
def test_images_hold_no_secret(node: Node, cluster: Cluster, notes: Notes) -> None:
    """The platform's own images for the host's architecture hold no secret of the configuration."""
    question = f"files with secrets in the {node.arch} images"
    found = rendered.ask(notes, question, cluster, lambda p: p.files_with_secrets(node.arch))
    expect("files of images with a secret", found=found, expected=[])
