"""R: the platform's images (runbook 3.16.1 and 3.16.3 to 6): the login, in the registry, built here, on the hosts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from dlws.config.cluster import Cluster
from dlws.config.schema import Images
from dlws.engine.check import check, expect
from dlws.engine.site import Notes
from dlws.engine.targets import image_builders, image_keepers, platform_hosts, registry_users
from dlws.facts import rendered
from dlws.facts.docker import ARCHITECTURES
from dlws.facts.files import configured_file
from dlws.facts.probes.registry import PROBE
from dlws.inventory import Node
from dlws.kubernetes.image_archives import with_tag
from dlws.parse.text import unparsable
from dlws.platform import job_objects
from dlws.platform.renderings import Platform, has_registry
from dlws.remote.host import Host
from dlws.verdict import Unknown

DOCKER_CONFIG = "/root/.docker/config.json"
CONTEXT_LABEL = "dlws-suite.context"
"""The image label that holds the digest of what it was built from."""
REGISTRY_DEADLINE = 300.0  # seconds; an image takes two requests, a registry that is gone 10 s for each
LOGINS = (
    "python3 -c 'import hashlib, json\n"
    f'for name, told in sorted((json.load(open("{DOCKER_CONFIG}")).get("auths") or {{}}).items()):\n'
    '    print(name, hashlib.sha256(str(told.get("auth")).encode()).hexdigest())\''
)
"""Prints the registries that the host's Docker can log in to, each with a digest of the login."""


@dataclass(frozen=True, slots=True)
class InRegistry:
    """What a registry answered for an image: whether it is there, its digest, its architectures; or why not known."""

    found: bool
    digest: str = ""
    archs: tuple[str, ...] = ()
    unclear: str = ""


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
    wanted = notes.take("digests of the registry's logins", lambda: digests(logins_of(cluster)))
    result = host.run_expect([0, 1], LOGINS)
    if result.rc and "No such file or directory" not in result.stderr:
        raise host.no_answer(result)
    there = dict(line.split(" ", 1) for line in result.stdout.splitlines() if " " in line)
    expect("missing or wrong registry logins", found=[n for n, d in wanted.items() if there.get(n) != d], expected=[])


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
    expect("images not built or out of date", found=outdated(host, wanted), expected=[])


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
    expect("images missing or wrong in the registry", found=amiss(host, wanted, cluster.suite.images), expected=[])


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
    wanted = rendered.ask(notes, f"images of {node.name}", cluster, lambda p: images_of(p, node))
    pulled = rendered.ask(notes, f"pulled images of {node.name}", cluster, lambda p: pulled_by(p, cluster, node))
    expect("images missing, outdated or of the wrong architecture", found=lacking(host, wanted, pulled), expected=[])


def logins_of(cluster: Cluster) -> str:
    """The configured logins, in Docker's form. Unknown when they cannot be read or used."""
    assert cluster.registry_config
    try:
        return job_objects.logins(configured_file(cluster.registry_config).decode("utf-8", "replace"))
    except job_objects.NoCredentials as error:
        raise Unknown(f"{cluster.registry_config}: {error}") from None


def digests(logins: str) -> dict[str, str]:
    """By registry, a digest of its login."""
    return {
        name: hashlib.sha256(str(told.get("auth")).encode()).hexdigest()
        for name, told in json.loads(logins)["auths"].items()
    }


def outdated(host: Host, wanted: dict[str, str]) -> list[str]:
    """Those of the images whose label does not say that they are built from this (`wanted`: digest by name)."""
    form = f'{{{{json .RepoTags}}}} {{{{index .Config.Labels "{CONTEXT_LABEL}"}}}}'
    result = host.run_expect([0, 1], "docker image inspect -f %s " + " ".join(["%s"] * len(wanted)), form, *wanted)
    there = dict(inspected(host, result.stdout, result.stderr))
    return [name for name, digest in wanted.items() if there.get(with_tag(name)) != digest]


def images_of(wanted: Platform, node: Node) -> dict[str, str]:
    """The images that a host runs, each with what it is built from, if it is built here."""
    built = wanted.digests(node.arch) if wanted.is_built else {}
    return {name: built.get(name, "") for name in wanted.images(node)}


def pulled_by(wanted: Platform, cluster: Cluster, node: Node) -> list[str]:
    """DLWS's own images that a host runs and gets from a registry, which may have another one by now."""
    if cluster.suite.images is Images.BUILD or not has_registry(cluster):
        return []
    runs = wanted.images(node)
    return [build.full_name for build in wanted.builds(node.arch) if build.full_name in runs]


def lacking(host: Host, wanted: dict[str, str], pulled: list[str]) -> list[str]:
    """What is wrong with the images on a host: `<image>: missing`."""
    wrong = missing(host, list(wanted))
    built = {name: digest for name, digest in wanted.items() if digest}
    named = {line.partition(": ")[0] for line in wrong}
    stale = [name for name in (outdated(host, built) if built else ()) if name not in named]
    old = superseded(host, [name for name in pulled if name not in named])
    return [*wrong, *(f"{name}: not the latest build" for name in stale), *old]


def superseded(host: Host, names: list[str]) -> list[str]:
    """Those of the images of which the registry has another one than the host. Unknown when it does not say."""
    if not names:
        return []
    here, there = digests_on(host, names), in_registry(host, names)
    old = [
        f"{name}: differs from the one in the registry"
        for name, told in there.items()
        if told.digest and (local := here[name]) and told.digest not in local
    ]
    if not old:
        all_told(host, there)
    return old


def missing(host: Host, wanted: list[str]) -> list[str]:
    """Those of the images that are not on the host, or are for another architecture than its Docker's."""
    if not wanted:
        return []
    arch = host.read("docker version -f '{{.Server.Arch}}'")
    result = host.run_expect([0, 1], ARCHITECTURES + " ".join(["%s"] * len(wanted)), *wanted)
    there = dict(inspected(host, result.stdout, result.stderr))
    wrong = {name: there.get(with_tag(name), "missing") for name in wanted}
    return [
        f"{name}: {found}, not {arch}" if found != "missing" else f"{name}: missing"
        for name, found in wrong.items()
        if found != arch
    ]


def amiss(host: Host, wanted: list[str], source: Images) -> list[str]:
    """What is wrong with images in the registry. Unknown when that cannot be said of one and no other is wrong.

    One that was built on the host must be the one in the registry; never pushed, it has no digest.
    """
    arch = host.read("docker version -f '{{.Server.Arch}}'")
    here = digests_on(host, wanted) if source is Images.BUILD else {}
    there = in_registry(host, wanted)
    wrong = []
    for name, told in there.items():
        local = here.get(name)
        if told.unclear:
            continue
        if not told.found:
            wrong.append(f"{name}: not in the registry")
        elif arch not in told.archs:
            wrong.append(f"{name}: for {', '.join(told.archs) or 'no architecture'}, not {arch}")
        elif local is not None and told.digest not in local:
            wrong.append(f"{name}: differs from the one on {host.name}")
    if not wrong:
        all_told(host, there)
    return wrong


def all_told(host: Host, there: dict[str, InRegistry]) -> None:
    """Unknown when the registry did not say of an image whether it has it."""
    unclear = [f"{name}: {told.unclear}" for name, told in there.items() if told.unclear]
    if unclear:
        raise Unknown(f"{host.name}: unclear answer from the registry: {'; '.join(unclear[:3])}")


def digests_on(host: Host, wanted: list[str]) -> dict[str, list[str] | None]:
    """By image the digests that it has on the host as one of a registry; None for one that is not there."""
    result = host.run_expect(
        [0, 1],
        "docker image inspect -f '{{json .RepoTags}} {{json .RepoDigests}}' " + " ".join(["%s"] * len(wanted)),
        *wanted,
    )
    here = {name: json.loads(told) for name, told in inspected(host, result.stdout, result.stderr)}
    return {
        name: [digest.partition("@")[2] for digest in here[with_tag(name)] or ()] if with_tag(name) in here else None
        for name in wanted
    }


def in_registry(host: Host, wanted: list[str]) -> dict[str, InRegistry]:
    """What the registry answers the host about images."""
    found = {}
    command = "python3 - " + " ".join(["%s"] * len(wanted))
    told = host.feed([0], command, *wanted, stdin=PROBE, deadline=REGISTRY_DEADLINE).text
    for line in (line for line in told.splitlines() if line.strip()):
        match line.split("\t"):
            case [name, "found", digest, archs]:
                found[name] = InRegistry(True, digest, tuple(archs.split(",")))
            case [name, "none"]:
                found[name] = InRegistry(False)
            case [name, "unclear", why]:
                found[name] = InRegistry(False, unclear=why)
            case _:
                raise unparsable("registry", line)
    if found.keys() != set(wanted):
        raise unparsable("registry", why="no answer for some images")
    return found


def inspected(host: Host, out: str, err: str) -> list[tuple[str, str]]:
    """`["busybox:1"] amd64`: each name of an image with what stands behind it. Unknown for another complaint than that
    there is no such image."""
    if any("no such image" not in line.lower() for line in err.splitlines() if line.strip()):
        raise Unknown(f"{host.name}: docker image inspect: {err.strip()}")
    pairs = []
    for line in out.splitlines():
        if not line.strip():
            continue
        try:
            names, end = json.JSONDecoder().raw_decode(line)
            pairs += [(str(name), line[end:].strip()) for name in names]
        except (ValueError, TypeError):
            raise unparsable("docker image inspect", line) from None
    return pairs
