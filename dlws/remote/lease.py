"""The lease of a run that changes a cluster: who holds its master, so that runs of two control hosts never meet there.

It belongs to a session, as the login does, and is neither a read nor a change: a session with the master is usable once
the run has the lease. Each process of the run takes it with each session, so also after a reboot of the master or a
lost link. On the host a shell holds it (flock, shared among the sessions of one run) for as long as the session's
helper lives, which stays until the last change has ended: the lease ends with all that the run can still do there, and
nothing needs to be removed after a kill, a lost link or a reboot.

A process has the lease, too, before it sends a change to any other host (`Site.permit`): a run that lost the master
while another one took the lease changes nothing more.
"""

from __future__ import annotations

import os
import secrets
import socket
from datetime import UTC, datetime
from typing import Final

from dlws.record.answer import CommandTimedOut, HeldByAnotherRun, LinkLost, Unreachable
from dlws.record.ownership import user
from dlws.remote.backend import quoted
from dlws.remote.connection import CAP
from dlws.remote.host import Host
from dlws.remote.session import CommandRequest, Session

PATH = "/run/dlws-suite.lock"
"""On the master, root's alone; it holds one line, the holder. /run is emptied at boot."""
DEADLINE = 20.0  # seconds; the command itself gives up after one
LONGEST: Final = 300  # characters of what a master says
HELD: Final = 75  # its exit status when another run has the lease
KEEPER: Final = "dlws-lease [0-9]+ %s$"
"""A pattern for pgrep: a shell that holds the lease in a file, for the helper with this process id."""
_TAKE: Final = r"""
f=%s; run=%s; umask 077
command -v flock >/dev/null && command -v setsid >/dev/null || { echo "flock or setsid is missing" >&2; exit 127; }
exec 9<>"$f"
for try in 1 2 3 4 5; do
  ! flock -n 9 || printf "%%s\n" "$run" >"$f"
  if flock -n -s 9; then
    read -r holder <"$f"
    if [ "$holder" = "$run" ]; then
      setsid sh -c '
        while read -r stat </proc/$1/stat; do
          set -- "$1" ${stat##*) }
          [ "$2" != Z ] && [ "${started:=${21}}" = "${21}" ] || break
          sleep 0.5
        done' dlws-lease "$DLWS_HELPER" "$f" </dev/null >/dev/null 2>&1 &
      exit 0
    fi
    flock -u 9
  fi
  sleep 0.2
done
printf "%%s\n" "$holder"; exit 75
"""
"""A run that is alone writes its line under the exclusive lock and keeps the shared one; sessions of the same run find
their line and share it. What another run's session holds for a moment, to read the line, is waited for."""


def holder(command: str) -> str:
    """This run as the line of its lease: who, from where, since when, and a random number that tells runs apart."""
    since = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    run = f"pid {os.getpid()}, since {since}, {secrets.token_hex(4)}"
    return f"pytest -m {command} by {user()} on {socket.gethostname()} ({run})"


def take(session: Session, run: str) -> None:
    """Take the lease for a session of this run. HeldByAnotherRun if another has it, Unreachable if that is unknown."""
    try:
        [answer] = session.run([CommandRequest(quoted(_TAKE, PATH, run), DEADLINE, CAP)])
    except (LinkLost, CommandTimedOut) as error:
        raise Unreachable(f"no answer about who changes this cluster: {error}") from None
    if answer.rc == HELD:
        raise HeldByAnotherRun(f"this cluster is being changed by {words(answer.text)}; wait for it to end")
    if answer.rc != 0:
        raise Unreachable(f"cannot tell who changes this cluster ({PATH}): {words(answer.error_text) or answer.rc}")


def holder_on(master: Host) -> str | None:
    """The run that is changing the cluster, in words, or None. It only looks. Unknown if that cannot be told."""
    if master.run_expect([0, 1], "pgrep -f %s", KEEPER % PATH).rc == 1:
        return None
    return words(master.read("cat %s", PATH))


def words(said: str) -> str:
    """What a master says in one line that a terminal shows and does not obey."""
    return "".join(letter if letter.isprintable() else " " for letter in said.strip())[:LONGEST]
