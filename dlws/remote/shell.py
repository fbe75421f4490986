"""The helper for hosts without a usable python3: a POSIX shell loop that runs one command after the other.

Like the agent, it starts every answer with the session's random nonce and the lengths that follow, so that no output
can be taken for an answer. stdin goes through a pipe, never a file. Output passes through a private folder in /run.
timeout(1) enforces deadlines; where it is missing, only the client's own limit does. A read is not killed when the link
is lost; it ends at its deadline.
"""

from __future__ import annotations

import contextlib
import math
import secrets
import threading
import time
from collections.abc import Callable, Sequence

from dlws.record.answer import Answer, CommandTimedOut, LinkLost
from dlws.remote.session import GRACE, CommandRequest, Link, await_hello

# Contains no single quotes, because it is sent between two of them.
SCRIPT = r"""
read -r nonce; umask 022; cd /; unset LANG LANGUAGE DLWS_ACTION
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; LC_ALL=C
if locale -a 2>/dev/null | grep -qix "c\.utf-\{0,1\}8"; then LC_ALL=C.UTF-8; fi
DLWS_HELPER=$$; export LC_ALL PATH DLWS_HELPER
d=$(mktemp -d /run/dlws.XXXXXX 2>/dev/null) || d=$(mktemp -d) || exit 97
trap "rm -rf \"$d\"" EXIT
limit=; if timeout 1 true 2>/dev/null; then limit=timeout; fi
keep() { (ulimit -f $((cap / 512 + 1)); exec cat >"$1"); k=$?; cat >/dev/null; exit $k; }
printf "DLWS-SHELL %s\n" "$nonce"; exec 2>/dev/null
while read -r id deadline cap token ncommand nstdin; do
  c=$(dd bs=1 count="$ncommand" 2>/dev/null; echo x); c=${c%x}
  f=$d/$id; mkfifo "$f.o" "$f.e" || exit 97
  keep "$f.out" <"$f.o" & p=$!
  keep "$f.err" <"$f.e" & q=$!
  b=$(date +%s)
  dd bs=1 count="$nstdin" 2>/dev/null | {
    if [ "$token" = - ]; then unset DLWS_ACTION; else DLWS_ACTION=$token; export DLWS_ACTION; fi
    ${limit:+timeout -k 2 "$deadline"} /bin/sh -c "$c" >"$f.o" 2>"$f.e"; r=$?
    cat >/dev/null; exit $r
  }; r=$?
  t=$(($(date +%s) - b))
  { sleep 1; kill "$p" "$q"; } >/dev/null 2>&1 </dev/null & w=$!
  wait "$p"; s=$?; wait "$q"; u=$?; kill "$w" 2>/dev/null
  whole=yes; for x in $s $u; do case $x in 0|143) ;; *) whole=no ;; esac; done
  n=$(($(wc -c <"$f.out"))); m=$(($(wc -c <"$f.err")))
  printf "%s %s %s %s %s %s %s\n" "$nonce" "$id" "$r" "$t" "$whole" "$n" "$m"
  head -c "$n" "$f.out"; head -c "$m" "$f.err"; rm -f "$f".*
done
"""


class ShellSession:
    """Commands one by one through the shell loop. Thread-safe: a second batch waits for the first."""

    def __init__(self, host: str, open_link: Callable[[str], Link], *, patience: float = 20.0) -> None:
        self._nonce = secrets.token_hex(16)
        self._link = open_link(f"exec /bin/sh -c '{SCRIPT}'")
        with contextlib.suppress(OSError):
            self._link.write(self._nonce.encode() + b"\n")
        self._received = await_hello(self._link, b"DLWS-SHELL " + self._nonce.encode() + b"\n", patience)
        self._lock = threading.Lock()
        self._lost: str | None = None

    @property
    def lost(self) -> str | None:
        """Why the link is gone, or None while it stands."""
        return self._lost

    def run(self, requests: Sequence[CommandRequest]) -> list[Answer]:
        """Send all requests and read the answers as they arrive. Raises LinkLost, CommandTimedOut."""
        with self._lock:
            if self._lost is not None:
                raise LinkLost(self._lost)
            limit = sum(r.deadline + 6.0 for r in requests) + GRACE
            late = threading.Timer(limit, self._end, [f"no answer within {limit:.0f} s"])
            late.daemon = True
            late.start()
            answers: list[Answer] = []
            started = time.monotonic()
            sender = threading.Thread(target=self._send, args=(requests,), daemon=True)
            sender.start()
            try:
                for request in requests:
                    answers.append(self._answer(request))
            except (OSError, ValueError) as error:
                self._end(str(error))
                waited = time.monotonic() - started
                text = f"{self._lost} after {waited:.1f} s, waiting for: {requests[len(answers)].command}"
                kind = CommandTimedOut if waited >= limit else LinkLost
                raise kind(text) from None
            finally:
                late.cancel()
            return answers

    def close(self) -> None:
        """Drop the link."""
        self._end("closed")

    def _send(self, requests: Sequence[CommandRequest]) -> None:
        # In a separate thread, because the loop reads the next request only after it has sent the last answer.
        with contextlib.suppress(OSError):
            for number, request in enumerate(requests):
                command = request.command.encode()
                head = f"{number} {math.ceil(request.deadline)} {request.cap} {request.token or '-'} "
                head += f"{len(command)} {len(request.stdin)}\n"
                self._link.write(head.encode() + command + request.stdin)

    def _answer(self, request: CommandRequest) -> Answer:
        head, rest = self._until(b"\n")
        nonce, _, rc, seconds, whole, out, err = head.decode("ascii", "replace").split(" ")
        if nonce != self._nonce:
            raise ValueError("the host's shell answered out of turn")
        size = int(out) + int(err)
        while len(rest) < size:
            rest += self._more()
        self._received = rest[size:]
        stdout, stderr = rest[: int(out)], rest[int(out) : size]
        timed_out = rc in ("124", "137") and int(seconds) + 1 >= request.deadline
        return Answer(
            command=request.command,
            rc=None if timed_out else int(rc),
            out=stdout[: request.cap],
            err=stderr[: request.cap],
            seconds=float(seconds),
            timed_out=timed_out,
            truncated=whole != "yes" or max(int(out), int(err)) > request.cap,
        )

    def _until(self, mark: bytes) -> tuple[bytes, bytes]:
        while mark not in self._received:
            self._received += self._more()
        head, rest = self._received.split(mark, 1)
        return head, rest

    def _more(self) -> bytes:
        data = self._link.read()
        if not data:
            raise OSError(self._lost or self._link.complaint() or "closed by the host")
        return data

    def _end(self, why: str) -> None:
        if self._lost is None:
            self._lost = why
        self._link.abort()
