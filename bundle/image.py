"""The container image of a bundle, as `docker load` reads it: the folder, and busybox as its /bin/sh."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

from bundle import archive, debian
from bundle.process import BundleError
from dlws.inventory import Arch

PLACE = "opt/dlws"
_BUSYBOX = ("bin/busybox", "usr/bin/busybox")
_CONFIG = {
    "Entrypoint": [f"/{PLACE}/dlws"],
    "Cmd": ["--help"],
    "Env": [f"PATH=/{PLACE}/bin:/bin", "HOME=/home"],
    "WorkingDir": "/home",
}


def write(folder: Path, debs: Iterable[tuple[debian.Package, Path]], target: Path, arch: Arch, tag: str) -> None:
    """Write the image of a bundle's folder; the same folder gives the same bytes. BundleError without busybox.

    The form is that of `docker save`: manifest.json names the configuration and the one layer (OCI image-spec, v1).
    """
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        root, parts = Path(work, "root"), Path(work, "parts")
        for name, content in (("bin/sh", _busybox(debs)), ("etc/passwd", b"root:x:0:0::/home:/bin/sh\n")):
            (root / name).parent.mkdir(parents=True)
            (root / name).write_bytes(content)
        parts.mkdir()
        layer = parts / "layer.tar"
        files = [*archive.entries(root), *archive.entries(folder, f"{PLACE}/")]
        archive.pack_entries(files, layer, {"home": 0o1777, "tmp": 0o1777})
        described = {
            "architecture": str(arch),
            "os": "linux",
            "config": _CONFIG,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{archive.digest_of(layer)}"]},
        }
        (parts / "config.json").write_text(json.dumps(described, sort_keys=True), encoding="utf-8")
        manifest = [{"Config": "config.json", "RepoTags": [tag], "Layers": [layer.name]}]
        (parts / "manifest.json").write_text(json.dumps(manifest, sort_keys=True), encoding="utf-8")
        archive.pack_entries(archive.entries(parts), target, {})


def _busybox(debs: Iterable[tuple[debian.Package, Path]]) -> bytes:
    (deb,) = (path for package, path in debs if package.name == "busybox-static")
    found = next((content for name, content in debian.files_of(deb) if name in _BUSYBOX), None)
    if found is None:
        raise BundleError(f"{deb.name} has no {' or '.join(_BUSYBOX)}")
    return found
