"""The fleet's SSH server: every address of 127.1.0.0/16 on one port, each a host that answers from the recording.

It speaks the agent's protocol itself (`dlws.remote.agent`), so that no process is started for a host, and the floor's
(`benchmarks.fleet.floor`): all commands at once.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

import paramiko
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from benchmarks.fleet.members import Member, Names
from benchmarks.fleet.recording import Recording
from dlws.facts import cluster_names
from dlws.hostfiles import hosts_file
from dlws.record.answer import Answer
from dlws.record.evidence import file_name
from dlws.remote import agent
from dlws.remote.connection import READ_CLOCK
from dlws.remote.refusals import Transport

BATCH = b"batch"  # the floor's command: reads commands that end in NUL, prints all their outputs
_EACH = re.compile(r"for x in (?P<words>.*?); do (?P<body>.*)", re.DOTALL)
_HOSTS = "cat /etc/hosts"
_TRUST = ("cat /etc/kubernetes/pki/ca.crt", "grep -E '^ *(certificate-authority-data|")
"""Whom a host trusts (T08): only these answers name the fleet's CA, as all certificates are the recorded one's."""


class Answering(Protocol):
    """A pretended host: what answers a command, and how long that takes."""

    def answer(self, command: str) -> tuple[int, bytes, bytes]:
        """Exit status, stdout and stderr."""


class Host:
    """One pretended host: what it answers to a command."""

    def __init__(
        self, member: Member, names: Names, recording: Recording, trusted: Mapping[str, str], unknown: Counter[str]
    ) -> None:
        """`trusted` is the recorded CA and what the fleet's API server has instead; `unknown` counts commands."""
        self._member, self._names, self._trusted, self._unknown = member, names, trusted, unknown
        self._answers = recording.answers[file_name(member.original.name)]
        self._recorded = recording.cluster

    def answer(self, command: str) -> tuple[int, bytes, bytes]:
        """Exit status, stdout and stderr; 1 and nothing for a command that is not in the recording."""
        if command == READ_CLOCK:
            return 0, b"%.9f\n" % time.time(), b""
        if command == cluster_names.ASK:
            return 0, self._names_digest().encode(), b""
        found = self._answers.get(command) or self._answers.get(self._names.recorded(command))
        if found is None or found.rc is None:
            text = self._of_each(command)
            self._unknown[command] += text is None
            return int(text is None), (text or "").encode(), b""
        out = found.out.decode("utf-8", "surrogateescape")
        text = self._hosts_file(out) if command == _HOSTS else self._names.of(out, self._member)
        for old, new in self._trusted.items() if command.startswith(_TRUST) else ():
            text = text.replace(old, new)
        return found.rc, text.encode("utf-8", "surrogateescape"), self._own(found)

    def _own(self, answer: Answer) -> bytes:
        return self._names.of(answer.err.decode("utf-8", "replace"), self._member).encode() if answer.err else b""

    def _hosts_file(self, text: str) -> str:
        """Every line about one recorded host becomes one line for each of its copies, in the order of the fleet."""
        lines = text.splitlines(keepends=True)
        about = self._names.lines_by_original(text)
        mine = [self._names.of(line, self._member) for line in lines if line not in about.values()]
        first = next((n for n, line in enumerate(lines) if line in about.values()), len(mine))
        return "".join([*mine[:first], self._names.hosts_lines(text), *mine[first:]])

    def _names_digest(self) -> str:
        """What the host says when it is asked for all names of the suite's block in its hosts file."""
        rows = hosts_file.parse(self._names.hosts_lines(hosts_file.block(self._recorded.names_by_address))).entries
        pairs = [(name, row.address) for row in rows for name in row.names]
        return cluster_names.digest((name for name, _ in pairs), (address for _, address in pairs)) + "  -\n"

    def _of_each(self, command: str) -> str | None:
        """The answer to `for x in WORDS; do ...`, one line for a word; None if no such loop was recorded."""
        asked = _EACH.fullmatch(command)
        lines = self._lines_of(asked["body"]) if asked else {}
        if asked is None or not lines:
            return None
        text = []
        for word in asked["words"].split():
            member = self._names.named_in(word) or self._member
            line = lines.get(self._names.recorded(word))
            if line is None:  # a host has not asked itself; the copy of another host stands in
                other, line = next(iter(lines.items()))
                spoken = self._names.recorded(word)
                line = line.replace(other, spoken).replace(other.partition(":")[0], spoken.partition(":")[0])
            text.append(self._names.of(line, member))
        return "".join(text)

    def _lines_of(self, body: str) -> dict[str, str]:
        """The lines that this host printed for loops with this body, by their words."""
        lines: dict[str, str] = {}
        for command, answer in self._answers.items():
            match = _EACH.fullmatch(command)
            if match and match["body"] == body:
                for line in answer.text.splitlines(keepends=True):
                    lines.setdefault(line.split()[0], line)
        return lines


class _Server(paramiko.ServerInterface):
    def __init__(self, host: Answering) -> None:
        self._host = host

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        serve = _batch if command == BATCH else _agent
        threading.Thread(target=serve, args=(channel, self._host), daemon=True).start()
        return True


def _batch(channel: paramiko.Channel, host: Answering) -> None:
    with suppress(OSError, EOFError, paramiko.SSHException), channel:
        received = b"".join(iter(lambda: channel.recv(agent.CHUNK), b""))
        for command in received.decode("utf-8", "surrogateescape").split("\0")[:-1]:
            channel.sendall(host.answer(command)[1])
        channel.send_exit_status(0)


def _agent(channel: paramiko.Channel, host: Answering) -> None:
    with suppress(OSError, EOFError, paramiko.SSHException), channel:
        received = bytearray()
        while b"\n" not in received:
            received += channel.recv(agent.CHUNK)
        size, _, rest = bytes(received).partition(b"\n")
        while len(rest) < int(size):
            rest += channel.recv(agent.CHUNK)
        source, received = rest[: int(size)], bytearray(rest[int(size) :])
        nonce = re.findall(rb'main\(b"(\w+)"\)', source)[-1]
        channel.sendall(agent.HELLO + nonce + b"\n")
        whole = threading.Lock()

        def answer(request: bytes) -> None:
            frame = _answered(request, host)
            with suppress(OSError), whole:
                channel.sendall(frame)

        while data := channel.recv(agent.CHUNK):
            received += data
            while (end := _length(received)) and len(received) >= end:
                if received[0] == agent.CHANGE:  # it may take its time, and keeps no other command waiting
                    threading.Thread(target=answer, args=(bytes(received[:end]),), daemon=True).start()
                elif received[0] == agent.READ:
                    answer(bytes(received[:end]))
                del received[:end]


def _length(received: bytearray) -> int:
    """The length of the first frame, a request or a piece of the input of one; 0 while that is not known."""
    if not received:
        return 0
    form = agent.REQUEST if received[0] in (agent.READ, agent.CHANGE) else agent.PIECE
    if len(received) < form.size:
        return 0
    fields = form.unpack(received[: form.size])
    return int(form.size + (sum(fields[4:6]) if form is agent.REQUEST else fields[2]))


def _answered(request: bytes, host: Answering) -> bytes:
    """The frame with a host's answer; what the command would be fed is not waited for."""
    _, number, _, cap, token, text, _ = agent.REQUEST.unpack(request[: agent.REQUEST.size])
    command = request[agent.REQUEST.size + token :][:text].decode("utf-8", "surrogateescape")
    rc, out, err = host.answer(command)
    flags = agent.TRUNCATED if max(len(out), len(err)) > cap else 0
    out, err = out[:cap], err[:cap]
    return agent.ANSWER.pack(number, rc, 0.001, flags, len(out), len(err)) + out + err


def serve(listener: socket.socket, hosts: Mapping[str, Answering], key: paramiko.PKey) -> None:
    """Accept connections for ever; the address that is connected to says which host it is."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_talk, args=(connection, hosts, key), daemon=True).start()


def _talk(connection: socket.socket, hosts: Mapping[str, Answering], key: paramiko.PKey) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = Transport(connection)  # paramiko's own would take half a processor for a thousand silent connections
    transport.daemon = True
    transport.add_server_key(key)
    with suppress(paramiko.SSHException, EOFError, OSError, KeyError):
        transport.start_server(server=_Server(hosts[connection.getsockname()[0]]))
