"""The commands of `dlws bundle` about content: see docs/bundle.md."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from bundle import archive
from bundle.content.fetch import Fetch, logins, parsed_sources
from bundle.content.registry import Client
from bundle.process import BundleError
from dlws.cli import Failed, Refused
from dlws.config import named_file
from dlws.config.cluster import Cluster, load
from dlws.config.finding import ConfigError
from dlws.content import lock, verify, wanted
from dlws.content.item import Demand, Item
from dlws.content.lock import ContentError
from dlws.platform.templates import TemplateError
from dlws.upstream.checkout import CheckoutError
from dlws.verdict import Unknown

PATH = click.Path(path_type=Path)
F = TypeVar("F", bound=Callable[..., Any])
MIRROR = re.compile(r"([a-z0-9.-]+(?::[0-9]+)?)=([a-z0-9.-]+(?::[0-9]+)?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)")
HEADS = ("KIND", "NAME", "FOR", "NEEDED BY", "HOSTS")


def of_cluster(command: F) -> F:
    """Give a command the option --cluster."""
    option = click.option(
        "--cluster",
        "path",
        type=PATH,
        default=Path("config.yaml"),
        show_default=True,
        metavar="FILE",
        help="The configuration.",
    )
    return option(command)


@click.command("list")
@of_cluster
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def list_(path: Path, form: str) -> None:
    """Print what an install of a configuration needs from elsewhere, and which stage or check needs it.

    Exit status: 0 the list is complete, 1 it cannot be known, 2 wrong usage or no usable configuration.
    """
    found = items_of(cluster_at(path), "list")
    click.echo(as_json(found) if form == "json" else as_table(found))


@click.command()
@of_cluster
@click.option("--output", "folder", type=PATH, required=True, metavar="DIR", help="The content folder.")
@click.option(
    "--sources",
    "sources",
    multiple=True,
    metavar="RELEASE=FILE",
    help="Use this sources.list for a release, 'ubuntu 18.04=FILE', instead of the public archive. May be repeated.",
)
@click.option(
    "--mirror",
    "mirrors",
    multiple=True,
    metavar="REGISTRY=MIRROR",
    help="Ask this mirror for a registry's images, 'docker.io=HOST:PORT' or 'k8s.gcr.io=HOST/PATH'. May be repeated.",
)
@click.option("--plain-http", "plain", multiple=True, metavar="HOST:PORT", help="A registry that speaks http alone.")
@click.option("--key", type=PATH, metavar="FILE", help="Sign content.lock with this SSH key.")
def fetch(
    path: Path, folder: Path, sources: Sequence[str], mirrors: Sequence[str], plain: Sequence[str], key: Path | None
) -> None:
    """Fetch what an install of a configuration needs into a folder with content.lock.

    Packages are fetched by this machine's apt, images from their registries, for the hosts' architectures. What is
    there and right is not fetched again.

    Exit status: 0 all of it is there, 1 something could not be fetched, 2 wrong usage or no usable configuration.
    """
    cluster = cluster_at(path)
    try:
        client = Client(logins_of(cluster), frozenset(plain), dict(map(registry_and_mirror, mirrors)))
        job = Fetch(cluster, folder, client, parsed_sources(map(release_and_file, sources)), click.echo)
        made = job.run()
    except (ContentError, Unknown, CheckoutError, TemplateError, LookupError) as error:
        raise Failed(f"dlws bundle fetch: {error}") from error
    except OSError as error:
        raise Failed(f"dlws bundle fetch: {error}") from error
    if job.failed:
        raise Failed("\n".join(["dlws bundle fetch: not everything could be fetched:", *job.failed]))
    if key:
        sign(folder / lock.NAME, key)
    size = sum(one.size for one in made.files) >> 20
    click.echo(f"{folder / lock.NAME}: {len(made.files)} files, {size} MiB")


@click.command()
@of_cluster
@click.option("--content", "folder", type=PATH, metavar="DIR", help="The content folder (default: suite.content).")
@click.option(
    "--signers", type=PATH, metavar="FILE", help="content.lock must be signed by one of these allowed signers."
)
def check(path: Path, folder: Path | None, signers: Path | None) -> None:
    """Read all of a content folder, and name what is missing, cut off, changed, or for another architecture.

    Exit status: 0 it has all that an install of the configuration needs, 1 it has not, 2 wrong usage.
    """
    cluster = cluster_at(path)
    where = folder or cluster.content
    if where is None:
        raise Refused("dlws bundle check: name the folder: --content DIR, or suite.content in the configuration")
    said = f", signed by {signer_of(where, signers)}" if signers else ""
    try:
        wrong = verify.troubles(cluster, where)
    except (Unknown, CheckoutError, TemplateError, LookupError) as error:
        raise Failed(f"dlws bundle check: {error}") from error
    if wrong:
        raise Failed("\n".join([f"dlws bundle check: {where} is not what this configuration needs:", *wrong]))
    click.echo(f"{where}: everything that an install of {cluster.name} needs is there and whole{said}")


def sign(path: Path, key: Path) -> None:
    """Sign content.lock. Raises Failed."""
    try:
        archive.sign(path, key)
    except BundleError as error:
        raise Failed(f"dlws bundle fetch: {path} was not signed: {error}") from error


def signer_of(folder: Path, signers: Path) -> str:
    """Who signed the content.lock of a folder. Raises Failed."""
    try:
        return archive.signer(folder / lock.NAME, signers)
    except (BundleError, OSError) as error:
        raise Failed(
            f"dlws bundle check: no allowed signer has signed {folder / lock.NAME} as it is: {error}"
        ) from error


def logins_of(cluster: Cluster) -> dict[str, dict[str, str]]:
    """The logins of suite.registry_config; none if it is not set. ContentError if it cannot be read."""
    if cluster.registry_config is None:
        return {}
    try:
        return logins(named_file.text(cluster.registry_config))
    except (OSError, UnicodeDecodeError):
        raise ContentError(f"{cluster.registry_config} cannot be read") from None


def release_and_file(text: str) -> tuple[str, Path]:
    """`ubuntu 18.04=FILE`. ContentError."""
    release, separator, file = text.partition("=")
    if not separator or not release.strip():
        raise ContentError(f"--sources {text}: write it like 'ubuntu 18.04=FILE'")
    return release.strip(), Path(file)


def registry_and_mirror(text: str) -> tuple[str, str]:
    """`docker.io=HOST:PORT`. ContentError."""
    match = MIRROR.fullmatch(text)
    if match is None:
        raise ContentError(f"--mirror {text}: write it like 'docker.io=HOST:PORT' or 'k8s.gcr.io=HOST/PATH'")
    return match[1], match[2]


def cluster_at(path: Path) -> Cluster:
    """The cluster of a configuration. Raises Refused."""
    try:
        return load(path)
    except ConfigError as error:
        raise Refused(str(error)) from error


def items_of(cluster: Cluster, command: str, listed: tuple[str, ...] = ()) -> tuple[Item, ...]:
    """The list for a cluster. Raises Failed where it cannot be known: half a list is none."""
    try:
        return wanted.items(cluster, listed)
    except (Unknown, CheckoutError, TemplateError, LookupError) as error:
        raise Failed(f"dlws bundle {command}: {error}") from error


def as_json(found: Sequence[Item]) -> str:
    """The list for programs: one object for each line of the table."""
    return json.dumps([dataclasses.asdict(item) for item in found], indent=2)


def need(item: Item) -> str:
    """What asks for it: `docker`, `H32, optional`."""
    return item.need if item.demand is Demand.REQUIRED else f"{item.need}, {item.demand}"


def as_table(found: Sequence[Item]) -> str:
    """The list for people, in columns."""
    rows = [HEADS, *((i.kind, i.name, i.made_for, need(i), ", ".join(i.hosts)) for i in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS) - 1)]
    lines = ("  ".join([*(word.ljust(w) for word, w in zip(row, widths, strict=False)), row[-1]]) for row in rows)
    return "\n".join(lines)
