"""D, H: the content that an install without a network takes all its packages and images from."""

from __future__ import annotations

from checks import docker
from dlws.config.cluster import Cluster
from dlws.content import verify
from dlws.content.on_host import (
    SETTINGS,
    SETTINGS_TEXT,
    SOURCE,
    SOURCES,
    locked_images,
    missing_files,
    place_of,
    wanted_files,
)
from dlws.engine.check import check, expect, expect_that, goal, preflight
from dlws.engine.targets import content_control_host, content_hosts, seeds
from dlws.facts import platform_images, rendered
from dlws.facts.apt_sources import packages_to_install
from dlws.facts.files import text_of
from dlws.inventory import Node
from dlws.remote.host import Host
from dlws.remote.notes import Notes
from dlws.remote.seed import FOLDER as SEED_FOLDER
from dlws.verdict import Severity


@preflight
@goal(
    "D49",
    section="3.2",
    source="content.lock",
    on=content_control_host,
    title_zh="离线内容完整：所需软件包与镜像齐全、未损坏、架构正确",
    fix="dlws bundle fetch on a machine with a network fetches only what is named here; copy the folder again, then"
    " dlws bundle check",
)
def test_content_is_complete(cluster: Cluster, notes: Notes) -> None:
    """The folder of suite.content has all that the install needs, whole and for the hosts' architectures."""
    wrong = notes.take("read the content and compare it with content.lock", lambda: verify.judged(cluster))
    expect("missing or wrong in the content", found=wrong, expected=[])


@goal(
    "H40",
    section="3.8",
    source="content.lock",
    on=content_hosts,
    title_zh="离线软件包已到主机，与 content.lock 一致，apt 可用",
    fix="run pytest -m install --stages content_packages; for a release that the content lacks, dlws bundle fetch"
    " with a row of suite.platforms",
)
def test_content_packages_are_here(cluster: Cluster, node: Node, host: Host, notes: Notes) -> None:
    """While packages are to be installed, apt on the host has the content's for its release alone, each as locked."""
    if not packages_to_install(cluster, node, host):
        return
    place = place_of(node, host)
    wanted = wanted_files(cluster, place, notes)
    expect_that(bool(wanted), f"{place} in content.lock", found="nothing", expected="packages for this host's release")
    expect("packages missing or changed on the host", found=missing_files(host, wanted), expected=[])
    for path, text in ((SOURCES, SOURCE), (SETTINGS, SETTINGS_TEXT)):
        expect(path, found=(text_of(host, path) or "no file").strip(), expected=text.strip())


@goal(
    "H41",
    section="3.12",
    source="apt.conf(5)",
    on=content_hosts,
    title_zh="离线软件源已从主机移除",
    fix="run pytest -m install --stages content_removed",
)
def test_content_source_is_gone(host: Host) -> None:
    """After the install apt asks the host's own sources, not the content's, which it believes without a signature."""
    expect(SETTINGS, found=text_of(host, SETTINGS) or "no file", expected="no file")


@check(
    "H42",
    severity=Severity.WARNING,
    section="3.16",
    source="docs/bundle.md",
    on=seeds,
    title_zh="种子主机上没有留下为其他主机保存的文件",
    fix="run pytest -m install --stages seeds_emptied once all hosts are installed; until then they are of use",
)
def test_seed_is_empty(host: Host) -> None:
    """After the install a seed keeps no file for other hosts."""
    kept = host.lines("test ! -d %s || find %s -type f -printf '%%f %%s bytes\n'", SEED_FOLDER, SEED_FOLDER)
    expect(f"files in {SEED_FOLDER}", found=kept, expected=[])


@check(
    "R31",
    section="3.16",
    source="content.lock",
    on=content_hosts,
    causes=[docker.test_docker_answers],
    title_zh="主机上的镜像就是离线内容中的镜像",
    fix="docker image rm -f NAME on the host, then pytest -m install, which loads the content's; restart what runs it",
)
def test_images_are_the_contents(cluster: Cluster, node: Node, host: Host, notes: Notes) -> None:
    """What the host has under the name of one of the content's images is that image, by its id.

    DLWS's own images are left out where the site's registry may have newer ones.
    """
    question = f"pulled images of {node.name}"
    newer = rendered.ask(notes, question, cluster, lambda p: p.pulled_images(node)) if cluster.dlworkspace else []
    locked = locked_images(cluster, node.arch, notes)
    wanted = {name: id for name, id in locked.items() if name not in newer}
    expect("images that are not the content's", found=platform_images.other_images(host, wanted), expected=[])
