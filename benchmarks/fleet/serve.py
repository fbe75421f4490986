"""The process that is the whole fleet: `python -m benchmarks.fleet.serve RUN HOSTS FOLDER PORT`.

It ends on SIGTERM; then it prints the commands that it had no answer to, with their number.
"""

from __future__ import annotations

import json
import logging
import signal
import socket
import sys
import threading
from collections import Counter
from pathlib import Path

import paramiko

from benchmarks.fleet import api, hosts
from benchmarks.fleet.members import Names, members
from benchmarks.fleet.recording import load


def main(run: str, count: str, folder: str, port: str) -> None:
    """Serve until SIGTERM."""
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # clients that hang up as they like
    recording = load(run)
    names = Names(members(recording.cluster.nodes, int(count)))
    trusted = api.replaced(recording, Path(folder) / "pki")
    unknown: Counter[str] = Counter()
    fleet = {member.address: hosts.Host(member, names, recording, trusted, unknown) for member in names.fleet}
    listener = socket.create_server(("0.0.0.0", int(port)), backlog=1024)  # every loopback address; others are nobody
    key = paramiko.Ed25519Key.from_private_key_file(str(Path(folder) / "host_key"))
    server = api.server(
        names.fleet[0].address,
        recording.cluster.settings.api_port,
        Path(folder) / "pki",
        api.Objects(names, recording),
    )
    for work, arguments in ((server.serve_forever, ()), (hosts.serve, (listener, fleet, key))):
        threading.Thread(target=work, args=arguments, daemon=True).start()
    print("ready", flush=True)
    signal.sigwait([signal.SIGTERM])
    print(json.dumps(unknown), flush=True)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    main(*sys.argv[1:])
