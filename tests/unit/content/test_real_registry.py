"""An image that a real registry serves becomes the archive that was pushed into it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
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

pytestmark = pytest.mark.skipif(not shutil.which("docker-registry"), reason="needs Debian's docker-registry")


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
    process = subprocess.Popen(
        ["docker-registry", "serve", folder / "settings.json"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield f"127.0.0.1:{port}"
    process.kill()
    process.wait()


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
