"""`python -m dlws render`: what the checkout's templates become for this cluster. Reads, and writes nothing."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Final

import yaml

from dlws.config.cluster import Cluster, load
from dlws.config.finding import ConfigError
from dlws.kubernetes.objects import Object
from dlws.platform import image_names, manifests, rendering, services, web_files
from dlws.platform.manifests import Manifest
from dlws.platform.templates import Renderer, TemplateError
from dlws.upstream.checkout import CheckoutError

WEBUI: Final = "webui"
"""What `deploy.py webui` and `nginx config` wrote: files of hosts, not objects."""


class _Dumper(yaml.SafeDumper):
    """Text of several lines stays readable."""


def _text(dumper: _Dumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def add_arguments(parser: ArgumentParser) -> None:
    """The arguments of `render`."""
    parser.add_argument("service", nargs="?", metavar="SERVICE", help=f"a service, or {WEBUI}; left out: list them")
    parser.add_argument("file", nargs="?", metavar="FILE", help="only this file of it, like grafana.yaml")
    parser.add_argument("--cluster", type=Path, default=Path("config.yaml"), metavar="FILE", help="the configuration")
    parser.add_argument("--show-secrets", action="store_true", help="print passwords and keys as they are")


def run(options: Namespace) -> int:
    """Print it. Exit status: 0 it renders, 1 something does not, 2 there is no usable configuration or checkout."""
    try:
        cluster = load(options.cluster)
        renderer = rendering.renderer(cluster)
    except (ConfigError, CheckoutError) as error:
        print(error, file=sys.stderr)
        return 2
    if not options.show_secrets:
        renderer = rendering.without_secrets(renderer)
    if options.service is None:
        return _list(cluster, renderer)
    try:
        parts = list(
            _webui(cluster, renderer) if options.service == WEBUI else _service(cluster, renderer, options.service)
        )
    except (CheckoutError, TemplateError) as error:
        print(error, file=sys.stderr)
        return 1
    wanted = [text for name, text in parts if options.file in (None, PurePosixPath(name).name)]
    if not wanted:
        names = ", ".join(dict.fromkeys(PurePosixPath(name).name for name, _ in parts))
        print(f"{options.service} has no file {options.file}; there are {names}", file=sys.stderr)
        return 2
    print("".join(wanted), end="")
    return 0


def _parts(cluster: Cluster, renderer: Renderer, service: str) -> Iterator[tuple[str, str]]:
    return _webui(cluster, renderer) if service == WEBUI else _service(cluster, renderer, service)


def _service(cluster: Cluster, renderer: Renderer, service: str) -> Iterator[tuple[str, str]]:
    for manifest in manifests.of_service(cluster, renderer, service):
        yield manifest.file, f"---\n# {manifest.file}{_where(manifest)}\n{_dumped(manifest.object)}"


def _where(manifest: Manifest) -> str:
    if manifest.nodes is None:
        return ""
    return f"\n# runs on {', '.join(manifest.nodes)}" if manifest.nodes else "\n# runs on no machine: left out"


def _webui(cluster: Cluster, renderer: Renderer) -> Iterator[tuple[str, str]]:
    for file in web_files.host_files(cluster, renderer):
        yield file.path, f"# {file.path} of {cluster.master.name}\n{file.text}\n"
    yield web_files.NGINX_FILE, f"# {web_files.NGINX_FILE} of every host\n{web_files.nginx_routes(cluster, renderer)}"


def _dumped(document: Object) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _list(cluster: Cluster, renderer: Renderer) -> int:
    """One line for each service of the runbook, and what differs from what stages and checks expect of it."""
    bad = False
    for service in services.SERVICES:
        found, problems = _counted(partial(manifests.of_service, cluster, renderer, service.name))
        problems = problems or services.contract(cluster, service, found)
        used, total = len(manifests.wanted(found)), len(found)
        left_out = f", {total - used} for no machine here" if total > used else ""
        print(f"{service.name:24}{used} object{'' if used == 1 else 's'}{left_out}")
        bad |= _complain(problems)
    files, problems = _counted(partial(web_files.host_files, cluster, renderer))
    print(f"{WEBUI:24}{', '.join(file.path for file in files)}")
    bad |= _complain(problems)
    images, problems = _counted(partial(image_names.builds, cluster, renderer))
    print(f"{len(images)} images to build: {', '.join(build.full_name for build in images)}")
    return 1 if _complain(problems) or bad else 0


def _counted(make: Callable[[], tuple[Any, ...]]) -> tuple[tuple[Any, ...], list[str]]:
    try:
        return make(), []
    except (CheckoutError, TemplateError) as error:
        return (), [str(error)]


def _complain(problems: list[str]) -> bool:
    for problem in problems:
        print(f"    {problem}")
    return bool(problems)
