"""D: the platform's database (runbook 3.16.8): who is let in, from this host and from the others.

A password never stands in a command: it is the first line of what the client is fed.
"""

from __future__ import annotations

import re

from checks.platform.service_state import runs_check
from dlws.config.cluster import Cluster
from dlws.engine.check import Mismatch, check, expect
from dlws.engine.site import Notes
from dlws.engine.targets import platform_hosts, platform_master
from dlws.facts import rendered
from dlws.parse.text import unparsable
from dlws.platform import database, services
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
REFUSED = 1045
"""ER_ACCESS_DENIED_ERROR of MySQL."""
NOT_LET_IN = 1130
"""ER_HOST_NOT_PRIVILEGED: no account at all for that host."""
ACCOUNTS = (
    "SELECT CONCAT('version=', VERSION());"
    " SELECT CONCAT('plugin=', plugin) FROM mysql.user WHERE user = 'root' AND host = '%';\n"
)
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


test_mysql_runs = runs_check(services.by_name("mysql"), __name__)


@check(
    "D03",
    section="3.16",
    source="runbook 3.16.8",
    on=platform_master,
    title_zh="MySQL 接受配置的 root 密码",
    fix="-m install --stages mysql_root; if the password was changed in config.yaml, change it in MySQL first:"
    " MySQL keeps the one it was first started with",
    causes=[test_mysql_runs],
)
def test_root_signs_in(cluster: Cluster, host: Host, notes: Notes) -> None:
    """MySQL root can log in over the network with the configured password and the legacy authentication plugin."""
    container = container_of(host)
    port = rendered.ask(notes, "MySQL's port", cluster, lambda p: str(p.renderer.cnf["mysql_port"]))
    answer = ask(host, container, cluster, ACCOUNTS, "-h", cluster.master.address, "-P", port)
    if answer.rc:
        raise Mismatch(
            f"MySQL root login at {cluster.master.address}:{port}", found=complaint(answer), expected="success"
        )
    told = [line.partition("=") for line in answer.text.splitlines() if line.strip()]
    plugins = [value for key, _, value in told if key == "plugin"]
    if not any(key == "version" for key, _, _ in told):
        raise unparsable("mysql", answer.text)
    expect("authentication plugin of root@'%'", found=plugins, expected=[database.PLUGIN])


@check(
    "D04",
    section="3.16",
    source="runbook 3.16.8",
    on=platform_hosts,
    title_zh="MySQL 拒绝空密码登录",
    fix="-m install --stages mysql_root at once: anyone on the network can read and change everything",
    causes=[test_mysql_runs],
)
def test_empty_password_is_refused(cluster: Cluster, host: Host, notes: Notes) -> None:
    """MySQL rejects a root login with an empty password from this host."""
    port = rendered.ask(notes, "MySQL's port", cluster, lambda p: str(p.renderer.cnf["mysql_port"]))
    found = host.feed([0], "python3 - %s %s", cluster.master.address, port, stdin=KNOCK).text.strip()
    if found.startswith("unclear"):
        raise Unknown(f"{host.name}: MySQL at {cluster.master.address}:{port}: {found.removeprefix('unclear ')}")
    if not re.fullmatch(r"open|refused [0-9]+", found):
        raise unparsable("MySQL", found)
    refusals = [f"refused {REFUSED}", f"refused {NOT_LET_IN}"]
    expect("root login without a password", found="refused" if found in refusals else found, expected="refused")


def container_of(host: Host) -> str:
    """The container of MySQL's server on the host. Mismatch when none runs."""
    running = host.lines(CONTAINER)
    expect("MySQL containers", found=len(running), expected=1)
    if not re.fullmatch("[0-9a-f]{12,64}", running[0]):
        raise unparsable("docker ps", running[0])
    return running[0]


def ask(host: Host, container: str, cluster: Cluster, sql: str, *options: str) -> Answer:
    """What MySQL answers to SQL, as root with the configured password; options of `mysql` say by which way."""
    password = cluster.settings.mysql_password
    words = " ".join(["%s"] * len(options))
    return host.feed([0, 1], f"{CLIENT} {words}".rstrip(), container, *options, stdin=f"{password}\n{sql}")


def complaint(answer: Answer) -> str:
    """What the client said: `ERROR 1045 (28000): Access denied ...`. Unknown when it is no word of MySQL's."""
    lines = [line for line in answer.error_text.splitlines() if line.startswith("ERROR ")]
    if not lines:
        raise Unknown(f"the MySQL client said: {answer.error_text.strip()[-200:] or 'nothing'}")
    return lines[-1]
