"""Compares the web interface's local.yaml (runbook 3.15) with the configuration and with what DLWorkspace renders."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from dlws.config.document import Document
from dlws.config.finding import Finding, KeyPath, Level, shown
from dlws.config.lint import cluster_names, misspelt_names, placeholders, published_values
from dlws.config.schema import Configuration
from dlws.config.validation import nearest
from dlws.upstream import published_secrets
from dlws.upstream.published_secrets import Leak

URLS: Final[Mapping[str, str]] = {"domain": "", "casUrl": "/cas"}
"""Top-level URLs, and the path each must have."""
CLUSTER_URLS: Final[Mapping[str, str]] = {"restfulapi": "/apis", "grafana": "/endpoints/grafana/", "prometheus": ""}
FOLDERS: Final[Mapping[str, str]] = {"workStorage": "work", "dataStorage": "storage"}
USER_GROUP_PATHS: Final[Mapping[str, str]] = {
    "backEndPath": "/custom-user-dashboard-backend",
    "frontEndPath": "/custom-user-dashboard",
}
READ_AT_START: Final[Mapping[str, tuple[str, ...]]] = {
    "sign": (),
    "masterToken": (),
    "domain": (),
    "administrators": (),
    "clusters": (),
    "userGroup": ("domain", *USER_GROUP_PATHS),
    "activeDirectory": ("tenant", "clientId", "clientSecret"),
    "wechat": ("appId", "appSecret"),
}
"""What the server asks node-config for when it starts, and the keys of it; empty texts are values for it
(docs/upstream.md#web-configuration)."""


def check_effective(
    document: Document, web: Document, known_leaks: Mapping[str, Leak] = published_secrets.KNOWN
) -> Iterator[Finding]:
    """The findings of `check`, and what the server would miss: for the file that it reads."""
    yield from check(document, web, known_leaks)
    for name, keys in READ_AT_START.items():
        paths: list[KeyPath] = [(name,)] if web.get(name) is None else [(name, key) for key in keys]
        for path in paths:
            if web.get(*path) is None:
                message = "missing: the web interface's server reads it at its start, whatever sign-in is set up"
                yield web.at_key(path, message, "see the file of `dlws render webui local.yaml`")


def check(
    document: Document, web: Document, known_leaks: Mapping[str, Leak] = published_secrets.KNOWN
) -> Iterator[Finding]:
    """Every suspicious value in a local.yaml: leaks, typos, and values that do not fit this cluster."""
    yield from published_values(web, known_leaks)
    yield from placeholders(web)
    yield from misspelt_names(document, web)
    secret = document.get("jwt", "secret_key")
    if isinstance(secret, str) and web.get("sign") != secret:
        yield web.at_value(("sign",), "differs from jwt.secret_key of the configuration", "use one key", Level.WARNING)
    if web.get("casUrl") is None:
        message = "missing, although the runbook tells to adapt it"
        yield web.at_key(("casUrl",), message, "add casUrl: http://<master>/cas", Level.WARNING)
    for key, path in URLS.items():
        yield from _url(document, web, (key,), path)
    yield from _url(document, web, ("userGroup", "domain"), "")
    yield from _user_group(web)
    yield from _clusters(document, web)


def _clusters(document: Document, web: Document) -> Iterator[Finding]:
    """There must be one cluster, by its own name, with nginx's paths of services and the hosts' links to folders."""
    name = document.get("cluster_name")
    for key in web.mapping("clusters"):
        path: KeyPath = ("clusters", key)
        if key != name:
            message = f"{shown(key)} is not cluster_name {shown(name)}"
            yield web.at_key(path, message, f"write {shown(name)}", Level.WARNING)
        for url, served_path in CLUSTER_URLS.items():
            yield from _url(document, web, (*path, url), served_path)
        yield from _folders(document, web, path)


def _folders(document: Document, web: Document, path: KeyPath) -> Iterator[Finding]:
    root = document.get("storage-mount-path") or Configuration.model_fields["storage_mount_path"].default
    for key, folder in FOLDERS.items():
        value = web.get(*path, key)
        if not isinstance(value, str) or value.startswith(f"{root}/"):
            continue
        message = f"{shown(value)} is no absolute path; DLWorkspace renders one under storage-mount-path"
        if value.startswith("/"):
            message = f"{shown(value)} is not under storage-mount-path, where hosts link the shares"
        yield web.at_value((*path, key), message, f"write it like {root}/{folder}", Level.WARNING)


def _user_group(web: Document) -> Iterator[Finding]:
    for key, expected in USER_GROUP_PATHS.items():
        value = web.get("userGroup", key)
        if value is not None and value != expected:
            message = f"{shown(value)} is no path that nginx sends to the user dashboard"
            yield web.at_value(("userGroup", key), message, f"write {expected}", Level.WARNING)


def _url(document: Document, web: Document, path: KeyPath, served_path: str) -> Iterator[Finding]:
    """A URL must have a name or address of the cluster as its host, and the path that nginx serves."""
    value = web.get(*path)
    if value is None:
        return
    host, url_path, problem = _parts(value)
    if problem:
        yield web.at_value(path, f"{shown(value)} is no URL: {problem}", "write it like http://host/path")
        return
    names = cluster_names(document)
    if names and host not in names and not _near_miss(host, document):  # misspelt_names reports near misses
        near = nearest(host, names)
        fix = f"did you mean {near}?" if near else f"names of this cluster: {', '.join(sorted(names)[:4])}, ..."
        yield web.at_value(path, f"{shown(host)} is no name of this cluster", fix, Level.WARNING)
    if served_path and url_path != served_path:
        message = f"{shown(value)} is not where nginx serves it"
        yield web.at_value(path, message, f"end it with {served_path}", Level.WARNING)


def _parts(value: object) -> tuple[str, str, str]:
    """The host and the path of a URL, and what is wrong with it (empty if nothing is)."""
    if not isinstance(value, str):
        return "", "", "not text"
    try:
        url = urlsplit(value)
        host, _ = url.hostname, url.port
    except ValueError as error:
        return "", "", str(error)
    if url.scheme not in ("http", "https"):
        return "", "", "it begins with neither http:// nor https://"
    if host is None or re.fullmatch(r"[a-z0-9.-]+", host) is None:
        return "", "", "no host in it"
    if url.query or url.fragment or url.username is not None or not value.isprintable() or " " in value:
        return "", "", "more than scheme, host, port and path"
    return host, url.path, ""


def _near_miss(host: str, document: Document) -> bool:
    label, _, domain = host.partition(".")
    labels = {name.partition(".")[0] for name in cluster_names(document)}
    return domain == document.get("network", "domain") and nearest(label, labels) is not None
