"""`-m build --stages IMAGE`: one of the images that DLWS builds, built anew and pushed.

Always without Docker's cache, as `deploy.py docker push IMAGE --nocache` did: an install builds whatever no longer
matches the checkout, so what is asked for by name is what only the cache hides, such as a newer package.
"""

from __future__ import annotations

from collections.abc import Callable

from dlws.config.cluster import Cluster
from dlws.engine.check import expect, goal
from dlws.engine.stage import stage
from dlws.engine.targets import image_builders
from dlws.facts import platform_images, rendered
from dlws.inventory import Node
from dlws.platform.image_names import BUILT, Build, Image
from dlws.remote.change import Change
from dlws.remote.host import Host
from dlws.verdict import NotApplicable
from install.s3_16_images import PUSH_DEADLINE, docker_build

BUILT_BY = "dlws-suite.built-by"
"""The label of an image with the run that built it by name."""


def _goal(image: Image) -> Callable[..., None]:
    @goal(
        "R98",
        name=f"{_word(image)}_is_rebuilt",
        title=f"The image {image.name} was built in this run, and the registry has it.",
        section="build",
        source="upstream docker push",
        on=image_builders,
        title_zh=f"镜像 {image.name} 已重新构建并推送",
        fix="see the end of docker build's output; docker login, if the registry refuses the push",
    )
    def rebuilt(node: Node, cluster: Cluster, host: Host, run_name: str) -> None:
        build = _build(image, node, cluster)
        expect(f"run that built {build.full_name}", found=_run(host, build) or "another", expected=run_name)
        wrong = platform_images.registry_troubles(host, [build.full_name], cluster.suite.images)
        expect("trouble with it in the registry", found=wrong, expected=[])

    return rebuilt


def _stage(image: Image, proof: Callable[..., None]) -> Callable[..., None]:
    @stage(
        section="build",
        on=image_builders,
        commands=("build",),
        proves=[proof],
        name=f"{_word(image)}_rebuilt",
        subject=image.name,
        title=f"Build {image.name} for this host's architecture without Docker's cache, and push it.",
    )
    def build_anew(node: Node, cluster: Cluster, run_name: str, change: Change) -> None:
        build = _build(image, node, cluster)
        docker_build(build, cluster, change, ["--no-cache", "--label", f"{BUILT_BY}={run_name}"], "without cache")
        change.run("docker push %s", build.full_name, deadline=PUSH_DEADLINE)

    return build_anew


def _word(image: Image) -> str:
    return image.name.replace("-", "_")


def _build(image: Image, node: Node, cluster: Cluster) -> Build:
    """The build of an image on a host. NotApplicable where its architecture has none."""
    for build in rendered.of(cluster, lambda p: p.builds(node.arch)):
        if build.image == image:
            return build
    raise NotApplicable(f"{image.name} is not built for {node.arch}: it runs on the master alone")


def _run(host: Host, build: Build) -> str:
    return platform_images.label_of(host, build.full_name, BUILT_BY)


PROOFS = {image.name: _goal(image) for image in BUILT}
REBUILDS = {image.name: _stage(image, PROOFS[image.name]) for image in BUILT}
"""The stages `webui3_rebuilt` and so on, which `--stages webui3` names too."""
