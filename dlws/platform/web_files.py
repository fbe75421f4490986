"""The configuration files of the running services on the master (runbook 3.15 and `deploy.py webui`, 3.16.2).

They are rendered from the checkout's own templates. In the runbook local.yaml is edited by hand in
src/dashboard/config, from where it is built into webui3's image; but the running service reads /etc/WebUI/local.yaml,
which its pod mounts over that folder (docs/upstream.md#web-configuration). So the effective file is generated here, and
the one in the tree is not touched.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import yaml

from dlws.config import document, lint_local_yaml
from dlws.config.cluster import Cluster
from dlws.config.document import Document
from dlws.config.finding import Finding
from dlws.platform import own_secrets
from dlws.platform.services import STATIC
from dlws.platform.templates import Renderer, TemplateError
from dlws.upstream.checkout import BOOTSTRAP

LOCAL_YAML: Final = f"{BOOTSTRAP}/template/WebUI/local.yaml"
NGINX_ROUTES: Final = f"{BOOTSTRAP}/services/nginx/default.conf"
NGINX_FILE: Final = "/etc/nginx/conf.other/default.conf"
"""nginx's routes, on every host (runbook 3.16.7, `nginx config`)."""
FQDN_FILE: Final = "/etc/hostname-fqdn"
"""The file with a host's own full name, on every host (`nginx fqdn`). It must exist before nginx or grafana start, or
their pods' hostPath creates a folder of that name."""
DASHBOARD: Final = f"{STATIC}/dashboard"
"""The web interface's static files, copied out of its image (runbook 3.16.10)."""
STATIC_SOURCE: Final = "/www/.dlws-dashboard"
"""The file with the id of the image that they were copied from."""
_APIS: Final = re.compile(r"(location /apis/ \{[^{}]*?)([ \t]*)deny all;")
FIXED_SECRETS: Final = ("masterToken", "ADMINISTRATOR_PASSWORD", "SECRET_KEY")
"""Keys of the files that V0.1.6.1's templates give one value for all clusters."""
_USER_GROUP: Final = re.compile(r"^userGroup:.*(?:\n[ \t].*)*", re.MULTILINE)
_ALLOWED: Final = re.compile(r"allow\s+([0-9./]+);")


@dataclass(frozen=True, slots=True)
class Source:
    """A file of a host made from a template. `group` is a number, because its name in the pod may differ."""

    template: str
    path: str
    services: tuple[str, ...]
    """The services that read it."""
    mode: str
    group: str = "0"


@dataclass(frozen=True, slots=True)
class HostFile:
    """A file that must be on the host; its text contains secrets."""

    source: Source
    text: str = field(repr=False)

    @property
    def path(self) -> str:
        """Its path on the host."""
        return self.source.path

    @property
    def sha256(self) -> str:
        """The SHA-256 of its text in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


SOURCES: Final[tuple[Source, ...]] = (
    Source(
        f"{BOOTSTRAP}/template/RestfulAPI/config.yaml",
        "/etc/RestfulAPI/config.yaml",
        ("restfulapi2", "jobmanager2"),
        "0640",
        "33",
    ),
    Source(LOCAL_YAML, "/etc/WebUI/local.yaml", ("webui3",), "0600"),
    Source(
        f"{BOOTSTRAP}/template/UserDashboard/local.config",
        "/etc/UserDashboard/local.config",
        ("custom-user-dashboard",),
        "0600",
    ),
)
"""The files that a service of the runbook reads. 33 is Debian's www-data, the user of Apache in the REST API's pod.
Omitted from the files of deploy.py, because nothing reads them and they contain passwords, some of them upstream's:
userconfig.json, configAuth.json, dashboardConfig.json, Master-Templates.json (the .NET web interface),
appsettings.json, restapi-kubeconfig.yaml, /etc/dashboard/production.yaml."""


def host_files(cluster: Cluster, renderer: Renderer) -> tuple[HostFile, ...]:
    """The files for the master. TemplateError or CheckoutError if a file of the checkout is missing or broken."""
    return tuple(HostFile(source, _text(cluster, renderer, source)) for source in SOURCES)


def local_yaml(cluster: Cluster, renderer: Renderer) -> str:
    """/etc/WebUI/local.yaml (runbook 3.15): what browsers see has the cluster's public name.

    deploy.py writes the master's name everywhere; the runbook says to write the cluster's (`https://atlas.sigsus.cn`).
    `userGroup` keeps the master's: the server itself asks there, and behind a public address it may not reach itself.
    The sections of both sign-ins stay, with empty ids too: the server reads them at its start
    (docs/upstream.md#web-configuration).
    """
    for_users = renderer.with_values({"webportal_node": cluster.public_name}).text(LOCAL_YAML)
    between_services = _USER_GROUP.search(renderer.text(LOCAL_YAML))
    text = _USER_GROUP.sub(lambda _: between_services[0], for_users) if between_services else for_users
    return own_secrets.put_in(LOCAL_YAML, text, renderer.cnf)


def inner_addresses(cluster: Cluster, renderer: Renderer) -> Iterator[str]:
    """The URLs that webui3's server asks by local.yaml: each cluster's REST API, and the user dashboard, who signed in.

    Upstream's dashboard/server: services/cluster.js and services/user.js. TemplateError if the file has them not.
    """
    try:
        web = yaml.safe_load(local_yaml(cluster, renderer))
        for about in web["clusters"].values():
            yield f"{about['restfulapi']}/docs/"
        yield f"{web['userGroup']['domain']}{web['userGroup']['backEndPath']}/auth/currentUser"
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise TemplateError(LOCAL_YAML, 0, f"renders to no local.yaml: {type(error).__name__}: {error}") from None


def check_local_yaml(cluster: Cluster, text: str, file: str = "local.yaml") -> tuple[Finding, ...]:
    """The findings about a local.yaml for this cluster; a rendered one has none, except about its token key."""
    web = document.read(text.encode(), file)
    written = Document(str(cluster.path), data=dict(cluster.document))
    return (*web.findings, *lint_local_yaml.check_effective(written, web))


def published(cluster: Cluster, renderer: Renderer) -> list[str]:
    """The secrets that stand in the files as the checkout's templates fix them, the same for all: `<path>: <key>`."""
    fixed = re.compile(rf"^({'|'.join(FIXED_SECRETS)})\s*[=:].*$", re.MULTILINE)
    return [
        f"{file.path}: {line[1]}"
        for file in host_files(cluster, renderer)
        for line in fixed.finditer(file.text)
        if line[0] in renderer.checkout.read(file.source.template).splitlines()
    ]


def nginx_routes(cluster: Cluster, renderer: Renderer) -> str:
    """The text of NGINX_FILE, in which every host of the cluster is allowed to use the REST API.

    V0.1.6.1 allows only 192.168.0.0/16; elsewhere even webui3, which calls the API through nginx, would be refused.
    """
    text = renderer.text(NGINX_ROUTES)
    block = _APIS.search(text)
    if block is None:
        return text
    ranges = [ipaddress.IPv4Network(allowed) for allowed in _ALLOWED.findall(block[1])]
    missing = [n.address for n in cluster.nodes if not any(ipaddress.IPv4Address(n.address) in r for r in ranges)]
    return text[: block.end(1)] + "".join(f"{block[2]}allow {a};\n" for a in missing) + text[block.end(1) :]


def _text(cluster: Cluster, renderer: Renderer, source: Source) -> str:
    if source.template == LOCAL_YAML:
        text = local_yaml(cluster, renderer)
    else:
        text = own_secrets.put_in(source.template, renderer.text(source.template), renderer.cnf)
    return text if text.endswith("\n") else text + "\n"
