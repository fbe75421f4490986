"""The machine that runs the suite: its configuration file and its Python libraries."""

from __future__ import annotations

import re
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from dlws.config import cluster as cluster_config
from dlws.config import document, finding, lint, named_file
from dlws.config.cluster import Cluster
from dlws.parse.text import number
from dlws.remote.host import Host
from dlws.upstream import published_secrets
from dlws.verdict import Unknown

BUILD_LOCK, LOCK = (Path(__file__).resolve().parents[2] / f"requirements{name}.lock" for name in ("-build", ""))
"""What builds libraries, and the libraries that run, pinned with their hashes. The first is installed first."""


def access_to(control: Host, path: str) -> str:
    """The permission bits of a file, with its owner if it is not the operator's: `600`, `600 of root, ...`, `no file`.

    Root can use anybody's.
    """
    file, operator = control.file(path), number("id -u", control.read("id -u").strip())
    if not file.exists:
        return "no file"
    stranger = f" of {file.user}, not of the operator (uid {operator})" if operator not in (0, file.uid) else ""
    return f"{file.mode:o}{stranger}"


def known_values(cluster: Cluster) -> list[str]:
    """The keys of the configuration whose values somebody else knows, never the values. Unknown without the file."""
    try:
        written = document.read(named_file.content(cluster.path), str(cluster.path))
    except (OSError, finding.ConfigError) as error:
        raise Unknown(f"{cluster.path.name} cannot be read: {error}") from error
    if unreadable := finding.errors(written.findings):
        raise Unknown(f"{cluster.path.name} cannot be read: {unreadable[0]}")
    known = [*lint.published_values(written, published_secrets.KNOWN), *lint.placeholders(written)]
    return [f"{one.key or 'a comment'} (line {one.line})" for one in known]


def reread_configuration(cluster: Cluster) -> tuple[list[str], list[str]]:
    """The errors that the configuration has now, and what of it is no longer as it was. Unknown without the file."""
    try:
        now = cluster_config.load(cluster.path)
    except cluster_config.ConfigUnreadable as error:
        raise Unknown(str(error)) from error
    except cluster_config.ConfigError as error:
        return [str(error)], []
    return [], [f.name for f in fields(cluster) if f.compare and getattr(now, f.name) != getattr(cluster, f.name)]


def pinned_libraries() -> list[tuple[str, str]]:
    """The libraries of the run-time lock and their versions. Unknown when it cannot be read or pins nothing."""
    try:
        found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    except (OSError, UnicodeDecodeError) as error:
        raise Unknown(f"{LOCK.name} cannot be read: {error}") from error
    if not found:
        raise Unknown(f"{LOCK.name} pins no library")
    return found


def other_libraries() -> list[str]:
    """The libraries that are not installed as the run-time lock has them."""
    return [
        f"{name} {installed_version(name)} for {version}"
        for name, version in pinned_libraries()
        if installed_version(name) != version
    ]


def installed_version(name: str) -> str:
    """The installed version of a library, or `missing`."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
