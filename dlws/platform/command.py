"""`dlws render`: prints the checkout's templates, rendered for a cluster. Writes no file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Final

import click
import yaml

from dlws.cli import Failed, Refused
from dlws.config.cluster import Cluster, load
from dlws.config.command import CONFIG
from dlws.config.finding import ConfigError
from dlws.kubernetes.objects import Object
from dlws.platform import image_names, manifests, rendering, services, web_files
from dlws.platform.manifests import Manifest
from dlws.platform.templates import Renderer, TemplateError
from dlws.upstream.checkout import CheckoutError

WEBUI: Final = "webui"
"""The name for the files that `deploy.py webui` and `nginx config` wrote to hosts."""


class _Dumper(yaml.SafeDumper):
    """Text of several lines stays readable."""


def _text(dumper: _Dumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


@click.command()
@click.argument("service", required=False)
@click.argument("file", required=False)
@click.option(
    "--cluster",
    "path",
    type=click.Path(path_type=Path),
    default=CONFIG,
    show_default=True,
    metavar="FILE",
    help="The configuration.",
)
@click.option("--show-secrets", is_flag=True, help="Print passwords and keys as they are.")
def render(service: str | None, file: str | None, path: Path, show_secrets: bool) -> int:
    """Print the templates of the DLWorkspace checkout, rendered for a cluster.

    SERVICE is a service of the platform, or webui for the files that the web interface reads; without it, all services
    are listed with their rendering errors. FILE limits the output to one file of the service, such as grafana.yaml.

    Exit status: 0 everything renders, 1 something does not, 2 wrong usage, or no usable configuration or checkout.
    """
    try:
        cluster = load(path)
        renderer = rendering.renderer(cluster)
    except (ConfigError, CheckoutError) as error:
        raise Refused(str(error)) from error
    if not show_secrets:
        renderer = rendering.without_secrets(renderer)
    if service is None:
        return _list(cluster, renderer)
    try:
        parts = list(_parts(cluster, renderer, service))
    except (CheckoutError, TemplateError) as error:
        raise Failed(str(error)) from error
    selected = [text for name, text in parts if file in (None, PurePosixPath(name).name)]
    if not selected:
        names = ", ".join(dict.fromkeys(PurePosixPath(name).name for name, _ in parts))
        raise Refused(f"{service} has no file {file}; there are {names}")
    print("".join(selected), end="")
    return 0


def _parts(cluster: Cluster, renderer: Renderer, service: str) -> Iterator[tuple[str, str]]:
    return _webui(cluster, renderer) if service == WEBUI else _service(cluster, renderer, service)


def _service(cluster: Cluster, renderer: Renderer, service: str) -> Iterator[tuple[str, str]]:
    for manifest in manifests.of_service(cluster, renderer, service):
        yield manifest.file, f"---\n# {manifest.file}{_where(manifest)}\n{_dumped(manifest.object)}"


def _where(manifest: Manifest) -> str:
    if manifest.nodes is None:
        return ""
    places = f"\n# runs on {', '.join(manifest.nodes)}" if manifest.nodes else "\n# runs on no machine: left out"
    return places + "".join(f"\n# without {words}" for words in manifest.left_out)


def _webui(cluster: Cluster, renderer: Renderer) -> Iterator[tuple[str, str]]:
    for file in web_files.host_files(cluster, renderer):
        yield file.path, f"# {file.path} of {cluster.master.name}\n{file.text}\n"
    yield web_files.NGINX_FILE, f"# {web_files.NGINX_FILE} of every host\n{web_files.nginx_routes(cluster, renderer)}"


def _dumped(document: Object) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _list(cluster: Cluster, renderer: Renderer) -> int:
    """One line for each service of the runbook, and its differences from what stages and checks rely on."""
    bad = False
    for service in services.SERVICES:
        rendered, problems = _counted(partial(manifests.of_service, cluster, renderer, service.name))
        unfit = [*manifests.unpullable(rendered), *manifests.refused(rendered)]
        problems = problems or [*services.contract(cluster, service, rendered), *unfit]
        used, total = len(manifests.placeable(rendered)), len(rendered)
        left_out = f", {total - used} for no machine here" if total > used else ""
        print(f"{service.name:24}{used} object{'' if used == 1 else 's'}{left_out}")
        for manifest in rendered:
            for words in manifest.left_out:
                print(f"    {manifest.title} without {words}")
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
