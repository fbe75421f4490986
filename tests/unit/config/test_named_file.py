"""What is no file is refused at once, wherever a person names one: a FIFO would be waited for without an end."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from bundle.content.fetch import parsed_sources
from dlws.config import named_file
from dlws.config.cluster import inspect, load
from dlws.config.state import State
from dlws.engine import waivers
from dlws.engine.credentials import kept_credential
from dlws.facts.files import configured_file
from dlws.init import from_cluster
from dlws.kubernetes import image_archives
from dlws.remote.hostkeys import HostKeys
from dlws.remote.outbox import FilePart, InputPieces
from tests.kits.config_example import no_dns, write


@pytest.fixture(autouse=True)
def deadline() -> Iterator[None]:
    """A reader that waits fails after ten seconds."""

    def late(signum: int, frame: FrameType | None) -> None:
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path, 0o600)
    return path


def test_each_kind_is_named(tmp_path: Path, fifo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for path, kind in ((fifo, "a FIFO"), (Path("socket"), "a socket"), (Path("/dev/zero"), "a device")):
            with pytest.raises(OSError, match=f"{kind}, not a regular file"):
                named_file.content(path)
    with pytest.raises(IsADirectoryError, match="a folder, not a regular file"):
        named_file.content(tmp_path)


def test_a_link_to_a_file_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes("姓\r\n".encode())
    (tmp_path / "link").symlink_to("file")
    assert named_file.content(tmp_path / "link") == "姓\r\n".encode()
    assert named_file.text(tmp_path / "link") == "姓\n"


def test_a_fifo_as_config_yaml_is_one_error_with_the_fix(fifo: Path) -> None:
    with pytest.raises(Exception, match=r"^[^\n]*fifo: error: cannot be read: a FIFO, not a regular file \(.+\)$"):
        load(fifo)


def test_files_beside_config_yaml_are_not_waited_for(tmp_path: Path, fifo: Path) -> None:
    config = write(tmp_path)
    for options in ({"hosts_path": fifo}, {"local_yaml": fifo}):
        with pytest.raises(Exception, match="a FIFO"):
            inspect(config, **options)


def password(fifo: Path) -> object:
    state = State(fifo.parent / "state")
    state.keys.mkdir(parents=True)
    fifo.rename(state.root_password)
    return kept_credential(state)


READERS: dict[str, Callable[[Path], object]] = {
    "waivers.yaml": waivers.load,
    "rootpasswd": password,
    "known_hosts": lambda fifo: HostKeys(fifo).pins(load(write(fifo.parent), resolve=no_dns).nodes[0]),
    "a kubeconfig": from_cluster.asked,
    "a sources.list": lambda fifo: parsed_sources([("ubuntu 18.04", fifo)]),
    "an image archive": image_archives.contents,
    "a file of config.yaml": configured_file,
    "what is sent": InputPieces,
    "a part of what is sent": lambda fifo: InputPieces(FilePart(fifo, 0, 1)),
}


@pytest.mark.parametrize("read", READERS.values(), ids=[re.sub(" ", "_", name) for name in READERS])
def test_no_reader_waits_for_a_fifo(fifo: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(Exception, match="a FIFO, not a regular file"):
        read(fifo)
