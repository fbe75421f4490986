"""The container image of a bundle: what `docker load` is told, and that it is the same each time."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import IO, Any

import pytest

from bundle import debian, image
from bundle.process import BundleError
from dlws.inventory import Arch

DEBS = [(debian.Package(Arch.ARM64, "busybox-static", "1", "0" * 64), Path("busybox.deb"))]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The image of a folder with two files."""
    monkeypatch.setattr(debian, "files_of", lambda _: iter([("usr/share/doc/a", b"a"), ("bin/busybox", b"busybox")]))
    bundle = tmp_path / "bundle"
    (bundle / "bin").mkdir(parents=True)
    for name in ("dlws", "bin/python3", "MANIFEST"):
        (bundle / name).write_text(name)
    image.write(bundle, DEBS, tmp_path / "image.tar", Arch.ARM64, "dlws-suite:1-arm64")
    return tmp_path / "image.tar"


def read(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    found = tar.extractfile(name)
    assert found
    return found


def parts(made: Path) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """The manifest, the configuration and the layer that they name."""
    with tarfile.open(made) as tar:
        (manifest,) = json.load(read(tar, "manifest.json"))
        return manifest, json.load(read(tar, manifest["Config"])), read(tar, manifest["Layers"][0]).read()


def test_the_image_names_its_layer_by_digest_and_its_architecture(made: Path) -> None:
    manifest, config, layer = parts(made)
    assert manifest["RepoTags"] == ["dlws-suite:1-arm64"]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert (config["architecture"], config["config"]["Entrypoint"]) == ("arm64", ["/opt/dlws/dlws"])


def test_the_layer_is_the_folder_with_a_shell_and_folders_to_write_in(made: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(parts(made)[2])) as layer:
        modes = {member.name: member.mode for member in layer}
        assert read(layer, "bin/sh").read() == b"busybox"
    assert {name for name, mode in modes.items() if mode == 0o1777} == {"home", "tmp"}
    programs = {"bin/sh", "opt/dlws/dlws", "opt/dlws/bin/python3"}
    assert {name: modes[name] for name in programs} == dict.fromkeys(programs, 0o755)
    assert modes["opt/dlws/MANIFEST"] == modes["etc/passwd"] == 0o644


def test_a_package_without_busybox_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "files_of", lambda _: iter([("usr/share/doc/a", b"a")]))
    with pytest.raises(BundleError, match=r"^busybox.deb has no bin/busybox"):
        image.write(tmp_path, DEBS, tmp_path / "image.tar", Arch.ARM64, "dlws-suite:1-arm64")
