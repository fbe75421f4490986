"""A file of many GiB on its way to four hosts: the run is killed, then a connection is cut; what arrived stays.

    python -m tests.faults.large_file --mib 5120

Needs root, and disk for the file and a copy on each host. A host is a real sshd on 127.0.0.1 in a mount namespace
where /var/cache/dlws is a folder of its own. Prints the figures; exit status 1 if more than a part for each
interruption was sent twice, if a host read something else, or if a side needs 300 MB of memory.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from dlws.remote import spool, ssh
from dlws.remote.hostkeys import HostKeys
from tests.kits.cut_link import change_over
from tests.kits.sshd import Server, make_key, node_at

HOSTS = 4
PATIENCE = 3600.0
MOST_MEMORY = 300 << 20
MOST_TWICE = 2 * spool.PART
"""Bytes that an interruption may cost one host: the part on its way, and its first half again."""
INSIDE = f'mount --bind "$0" {spool.CACHE} && exec "$@"'


def send(file: Path, folder: Path, ports: list[int]) -> None:
    """The control host: bring the file to all hosts side by side, and say how much was sent and what they read."""
    sent = [0]
    write = ssh.ChannelLink.write

    def counted(link: ssh.ChannelLink, data: bytes) -> None:
        write(link, data)
        sent[0] += len(data)

    def bring(number: int) -> str:
        node = replace(node_at(ports[number]), name=f"host{number}")
        login = ssh.Login("root", key=folder / str(number) / "user")
        connection = ssh.open_ssh(node, [login], HostKeys(folder / str(number) / "known_hosts"))
        return change_over(connection).run("sha256sum", stdin=file, deadline=PATIENCE).split()[0]

    ssh.ChannelLink.write = counted  # type: ignore[method-assign]
    with ThreadPoolExecutor(HOSTS) as pool:
        digests = set(pool.map(bring, range(HOSTS)))
    print(json.dumps({"sent": sent[0], "digests": sorted(digests), "memory": peak(os.getpid())}))


def peak(pid: int) -> int:
    """The most memory that a process has had, in bytes; 0 for one that is gone."""
    with suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0]) << 10
    return 0


def below(pid: int) -> Iterator[tuple[int, str]]:
    """The processes that come from one, with their command lines."""
    listing = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    for child in map(int, listing.split()):
        with suppress(OSError):
            yield child, Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
        yield from below(child)


class Trial:
    """Four hosts, one file, and the runs that bring it."""

    def __init__(self, folder: Path, mib: int) -> None:
        self.folder, self.file, self.agents = folder, folder / "archive", 0
        with self.file.open("wb") as out:
            for _ in range(mib):
                out.write(os.urandom(1 << 20))
        Path(spool.CACHE).mkdir(parents=True, exist_ok=True)
        self.servers = [self._server(number) for number in range(HOSTS)]

    def _server(self, number: int) -> Server:
        own = self.folder / str(number)
        (own / "cache").mkdir(parents=True)
        make_key(own / "user")
        prefix = ["unshare", "--mount", "/bin/sh", "-c", INSIDE, str(own / "cache")]
        return Server(own, make_key(own / "host"), prefix=prefix)

    def start(self) -> subprocess.Popen[str]:
        ports = [str(server.port) for server in self.servers]
        words = [sys.executable, "-m", "tests.faults.large_file", "--send", str(self.file), *ports]
        return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)

    def arrived(self, number: int) -> int:
        with suppress(OSError):
            return sum(path.stat().st_size for path in (self.folder / str(number) / "cache/incoming").iterdir())
        return 0

    def watch(self, run: subprocess.Popen[str], until: Callable[[], bool]) -> None:
        """Look at the agents' memory until something holds, or the run has ended."""
        end = time.monotonic() + PATIENCE
        while not until() and run.poll() is None:
            assert time.monotonic() < end, f"waited {PATIENCE:g} s"
            agents = [pid for server in self.servers for pid, said in below(server.process.pid) if "python3" in said]
            self.agents = max([self.agents, *map(peak, agents)])
            time.sleep(0.2)

    def cut(self, number: int) -> None:
        """End the host's side of a connection."""
        for pid, said in below(self.servers[number].process.pid):
            if said.startswith("sshd: root"):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        for server in self.servers:
            server.stop()


def trial(folder: Path, mib: int) -> list[str]:
    """Bring the file with one kill and one cut; what does not hold."""
    size, hosts = mib << 20, range(HOSTS)
    this = Trial(folder, mib)
    try:
        began = time.monotonic()
        run = this.start()
        this.watch(run, lambda: sum(map(this.arrived, hosts)) > size * HOSTS * 0.4)
        run.kill()
        run.communicate()
        kept = sum(map(this.arrived, hosts))
        print(f"killed after {time.monotonic() - began:.0f} s: {kept >> 20} of {size * HOSTS >> 20} MiB are there")
        began = time.monotonic()
        run = this.start()
        this.watch(run, lambda: this.arrived(0) > size * 0.7)
        this.cut(0)
        this.watch(run, lambda: False)
        said = json.loads(run.communicate()[0] or "{}")
        twice = said.get("sent", 0) - (size * HOSTS - kept)
        print(f"taken up to its end in {time.monotonic() - began:.0f} s, {twice >> 20} MiB sent more than was missing")
        print(f"memory: control {said.get('memory', 0) >> 20} MiB, agents {this.agents >> 20} MiB")
        with this.file.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    finally:
        this.close()
    return [
        *([] if said.get("digests") == [digest] else [f"the hosts read {said.get('digests')}, the file is {digest}"]),
        *([] if twice < MOST_TWICE else [f"{twice >> 20} MiB were sent twice"]),
        *([] if max(said.get("memory", 0), this.agents) < MOST_MEMORY else ["more than 300 MB of memory"]),
    ]


def main() -> int:
    """Run it, or, as --send, be its control host."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mib", type=int, default=5120)
    parser.add_argument("--send", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.send:
        file = Path(options.send[0])
        send(file, file.parent, [int(port) for port in options.send[1:]])
        return 0
    with tempfile.TemporaryDirectory() as folder:
        wrong = trial(Path(folder), options.mib)
    print("\n".join(wrong) or "nothing wrong")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
