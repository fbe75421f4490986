"""Connections to this machine: by an agent of which a part is another, and over links that break."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dlws.remote import local
from dlws.remote import session as session_module
from dlws.remote.connection import Connection
from dlws.remote.local import open_local
from tests.kits.cut_link import kept_links

NONCE = "to be replaced"
Patch = Callable[..., Connection]


@pytest.fixture
def patched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Patch]:
    """A connection whose agent has some of its text replaced: old, new, old, new."""
    connections: list[Connection] = []

    def connect_patched(*changes: str) -> Connection:
        command, source = session_module.boot(NONCE, sys.executable)
        for old, new in zip(changes[::2], changes[1::2], strict=True):
            assert old.encode() in source
            source = source.replace(old.encode(), new.encode())
        body = source.partition(b"\n")[2]
        monkeypatch.setattr(session_module, "boot", lambda nonce, python: (command, renamed(body, nonce)))
        connections.append(open_local())
        return connections[-1]

    yield connect_patched
    for connection in connections:
        connection.close()


def renamed(body: bytes, nonce: str) -> bytes:
    body = body.replace(NONCE.encode(), nonce.encode())
    return b"%d\n" % len(body) + body


@pytest.fixture(params=["agent", "shell"])
def helper(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A connection to this machine, by the agent or by the shell; its link is the last of `CutLink.opened`."""
    kept_links(monkeypatch)
    path = tmp_path / "no-python"
    path.mkdir()
    if request.param == "shell":
        (path / "python3").write_text("#!/bin/sh\nexit 127\n")
        (path / "python3").chmod(0o755)
    connection = local.open_process("host", ["env", f"PATH={path}:/usr/bin:/bin"]).connect()
    yield connection
    connection.close()
