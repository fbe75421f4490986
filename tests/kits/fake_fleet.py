"""Hosts that answer with numbers and count their round trips, and fleets on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from dlws.inventory import Arch, Device, Node, Origin, Role
from dlws.record.answer import Answer
from dlws.record.evidence import Transcript
from dlws.record.redaction import Redactor
from dlws.remote.connection import CAP, Connection
from dlws.remote.fleet import Fleet
from dlws.remote.foresight import Foresight
from dlws.remote.outbox import Stdin


class Fake(Connection):
    """A host that answers every command with a number that grows, and keeps count of the round trips."""

    def __init__(self, name: str) -> None:
        self.host, self.user = name, "root"
        self.trips: list[list[str]] = []
        self.fault: Exception | None = None
        self.slow: set[str] = set()

    def ask(self, commands: Sequence[str], *, deadline: float = 30.0, cap: int = CAP) -> list[Answer]:
        if self.fault:
            raise self.fault
        self.trips.append(list(commands))
        number = sum(map(len, self.trips))
        return [Answer(c, 0, f"{number}".encode(), b"", 0.01, timed_out=c in self.slow) for c in commands]

    def send(self, command: str, *, token: str, stdin: Stdin = b"", deadline: float) -> Answer:
        if self.fault:
            raise self.fault
        return Answer(command, 0, b"", b"", 0.01)

    def renew(self) -> None:
        self.fault = None

    def close(self) -> None:
        self.trips.append(["closed"])


class World:
    """Six fake hosts of two kinds, and fleets on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts = {f"n{i}": Fake(f"n{i}") for i in range(6)}
        self.nodes = [
            Node(
                name,
                f"10.0.0.{i}",
                "lab",
                Role.WORKER,
                Arch.AMD64,
                Device.GPU if i < 4 else Device.CPU,
                Origin.MACHINES,
            )
            for i, name in enumerate(self.hosts)
        ]
        self.opened: list[str] = []
        self.open: Callable[[Node], Connection] = self._open

    def _open(self, node: Node) -> Connection:
        self.opened.append(node.name)
        return self.hosts[node.name]

    def fleet(self, foresight: Foresight | None = None, width: int = 16) -> Fleet:
        transcript = Transcript(self.folder / "evidence", Redactor(["s3cret"]))
        control = Fake("control")
        return Fleet(self.nodes, self.open, transcript, foresight=foresight, width=width, open_control=lambda: control)

    def audit(self, run: str = "") -> Fleet:
        return self.fleet(Foresight(self.folder / "foresight.json", run=run))
