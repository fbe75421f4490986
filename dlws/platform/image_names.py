"""The images that DLWS builds (runbook 3.16): names, architectures, and the files of each build.

deploy.py renders a context into deploy/, runs its prebuild.sh there and calls `docker build`. Here a context is a list
of files, made without writing into the tree: rendered where upstream renders, with the files that prebuild.sh copies.
Names are upstream's (docs/upstream.md#images).
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from dlws.config.cluster import Cluster
from dlws.config.lint import JWT_PLACEHOLDER
from dlws.inventory import Arch
from dlws.kubernetes.kubeadm import NODE_PORT_RANGE
from dlws.platform.parameters import Parameters
from dlws.platform.templates import Renderer
from dlws.upstream.checkout import Checkout, CheckoutError


@dataclass(frozen=True, slots=True)
class Image:
    """One image that DLWS builds, by the name of its context."""

    name: str
    everywhere: bool = False
    """True: built for every architecture of the cluster, on a machine of it. False: only for the master's."""
    copies: tuple[tuple[str, str], ...] = ()
    """The copies that prebuild.sh makes: from a path below src/, to a path in the context."""
    rendered: tuple[str, ...] = ()
    """Files among the copies that prebuild.sh renders."""
    plain: tuple[str, ...] = ()
    """Folders of the context that are copied without rendering, because they contain binaries."""


_DASHBOARD: Final = ("package.json", "yarn.lock", "tsconfig.json", "config", "public", "server", "src", "scripts")

BUILT: Final[tuple[Image, ...]] = (
    Image("restfulapi2", copies=tuple((n, n) for n in ("Jobs_Templete", "utils", "RestAPI", "ClusterManager"))),
    Image("webui3", copies=tuple((f"dashboard/{name}", name) for name in _DASHBOARD)),
    Image("custom-user-dashboard-frontend"),
    Image("custom-user-dashboard-backend"),
    Image("openresty"),
    Image("init-container", everywhere=True),
    Image("watchdog", everywhere=True),
    Image("gpu-reporter", everywhere=True),
    Image("job-exporter", everywhere=True, plain=("npu",)),
    Image(
        "repairmanager2",
        copies=(("RepairManager", "RepairManager"),),
        rendered=tuple(f"RepairManager/config/{name}-config.yaml" for name in ("email", "rule", "ecc")),
    ),
)
"""In the runbook's order. kubectl, which prebuild.sh adds to restfulapi2, is omitted: it is mounted from the host."""
CONTEXT_LABEL: Final = "dlws-suite.context"
"""The image label with the digest of its sources."""
LEFT_OUT: Final = frozenset({"config/local.yaml"})
"""Omitted from webui3: the pod mounts /etc/WebUI over it, and its sign-in secrets would end up in the registry."""
COMPILED: Final = "__pycache__"
"""The folder in which Python keeps what it compiled, once somebody has run a source there: none of upstream's files."""
JWT_KEY_FILES: Final = ("lib/resty/nginx-jwt-cookie.lua", "lib/resty/nginx-jwt-header.lua")
"""The files of openresty with upstream's public key; `jwt.secret_key` replaces it, or every endpoint answers 401."""

OPENRESTY_ROUTES: Final = "config/nginx/nginx.conf"
"""The file of openresty with the route `/endpoints/v2/<port in base64>/`, which asks for no token."""
_OPEN_ROUTE: Final = re.compile(r"location\s+~\s+\S*/endpoints/v2/\S*\s*\{")
_NODE_PORTS_ONLY: Final = (
    " access_by_lua_block { local port = tonumber(ngx.var.port); "
    "if not port or port < %d or port > %d then return ngx.exit(403) end }"
)


@dataclass(frozen=True, slots=True)
class Build:
    """One image for one architecture: its full name, and its Dockerfile in the context."""

    image: Image
    arch: Arch
    full_name: str
    dockerfile: str


@dataclass(frozen=True, slots=True)
class ContextFile:
    """A file of a build context: its path there, its content, and whether it is executable."""

    path: str
    content: bytes = field(repr=False)
    executable: bool


def builds(cluster: Cluster, renderer: Renderer) -> tuple[Build, ...]:
    """Everything to build, or to find prebuilt, for this cluster. CheckoutError if a context is missing."""
    return tuple(
        Build(image, arch, full_name(renderer.checkout, renderer.cnf, image.name, arch), dockerfile)
        for image in BUILT
        for arch in (cluster.archs if image.everywhere else (cluster.master.arch,))
        for dockerfile in (renderer.checkout.dockerfile(image.name, arch),)
    )


def full_name(checkout: Checkout, cnf: Parameters, name: str, arch: Arch) -> str:
    """`apulistech/atlas_restfulapi2:latest`, for arm64 with `-arm64` after the tag. CheckoutError if unknown."""
    folder = PurePosixPath(checkout.image_folder(name)).name
    plain = cnf["dockers"]["container"][folder]["fullname"]
    return plain if arch is Arch.AMD64 else f"{plain}-{arch}"


def context(renderer: Renderer, image: Image) -> Iterator[ContextFile]:
    """The files of an image's build context, in order. They contain secrets (repairmanager2's mail account).

    CheckoutError or TemplateError says which file of the tree is missing or broken.
    """
    folder, root = renderer.checkout.image_folder(image.name), renderer.checkout.root
    copies = {"": folder} | {target: f"src/{source}" for source, target in image.copies}
    for target, source in copies.items():
        for path in _files(renderer.checkout.path(source), source):
            inside = (PurePosixPath(target) / path.relative_to(root / source).as_posix()).as_posix()
            if inside not in LEFT_OUT:
                name, executable = path.relative_to(root).as_posix(), os.access(path, os.X_OK)
                yield ContextFile(inside, _content(renderer, image, target, inside, name), executable)


def archive(files: Iterable[ContextFile]) -> bytes:
    """The context as a tar archive for `docker build -`; owners and times do not affect its bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for file in files:
            entry = tarfile.TarInfo(file.path)
            entry.size, entry.mode = len(file.content), 0o755 if file.executable else 0o644
            tar.addfile(entry, io.BytesIO(file.content))
    return buffer.getvalue()


def digest(archive: bytes, dockerfile: str) -> str:
    """The SHA-256 over context and Dockerfile in hex, for a label of the image."""
    return hashlib.sha256(dockerfile.encode() + b"\0" + archive).hexdigest()


def _files(where: Path, name: str) -> list[Path]:
    if where.is_file():
        return [where]
    if not where.is_dir():
        raise CheckoutError(f"{name}: missing in the checkout; the image's prebuild.sh copies it")
    every = (path for path in where.rglob("*") if COMPILED not in path.relative_to(where).parts)
    files = sorted(path for path in every if path.is_symlink() or path.is_file())
    for path in files:
        if path.is_symlink():
            raise CheckoutError(f"{name}/{path.relative_to(where)}: a link; put the file itself there")
    return files


def _content(renderer: Renderer, image: Image, target: str, inside: str, name: str) -> bytes:
    """A file's content, rendered where upstream renders it: files of the context, and those in prebuild.sh."""
    copied = bool(target) or inside.split("/")[0] in image.plain or renderer.is_copied(name)
    if copied and inside not in image.rendered:
        return (renderer.checkout.root / name).read_bytes()
    text = renderer.checkout.read(name)
    if image.name == "openresty" and inside in JWT_KEY_FILES:
        return _with_key(text, str(renderer.cnf["jwt"]["secret_key"]), name).encode()
    if image.name == "openresty" and inside == OPENRESTY_ROUTES:
        text = _closed(text)
    return (renderer.rendered(text, name) if "{{" in text or "{%" in text else text).encode()


def _closed(text: str) -> str:
    """The routes, with only NodePorts behind the one without a token: inference services answer there, on NodePorts.

    Upstream's lets anyone to any port of the host, the REST API's among them, past nginx' allow list.
    """
    limit = _NODE_PORTS_ONLY % (NODE_PORT_RANGE[0], NODE_PORT_RANGE[-1])
    return _OPEN_ROUTE.sub(lambda found: found[0] + limit, text)


def _with_key(text: str, key: str, name: str) -> str:
    built_in = f'"{JWT_PLACEHOLDER}"'
    if built_in not in text:
        raise CheckoutError(f"{name}: upstream's built-in key is not in it; nobody knows which key it checks")
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return text.replace(built_in, f'"{escaped}"')
