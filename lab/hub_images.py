"""The images that DLWS takes from elsewhere, and those its own are built from: real servers from Debian's packages.

Each is one layer: packages unpacked with the libraries they need, busybox for the rest, and lab/images/<folder> over
them. Named as upstream names them; all of them are amd64, as everything in the lab is.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab import debs, image_archive, mirror
from lab.image import digest, folder_parts
from lab.image_archive import Image, write
from lab.plan import LAB, cache
from lab.process import run

OVERLAYS = LAB / "images"
PYTHON = "dlws-lab/python:1"
"""What the stand-ins of DLWS's own applications are built from."""
OPENRESTY = "apulistech/openresty:base"
NOT_NEEDED = (
    "libaudit",
    "libdb5.3",
    "libdebian-installer",
    "libelogind",
    "libfile-find-rule",
    "libgdbm",
    "libgssapi",
    "libjs-",
    "libk5crypto",
    "libkrb5",
    "libluajit-5.1",
    "libnewt",
    "libnumber-compare",
    "libpam",
    "libperl",
    "libsemanage",
    "libsepol",
    "libslang",
    "libtext-glob",
    "libtextwrap",
    "libtirpc",
    "libnsl",
)
"""Libraries of the closure that only maintainer scripts use, or an alternative of which one is enough."""
ALWAYS = ("busybox", "zlib1g")
NOT_SHIPPED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian")
USERS = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "group": "root:x:0:\nnogroup:x:65534:\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """An image: the packages it is made of, the folders of lab/images that lie over them, and how it starts."""

    references: tuple[str, ...]
    packages: tuple[str, ...]
    overlays: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def digest(self) -> str:
        """The hash of all that the image is made of, but for the versions of the packages."""
        makers = [Path(path).read_bytes() for path in (__file__, image_archive.__file__, debs.__file__)]
        files = [part for overlay in self.overlays for part in folder_parts(OVERLAYS / overlay)]
        return digest(repr(self).encode(), mirror.codename().encode(), *makers, *files)


NGINX = ("nginx", "nginx-common")
PYTHON_PACKAGES = (
    "python3",
    "python3-minimal",
    "python3.11",
    "python3.11-minimal",
    "python3-yaml",
    "python3-pymysql",
    "openssl",
)
RECIPES = (
    Recipe(
        (PYTHON,),
        PYTHON_PACKAGES,
        overlays=("python",),
        links={"usr/bin/python": "python3"},
        command=("python3",),
        environment={"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    ),
    Recipe(
        ("apulistech/nginx:1.9", "apulistech/nginx:1.9-arm64"),
        NGINX,
        overlays=("nginx",),
        folders=("var/log/nginx", "var/lib/nginx", "run"),
        command=("/home/auto-reload-nginx.sh",),
    ),
    Recipe(
        (OPENRESTY,),
        (*NGINX, "libnginx-mod-http-lua", "libnginx-mod-http-ndk", "lua-resty-core", "lua-resty-lrucache", "lua-cjson"),
        folders=("var/log/nginx", "var/lib/nginx", "run"),
        command=("/start.sh",),
    ),
    Recipe(
        ("mysql/mysql-server:8.0",),
        ("mariadb-server-core", "mariadb-client-core"),
        overlays=("mysql",),
        folders=("var/lib/mysql", "var/log/mysql", "run/mysqld"),
        entrypoint=("/usr/local/bin/entrypoint.sh",),
        command=("mysqld",),
    ),
    Recipe(
        ("redis:5.0.6-alpine",), ("redis-server", "redis-tools", "lua-bitop", "lua-cjson"), command=("redis-server",)
    ),
    Recipe(("bash:5",), ("bash",), command=("bash",)),
    Recipe(
        ("prom/prometheus:v2.18.0",),
        ("prometheus", *PYTHON_PACKAGES),
        overlays=("python", "prometheus"),
        folders=("prometheus",),
        entrypoint=("python3", "/usr/local/bin/prometheus.py"),
        command=("--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"),
    ),
    Recipe(
        ("prom/alertmanager:v0.20.0",),
        ("prometheus-alertmanager",),
        folders=("alertmanager",),
        entrypoint=("/usr/bin/prometheus-alertmanager",),
    ),
    Recipe(
        ("prom/node-exporter:v0.18.1",),
        ("prometheus-node-exporter",),
        entrypoint=("/usr/bin/prometheus-node-exporter",),
    ),
)


def make(recipe: Recipe, folder: Path) -> None:
    """Write the recipe's archives into `folder`, one for each of its names."""
    (cache() / "build").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache() / "build") as work:
        root = debs.extract(Path(work), *needed(recipe.packages, debs.closure(*recipe.packages, "busybox")))
        _complete(recipe, root)
        for reference in recipe.references:
            image = Image(
                reference,
                {path.name: path for path in root.iterdir()},
                folders=("tmp",),
                entrypoint=recipe.entrypoint,
                command=recipe.command,
                environment=recipe.environment,
            )
            write(image, folder)


def needed(packages: tuple[str, ...], closure: list[str]) -> list[str]:
    """Of all that the packages depend on: themselves, ALWAYS, and libraries."""
    return [
        name
        for name in closure
        if name in packages or name in ALWAYS or (name.startswith("lib") and not name.startswith(NOT_NEEDED))
    ]


def _complete(recipe: Recipe, root: Path) -> None:
    for name in NOT_SHIPPED:
        shutil.rmtree(root / name, ignore_errors=True)
    for name in ("bin", "etc", "root", *recipe.folders):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, text in USERS.items():
        (root / "etc" / name).write_text(text)
    for overlay in recipe.overlays:
        shutil.copytree(OVERLAYS / overlay, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for applet in run(str(root / "bin" / "busybox"), "--list").split():
        if not (root / "bin" / applet).exists():
            (root / "bin" / applet).symlink_to("busybox")
    for name, target in recipe.links.items():
        (root / name).unlink(missing_ok=True)
        (root / name).symlink_to(target)
