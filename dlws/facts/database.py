"""The platform's database, asked by a client in its own container, and from any host (runbook 3.16.8).

A password never stands in a command: it is the first line of what the client is fed.
"""

from __future__ import annotations

import re
from typing import Final

from dlws.config.cluster import Cluster
from dlws.parse.text import unparsable
from dlws.record.answer import Answer
from dlws.remote.host import Host
from dlws.verdict import Unknown

CONTAINER = (
    "docker ps -q --no-trunc --filter label=io.kubernetes.container.name=mysql"
    " --filter label=io.kubernetes.pod.namespace=kube-system"
)
CLIENT = (
    "docker exec -i %s sh -c 'IFS= read -r MYSQL_PWD; export MYSQL_PWD; exec mysql --no-defaults --connect-timeout=5"
    ' -u root -N -B "$@"\' -'
)
"""A client in the server's own container. Its standard input: the password, a line, then SQL. The environment of a
process is its owner's alone to read; MySQL's other way, a file, would be left behind when a client is stopped."""
KNOCK = r"""
import socket, struct, sys
def packet(door):
    head = b""
    while len(head) < 4:
        more = door.recv(4 - len(head))
        if not more: raise EOFError("the server hung up")
        head += more
    size, body = head[0] | head[1] << 8 | head[2] << 16, b""
    while len(body) < size:
        more = door.recv(size - len(body))
        if not more: raise EOFError("the server hung up")
        body += more
    return head[3], body
def reply(door, number, body):
    door.sendall(struct.pack("<I", len(body))[:3] + bytes([number + 1 & 255]) + body)
try:
    door = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
    number, body = packet(door)
    if body[:1] != b"\xff":
        reply(door, number, struct.pack("<IIB23x", 0x88200, 1 << 24, 33) + b"root\0\0mysql_native_password\0")
        number, body = packet(door)
        while body[:1] in (b"\xfe", b"\x01"):
            if body[:1] == b"\xfe": reply(door, number, b"")
            number, body = packet(door)
    print("open" if body[:1] == b"\0" else "refused %d" % struct.unpack("<H", body[1:3]))
except (OSError, EOFError, struct.error) as error:
    print("unclear", error)
"""
"""Signs in as root with an empty password, by MySQL's client/server protocol, and prints what came of it."""

REFUSALS: Final = frozenset({1045, 1130, 1698, 3118, 4151})
"""Errors of MySQL and MariaDB (mysqld_error.h) by which nobody gets in: access denied, no account for that host, an
account without a password to ask for (auth_socket), a locked one."""
ACCEPTED: Final = frozenset({1862})
"""The password was right and has expired: ER_MUST_CHANGE_PASSWORD_LOGIN."""


def containers(host: Host) -> list[str]:
    """The containers of MySQL's server that run on the host."""
    running = host.lines(CONTAINER)
    if strange := [line for line in running if not re.fullmatch("[0-9a-f]{12,64}", line)]:
        raise unparsable("docker ps", strange[0])
    return running


def ask(host: Host, container: str, cluster: Cluster, sql: str, *options: str) -> Answer:
    """What MySQL answers to SQL, as root with the configured password; options of `mysql` say by which way."""
    password = cluster.settings.mysql_password
    words = " ".join(["%s"] * len(options))
    return host.run_active([0, 1], f"{CLIENT} {words}".rstrip(), container, *options, stdin=f"{password}\n{sql}")


def complaint(answer: Answer) -> str:
    """What the client said: `ERROR 1045 (28000): Access denied ...`. Unknown when it is no word of MySQL's."""
    lines = [line for line in answer.error_text.splitlines() if line.startswith("ERROR ")]
    if not lines:
        raise Unknown(f"the MySQL client said: {answer.error_text.strip()[-200:] or 'nothing'}")
    return lines[-1]


def login_without_password(host: Host, address: str, port: str) -> str:
    """What comes of a login as root without a password, from the host: `open` or `refused`.

    Unknown when the server does not answer, or not as MySQL, and for an error that says nothing of the password: too
    many connections, a host that is blocked, TLS alone.
    """
    found = host.run_active([0], "python3 - %s %s", address, port, stdin=KNOCK).text.strip()
    if found.startswith("unclear"):
        raise Unknown(f"{host.name}: MySQL at {address}:{port}: {found.removeprefix('unclear ')}")
    if found == "open":
        return found
    error = re.fullmatch(r"refused ([0-9]+)", found)
    if error is None:
        raise unparsable("MySQL", found)
    if int(error[1]) not in {*REFUSALS, *ACCEPTED}:
        raise Unknown(f"{host.name}: MySQL at {address}:{port}: error {error[1]}, which says nothing of the password")
    return "open" if int(error[1]) in ACCEPTED else "refused"
