"""A link to this machine that breaks where a test wants it to, under the real helpers."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from dlws.remote import local
from dlws.remote.change import Applier, Change
from dlws.remote.connection import Connection
from dlws.remote.host import Host


class CutLink(local.ProcessLink):
    """A link that breaks after so many more bytes."""

    left = 1 << 40
    sent = 0
    opened: list[CutLink]

    def write(self, data: bytes) -> None:
        part = data[: self.left]
        self.left -= len(part)
        self.sent += len(part)
        super().write(part)
        if len(part) < len(data):
            self.abort()
            raise OSError("cut")

    def has_ended(self) -> bool:
        return self._process.poll() is not None


def kept_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Links to this machine are such ones from now on, all of them in `CutLink.opened`."""
    opened: list[CutLink] = []

    class Link(CutLink):
        def __init__(self, argv: list[str]) -> None:
            super().__init__(argv)
            opened.append(self)

    monkeypatch.setattr(CutLink, "opened", opened, raising=False)
    monkeypatch.setattr(local, "ProcessLink", Link)


def cut_after(size: int) -> CutLink:
    """Let the newest link break after so many more bytes."""
    CutLink.opened[-1].left = size
    return CutLink.opened[-1]


def change_over(connection: Connection) -> Change:
    host = Host(connection)
    return Change(host, Applier(host, lambda: connection))


def wait_until(holds: Callable[[], object], patience: float = 8.0) -> None:
    until = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)
