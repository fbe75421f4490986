"""An image that a real registry serves becomes the archive that was pushed into it."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import lab.registry
from bundle.content import image_file
from bundle.content.registry import Client
from dlws.content.lock import ContentError
from dlws.inventory import Arch
from dlws.kubernetes import image_archives
from tests.kits.archives import saved
from tests.kits.project import eventually


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Debian's registry on a free port of 127.0.0.1."""
    folder = tmp_path_factory.mktemp("registry")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    command = [lab.registry.COMMAND, "serve", folder / "settings.json"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: _listens(port))
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_what_was_pushed_is_what_is_fetched(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab.registry, "REGISTRY", address)
    image = f"{address}/dlws/tool:1.0"
    pushed = saved(tmp_path / "pushed.tar", image, "arm64")
    assert lab.registry.push(pushed)
    client = Client()
    found = client.image(image, Arch.ARM64)
    image_file.write(client, found, image, tmp_path / "fetched.tar", tmp_path)
    assert found.digest == lab.registry.digest_of(image)
    assert image_archives.contents(tmp_path / "fetched.tar") == image_archives.contents(pushed)


def test_what_it_does_not_have_is_named(address: str) -> None:
    with pytest.raises(ContentError, match=r"dlws/none: manifests/1: there is none"):
        Client().image(f"{address}/dlws/none:1", Arch.ARM64)
