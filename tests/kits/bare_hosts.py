"""Bare hosts of a site: SSH servers at 127.1.0.N, with tools that say what such a host would say."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import paramiko

from dlws.remote.hostkeys import HostKey
from tests.kits.ssh_server import Server, Ssh, run_for_real
from tests.kits.sshd import free_port

PASSWORD = "right horse"
NPU = "\n".join(f"0000:{n}1:00.0 Processing accelerators [1200]: Device [19e5:d801] (rev 20)" for n in range(8))
GPU = "\n".join(f"0000:{n}1:00.0 3D controller [0302]: Device [10de:20b0] (rev a1)" for n in range(4))
GPUS = "\n".join(f"GPU {n}: A100 (UUID: GPU-aaaaaaaa-0000-0000-0000-00000000000{n})" for n in range(4))
CARDS = "\n".join(f"\tNPU ID                         : {n}\n\tChip Count                     : 1" for n in range(8))
ARM = {"uname": "aarch64", "lspci": f'case "$*" in *19e5*) cat <<E\n{NPU}\nE\n;; esac', "npu-smi": CARDS}
AMD = {"uname": "x86_64", "lspci": f'case "$*" in *10de*) cat <<E\n{GPU}\nE\n;; esac', "nvidia-smi": GPUS}
PLAIN = {"uname": "x86_64", "lspci": ":"}


@dataclass(frozen=True)
class Bare:
    """One such host: where it is, the key that it shows, and the passwords that it was told."""

    address: str
    key: HostKey
    ssh: Ssh


@contextmanager
def site(folder: Path, **hosts: Mapping[str, str]) -> Iterator[tuple[int, list[Bare]]]:
    """The port of all hosts, and these: what each calls itself, and its tools besides."""
    port, servers, bare = _shared_port(len(hosts)), [], []
    for number, (name, tools) in enumerate(hosts.items(), start=1):
        address, own = f"127.1.0.{number}", paramiko.ECDSAKey.generate()
        path = _tools(folder / name, name.rstrip("_").replace("_", "-"), address, tools)
        ssh = Ssh(lambda channel, command, path=path: run_for_real(channel, command, env={"PATH": path}), own)
        servers.append(Server(ssh, (address, port)))
        bare.append(Bare(address, HostKey(own.get_name(), own.asbytes()), ssh))
    try:
        yield port, bare
    finally:
        for server in servers:
            server.listener.close()
            for connection in server.accepted:
                connection.close()


def _shared_port(count: int) -> int:
    """A port that is free on the addresses of this many hosts; other tests listen on some of them too."""
    for _ in range(100):
        port = free_port()
        with suppress(OSError), ExitStack() as listeners:
            for number in range(1, count + 1):
                listeners.enter_context(socket.create_server((f"127.1.0.{number}", port)))
            return port
    raise AssertionError("no port is free on all addresses")


def _tools(folder: Path, name: str, address: str, tools: Mapping[str, str]) -> str:
    folder.mkdir(parents=True)
    shown = {
        "hostname": f"echo {name}",
        "ss": "echo 'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:((\"sshd\",pid=1,fd=3))'",
        "ip": f'case "$*" in *addr*) echo "2: eth0    inet {address}/24 scope global eth0\\       valid_lft forever'
        ' preferred_lft forever";; *) echo "10.9.0.0/16 dev eth1"; echo "default via 10.9.0.1 dev eth1";; esac',
    }
    texts = {
        tool: said if tool in ("lspci", "ip", "ss", "sudo") else f"echo {shlex.quote(said)}"
        for tool, said in tools.items()
    }
    for tool, body in (shown | texts).items():
        (folder / tool).write_text(f"#!/bin/sh\n{body}\n")
        (folder / tool).chmod(0o755)
    return f"{folder}:/usr/bin:/bin"
