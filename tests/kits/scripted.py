"""A host that answers from a script and records what it was sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dlws.kubernetes import membership
from dlws.record.answer import Answer
from dlws.remote.change import Applier, Change
from dlws.remote.connection import CAP, Connection
from dlws.remote.host import Host
from dlws.remote.outbox import InputPieces, Stdin

DATA = Path(__file__).parents[1] / "data" / "parse"
NO_FILE = (1, "", "cat: x: No such file or directory")
API_SERVER = """\
apiVersion: v1
kind: Pod
spec:
  containers:
  - command:
    - kube-apiserver
    - --advertise-address=192.168.3.2
    image: k8s.gcr.io/kube-apiserver:v1.20.2
    name: kube-apiserver
"""
"""The static pod's manifest as written by kubeadm."""


@dataclass
class Scripted(Connection):
    """Answers by the first key that is contained in the command. Records what is sent; commands with `fails` fail."""

    host: str
    script: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    fails: str = "\0"
    user: str = "root"
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def ask(self, commands: Sequence[str], *, deadline: float = 30.0, cap: int = CAP) -> list[Answer]:
        self.asked += commands
        return [self._answer(command) for command in commands]

    def _answer(self, command: str) -> Answer:
        rc, out, err = next((answer for key, answer in self.script.items() if key in command), NO_FILE)
        return Answer(command, rc, out.encode(), err.encode(), 0.0)

    def send(self, command: str, *, token: str, stdin: Stdin = b"", deadline: float) -> Answer:
        with InputPieces(stdin) as pieces:
            self.sent.append((command, b"".join(pieces)))
        return Answer(command, int(self.fails in command), b"", b"", 0.0)

    def renew(self) -> None:
        pass

    def close(self) -> None:
        pass


def script(paths: Sequence[str] = (), ca: str = "", **more: tuple[int, str, str]) -> dict[str, tuple[int, str, str]]:
    answers = {
        "for f in": (0, "\n".join(paths), ""),
        "docker info": (0, (DATA / "docker_info_20.10.json").read_text(), ""),
        "cat /etc/resolv.conf": (0, "nameserver 192.168.3.1\n", ""),
    }
    return {**answers, **({f"cat {membership.CA}": (0, ca, "")} if ca else {}), **more}


def change_on(connection: Scripted) -> tuple[Host, Change]:
    host = Host(connection)
    return host, Change(host, Applier(host, lambda: connection))
