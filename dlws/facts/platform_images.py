"""The platform's images on a host and in the registry, and the logins to it (runbook 3.16)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dlws.config import named_file
from dlws.config.cluster import Cluster
from dlws.config.schema import Images
from dlws.facts.docker import ARCHITECTURES
from dlws.facts.files import configured_file
from dlws.facts.probes.registry import PROBE
from dlws.kubernetes.image_archives import with_tag
from dlws.parse.text import unparsable
from dlws.platform import job_objects
from dlws.platform.image_names import CONTEXT_LABEL
from dlws.remote.host import Host
from dlws.verdict import Unknown

DOCKER_CONFIG = "/root/.docker/config.json"
REGISTRY_DEADLINE = 300.0  # seconds; an image takes two requests, a registry that is gone 10 s for each
LOGINS = f"test ! -e {DOCKER_CONFIG} || cat {DOCKER_CONFIG}"
"""Prints the logins of the host's Docker, for `read_secret`; nothing if it has none."""


@dataclass(frozen=True, slots=True)
class InRegistry:
    """What a registry answered for an image: whether it is there, its digest, its architectures; or why not known."""

    found: bool
    digest: str = ""
    archs: tuple[str, ...] = ()
    unclear: str = ""


def configured_logins(cluster: Cluster) -> str:
    """The configured logins, in Docker's form. Unknown when they cannot be read or used."""
    if cluster.registry_config is None:
        raise LookupError("suite.registry_config names no login")
    try:
        return job_objects.logins(configured_file(cluster.registry_config).decode("utf-8", "replace"))
    except job_objects.NoCredentials as error:
        raise Unknown(f"{cluster.registry_config}: {error}") from None


def job_logins(cluster: Cluster) -> str:
    """The logins for jobs' pods; none for a public registry. Unknown when those configured cannot be read."""
    return configured_logins(cluster) if cluster.registry_config else job_objects.logins("")


def mark_key(cluster: Cluster) -> bytes:
    """The secret with which logins are marked: the cluster's private key. Unknown before it is made."""
    try:
        return named_file.content(cluster.state.key)
    except OSError as error:
        raise Unknown(f"{cluster.state.key}: {error.strerror}; runbook 3.4 makes the cluster's key") from None


def login_in(secret: Mapping[str, Any], cluster: Cluster) -> str:
    """What the Secret with the logins for jobs' pods holds, in words. Unknown without the cluster's key."""
    return job_objects.login_in(secret, job_logins(cluster), mark_key(cluster))


def wrong_logins(host: Host, logins: str) -> list[str]:
    """The registries of these logins, in Docker's form, that the host's Docker has no login to or another one.

    Logins are compared here and not as digests, from which a weak password can be guessed.
    """
    text = host.read_secret(LOGINS)
    try:
        there = json.loads(text or "{}").get("auths") or {}
        return [
            name
            for name, login in json.loads(logins)["auths"].items()
            if (there.get(name) or {}).get("auth") != login.get("auth")
        ]
    except (ValueError, AttributeError):
        raise Unknown(f"{host.name}: {DOCKER_CONFIG}: not understood") from None


def image_id(host: Host, image: str) -> str:
    """The id of an image on the host, or nothing when it is not there."""
    result = host.run_expect([0, 1], "docker image inspect -f '{{.Id}}' %s", image)
    if result.rc == 0 and result.stdout.strip():
        return str(result.stdout.strip())
    if "no such image" in result.stderr.lower():
        return ""
    raise host.unexpected(result)


def other_images(host: Host, wanted: Mapping[str, str]) -> list[str]:
    """Those of the images that the host has with another id than this: `<image>: 0123456789ab`."""
    form = "docker image inspect -f '{{json .RepoTags}} {{.Id}}' " + " ".join(["%s"] * len(wanted))
    result = host.run_expect([0, 1], form, *wanted)
    there = {name: found.removeprefix("sha256:") for name, found in inspected(host, result.stdout, result.stderr)}
    pairs = ((name, there.get(with_tag(name)), id) for name, id in wanted.items())
    return [f"{name}: {found:.12}, not {id:.12}" for name, found, id in pairs if found is not None and found != id]


def label_of(host: Host, image: str, label: str) -> str:
    """The value of a label of an image on the host, or nothing when it has none or is not there."""
    result = host.run_expect([0, 1], "docker image inspect -f %s %s", f'{{{{index .Config.Labels "{label}"}}}}', image)
    if result.rc == 0:
        return str(result.stdout.strip())
    if "no such image" in result.stderr.lower():
        return ""
    raise host.unexpected(result)


def outdated(host: Host, wanted: dict[str, str]) -> list[str]:
    """Those of the images whose label does not say that they are built from this (`wanted`: digest by name)."""
    form = f'{{{{json .RepoTags}}}} {{{{index .Config.Labels "{CONTEXT_LABEL}"}}}}'
    result = host.run_expect([0, 1], "docker image inspect -f %s " + " ".join(["%s"] * len(wanted)), form, *wanted)
    there = dict(inspected(host, result.stdout, result.stderr))
    return [name for name, digest in wanted.items() if there.get(with_tag(name)) != digest]


def host_troubles(host: Host, wanted: dict[str, str], pulled: list[str]) -> list[str]:
    """What is wrong with the images on a host: `<image>: missing`."""
    wrong = missing_images(host, list(wanted))
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
        demand_clear_answers(host, there)
    return old


def missing_images(host: Host, wanted: list[str]) -> list[str]:
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


def registry_troubles(host: Host, wanted: list[str], source: Images) -> list[str]:
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
        demand_clear_answers(host, there)
    return wrong


def demand_clear_answers(host: Host, there: dict[str, InRegistry]) -> None:
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
    told = host.run_active([0], command, *wanted, stdin=PROBE, deadline=REGISTRY_DEADLINE).text
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
