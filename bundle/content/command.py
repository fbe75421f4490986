"""The commands of `dlws bundle` about content: see docs/bundle.md."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from dlws.cli import Failed, Refused
from dlws.config.cluster import Cluster, load
from dlws.config.finding import ConfigError
from dlws.content import wanted
from dlws.content.item import Item
from dlws.platform.templates import TemplateError
from dlws.upstream.checkout import CheckoutError
from dlws.verdict import Unknown

PATH = click.Path(path_type=Path)
F = TypeVar("F", bound=Callable[..., Any])
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


def as_table(found: Sequence[Item]) -> str:
    """The list for people, in columns."""
    rows = [HEADS, *((i.kind, i.name, f"{i.platform} {i.arch}".strip(), i.need, ", ".join(i.hosts)) for i in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS) - 1)]
    lines = ("  ".join([*(word.ljust(w) for word, w in zip(row, widths, strict=False)), row[-1]]) for row in rows)
    return "\n".join(lines)
