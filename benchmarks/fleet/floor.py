"""The lower bound of a fleet's audit: one connection and one batch of the same commands per host, 16 hosts at a time.

    python -m benchmarks.fleet.floor KEY PORT COMMANDS

COMMANDS is a JSON file: by address the commands that the audit asked. It checks no host keys, understands no answer
and records nothing.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko

from benchmarks.fleet.hosts import BATCH
from benchmarks.floor import WIDTH


def ask(address: str, port: int, key: paramiko.PKey, commands: list[str]) -> int:
    """Ask one host all its commands; returns the bytes that it printed."""
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(address, port, "root", pkey=key, look_for_keys=False, allow_agent=False)
    with client:
        stdin, stdout, _ = client.exec_command(BATCH.decode())
        stdin.write("".join(f"{command}\0" for command in commands).encode("utf-8", "surrogateescape"))
        stdin.channel.shutdown_write()
        return len(stdout.read())


def main(key: str, port: str, commands: str) -> None:
    """Ask all hosts; print the bytes that came."""
    asked = json.loads(Path(commands).read_text())
    pkey = paramiko.Ed25519Key.from_private_key_file(key)
    with ThreadPoolExecutor(WIDTH) as pool:
        print(sum(pool.map(lambda host: ask(host, int(port), pkey, asked[host]), asked)))


if __name__ == "__main__":
    main(*sys.argv[1:])
