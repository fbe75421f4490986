"""A seed: a host that is sent each large file once over the control host's link, and hands it to the hosts near it.

The seed keeps the files in one folder, which only root enters, under their SHA-256. While the run lasts a program on
it (`dlws.remote.seed_server`) hands them out, at the seed's own address and to its own hosts alone. It belongs to the
session with the seed: the helper ends it with the link, and it ends itself without the helper. A host fetches a file in
parts into its own folder of arrivals and uses it only when the control host has found the right SHA-256 there: what a
seed gives is never believed.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Final

from dlws.record.answer import HeldByAnotherRun, HostKeyChanged, LinkLost
from dlws.remote import seed_client, seed_server, spool
from dlws.remote.backend import quoted
from dlws.remote.change import MINUTE, ChangeFailed, NotEnded, last_words
from dlws.remote.host import Host
from dlws.remote.spool import NotAsSent, Spool
from dlws.verdict import Unknown

FOLDER: Final = f"{spool.CACHE}/seed"
SMALLEST: Final = 1 << 20  # bytes; what is smaller each host is sent itself
LONGEST_RUN: Final = 7 * 24 * 60 * MINUTE
AWAY: Final = 25 * MINUTE  # an install restarts its hosts, and a server may test itself for most of this
PAUSE: Final = 2.0
TRIES: Final = 5
"""How often a file is brought, or a part fetched: each time after the first because the seed was away meanwhile."""
PYTHON: Final = "exec python3 -I -S -E - "
CAN_SERVE: Final = "python3 -I -S -E -c 'import socketserver, sys; sys.exit(sys.version_info < (3, 5))'"
REMOVE: Final = f"rm -rf {FOLDER}"


@dataclass(slots=True)
class Seed:
    """A seed of this run, in one of its processes; for all threads of it.

    `clients` are its hosts' addresses by name. `host` connects to it, `spool` makes one that brings files to `FOLDER`
    of it, `is_lost` says whether the run has found that it cannot be reached. `locks` is a folder of the control host.
    """

    name: str
    address: str
    port: int
    clients: dict[str, str]
    host: Callable[[], Host]
    spool: Callable[[], Spool]
    is_lost: Callable[[], bool]
    locks: Path
    _kept: dict[str, str] = field(default_factory=dict)
    """The path on the seed of each file that this process has found whole there, by its SHA-256."""
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _server: threading.Thread | None = None
    _trouble: str = ""
    """Why the seed's program has ended by itself; empty while it has not."""

    def brings(self, file: Path) -> bool:
        """See `Supply.brings`."""
        return spool.size_of(file) >= SMALLEST

    def way(self, host: str) -> str:
        """See `Supply.way`."""
        if host == self.name:
            return f" (kept for the {len(self.clients)} hosts that it is the seed of)"
        return f" (from its seed {self.name}, which is sent it once)"

    def feed(self, arrivals: Spool, file: Path, command: str) -> str:
        """See `Supply.feed`. ChangeFailed, or Unknown with what to do, where the seed is of no use."""
        kept = self._keep(file)
        if arrivals.host.name == self.name:
            return spool.fed_from_kept(kept, command)
        digest = spool.digest_of(file)

        def get(path: str, there: int, size: int) -> None:
            self._fetch(arrivals, digest, path, there + size)

        try:
            return spool.fed_from(arrivals.bring(file, get), command)
        except Unknown as error:
            self._kept.pop(digest, None)  # what the seed has is compared anew before anybody gets it again
            if not isinstance(error, NotAsSent):
                raise
            raise self._useless(f"what {arrivals.host.name} got from it is not {file.name}, and was removed") from None

    def _keep(self, file: Path) -> str:
        """The path of a file on the seed; the first of the run who needs it brings it there, and the others wait."""
        digest = spool.digest_of(file)
        if path := self._kept.get(digest):
            return path
        with self._alone_with(digest), self._in_use():
            path = self._kept[digest] = self._kept.get(digest) or self._brought(file)
            return path

    def _brought(self, file: Path) -> str:
        left = TRIES
        while True:
            self._wait_for_it()
            try:
                return self.spool().bring(file)
            except LinkLost:
                left -= 1
                if not left:
                    raise

    def _fetch(self, arrivals: Spool, digest: str, path: str, end: int) -> None:
        """Have the host fetch the file up to `end` bytes. Each time it goes on where it is, so it may be run again."""
        words = (self.address, str(self.port), digest, path, str(end))
        command = PYTHON + quoted(" ".join(["%s"] * len(words)), *words)
        left = TRIES
        while True:
            server = self._serving()
            try:
                arrivals.send(command, _source(seed_client))
                return
            except NotEnded as error:
                raise self._useless(f"{arrivals.host.name} gets too little from it: {error}") from None
            except ChangeFailed as error:
                left -= 1
                if self._trouble or not left or (self._answers() and server.is_alive()):
                    raise self._useless(
                        self._trouble or f"{arrivals.host.name} gets nothing from it: {error}"
                    ) from None

    def _serving(self) -> threading.Thread:
        """The thread that runs the seed's program; begun again where the link to the seed was lost."""
        with self._guard:
            if self._server is None or not self._server.is_alive():
                with self._in_use():
                    self._wait_for_it()
                self._trouble = ""
                self._server = threading.Thread(target=self._serve, name=f"seed {self.name}", daemon=True)
                self._server.start()
            return self._server

    def _serve(self) -> None:
        words = (FOLDER, self.address, str(self.port), *self.clients.values())
        command = PYTHON + quoted(" ".join(["%s"] * len(words)), *words)
        try:
            connection = self.host().connection
            answer = connection.serve(command, stdin=_source(seed_server), deadline=LONGEST_RUN)
            self._trouble = last_words(answer)
        except LinkLost:
            return  # it has ended with the link; who needs it begins it again
        except Unknown as error:
            self._trouble = str(error)

    def _answers(self) -> bool:
        """Whether the seed answers: of one that lost its power its hosts know before our link to it does."""
        try:
            return bool(self.host().run(CAN_SERVE).rc == 0)
        except (HostKeyChanged, HeldByAnotherRun):
            raise
        except Unknown:
            return False

    def _wait_for_it(self) -> None:
        """Wait until the seed answers, unless the run has found that it does not. Unknown."""
        until = time.monotonic() + AWAY
        while True:
            try:
                if self.host().run(CAN_SERVE).rc != 0:
                    raise self._useless("it has no python3 (3.5 or newer), with which a seed hands out files")
                return
            except (HostKeyChanged, HeldByAnotherRun, _Useless):
                raise
            except Unknown:
                if self.is_lost() or time.monotonic() > until:
                    raise
            time.sleep(PAUSE)

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Around what asks the seed: its loss is not the host's own, and is told with what to do."""
        try:
            yield
        except (_Useless, HeldByAnotherRun):
            raise
        except Unknown as error:
            raise self._useless(str(error).removeprefix(f"{self.name}: ")) from None

    def _useless(self, why: str) -> _Useless:
        fix = f"mend it, open its port {self.port} to its hosts, or name another seed or none in suite.seeds"
        return _Useless(f"the seed {self.name} cannot be used: {why}; {fix}, and run this again")

    @contextmanager
    def _alone_with(self, digest: str) -> Iterator[None]:
        """Around the bringing of a file: one thread of all the run's processes does it. The kernel ends it with us."""
        self.locks.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.locks / f"{self.name}-{digest}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # as long as the file takes, which has bounds of its own
            yield
        finally:
            os.close(descriptor)


class _Useless(Unknown):
    """A seed that cannot be used; the message says why and what to do."""


def _source(program: ModuleType) -> bytes:
    return Path(str(program.__file__)).read_bytes()
