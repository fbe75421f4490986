"""The helper for hosts without a usable python3: a POSIX shell loop that runs one command after the other.

Like the agent, it starts every answer with the session's random nonce and the lengths that follow, so that no output
can be taken for an answer. A command is run when all of it and all of its stdin are there, the latter in a file without
a name; its output passes through a private folder in /run. timeout(1) enforces deadlines; where it is missing, only the
client's own limit does. A read is not killed when the link is lost; it ends at its deadline.
"""

from __future__ import annotations

import math
import re
import secrets
import threading
import time
from collections.abc import Callable, Sequence

from dlws.record.answer import Answer, CommandTimedOut, LinkLost
from dlws.remote.outbox import GRACE, InputPieces, Outbox, Pace
from dlws.remote.session import REFUSED, CommandRequest, Link, check_claims, started
from dlws.remote.watch import Watch

# In braces, so that nothing of it is run unless all of it has arrived.
SCRIPT = r"""{
read -r nonce; umask 022; cd /; unset LANG LANGUAGE DLWS_ACTION
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; LC_ALL=C
if locale -a 2>/dev/null | grep -qix "c\.utf-\{0,1\}8"; then LC_ALL=C.UTF-8; fi
DLWS_HELPER=$$; export LC_ALL PATH DLWS_HELPER
d=$(mktemp -d /run/dlws.XXXXXX 2>/dev/null) || d=$(mktemp -d) || exit 97
trap 'rm -rf "$d"' EXIT; trap exit HUP INT PIPE TERM
limit=; if timeout 1 true 2>/dev/null; then limit=timeout; fi
die() { echo "dlws: $1" >&9; exit 97; }
take() { dd bs=4096 iflag=fullblock count=$(($1 / 4096)) && dd bs=1 count=$(($1 % 4096)); }
keep() { (ulimit -f $((cap / 512 + 1)); exec cat >"$1"); k=$?; cat >/dev/null; exit $k; }
run() {
  if [ "$token" = - ]; then unset DLWS_ACTION; else DLWS_ACTION=$token; export DLWS_ACTION; fi
  exec ${limit:+timeout -k 2 "$deadline"} /bin/sh -c "$c"
}
printf "DLWS-SHELL %s\n" "$nonce"; exec 9>&2 2>/dev/null
while read -r id deadline cap token ncommand nstdin; do
  c=$(take "$ncommand"; echo x); c=${c%x}
  [ "$(printf %s "$c" | wc -c)" -eq "$ncommand" ] || die "the command did not arrive whole"
  exec 5</dev/null
  if [ "$nstdin" -gt 0 ]; then
    room=$d; if [ "$nstdin" -gt 1048576 ]; then room=/var/tmp; fi
    i=$(mktemp "$room/dlws.XXXXXX") || die "no room for the input in $room"
    exec 3>"$i" 4<"$i" 5<"$i"; rm -f "$i"
    take "$nstdin" >&3 || die "cannot keep the input in $room"
    exec 3>&-; read -r digest; s=$(sha256sum <&4); exec 4<&-
    [ "${s%% *}" = "$digest" ] || die "the input did not arrive whole"
  fi
  f=$d/$id; mkfifo "$f.o" "$f.e" || die "no room for the output in $d"
  keep "$f.out" <"$f.o" 5<&- & p=$!
  keep "$f.err" <"$f.e" 5<&- & q=$!
  b=$(date +%s)
  (run) <&5 >"$f.o" 2>"$f.e" 5<&- 9>&-; r=$?
  t=$(($(date +%s) - b)); exec 5<&-
  { sleep 1; kill "$p" "$q"; } >/dev/null 2>&1 </dev/null & w=$!
  wait "$p"; s=$?; wait "$q"; u=$?; kill "$w" 2>/dev/null
  whole=yes; for x in $s $u; do case $x in 0|143) ;; *) whole=no ;; esac; done
  n=$(($(wc -c <"$f.out"))); m=$(($(wc -c <"$f.err")))
  if [ "$n" -gt "$cap" ]; then n=$cap; whole=no; fi; if [ "$m" -gt "$cap" ]; then m=$cap; whole=no; fi
  printf "%s %s %s %s %s %s %s\n" "$nonce" "$id" "$r" "$t" "$whole" "$n" "$m"
  head -c "$n" "$f.out"; head -c "$m" "$f.err"; rm -f "$f".*
done
}"""


def boot(nonce: str) -> tuple[str, bytes]:
    """The command line that starts the shell loop, and the bytes that it reads first. See `dlws.remote.session.boot`.

    No line breaks: a login shell may be csh.
    """
    script = SCRIPT.encode()
    loader = f'eval "$(dd bs=1 count={len(script)} 2>/dev/null)"'
    return f"exec /bin/sh -c '{loader}'", script + nonce.encode() + b"\n"


HEAD = 256  # bytes that the first line of an answer may have
_HEAD = re.compile(
    rb"(?P<nonce>[0-9a-f]{32}) (?P<id>\d{1,9}) (?P<rc>\d{1,3}) (?P<seconds>\d{1,9}) (?P<whole>yes|no)"
    rb" (?P<out>\d{1,15}) (?P<err>\d{1,15})"
)


class ShellSession:
    """Commands one by one through the shell loop. Thread-safe: a second batch waits for the first."""

    def __init__(self, host: str, open_link: Callable[[str], Link], *, patience: float = 20.0) -> None:
        self._nonce = secrets.token_hex(16)
        command, source = boot(self._nonce)
        self._link = open_link(command)
        self._received = started(self._link, source, b"DLWS-SHELL " + self._nonce.encode() + b"\n", patience)
        self._lock = threading.Lock()
        self._lost: str | None = None
        self._outbox = Outbox(self._link, self._end)

    @property
    def lost(self) -> str | None:
        """Why the link is gone, or None while it stands."""
        return self._lost

    def run(self, requests: Sequence[CommandRequest]) -> list[Answer]:
        """Run the requests in turn. Raises LinkLost, CommandTimedOut; Unknown for an input file that cannot be read."""
        with self._lock:
            if self._lost is not None:
                raise LinkLost(self._lost)
            return [self._run(number, request) for number, request in enumerate(requests)]

    def close(self) -> None:
        """Drop the link."""
        self._end("closed")

    def _run(self, number: int, request: CommandRequest) -> Answer:
        limit = request.deadline + 6.0 + GRACE
        began, watch = time.monotonic(), Watch(limit, lambda: self._end(f"no answer within {limit:.0f} s"))
        with InputPieces(request.stdin) as pieces:
            try:
                self._send(number, request, pieces)
                with watch:
                    return self._answer(number, request)
            except (OSError, ValueError) as error:
                self._end(f"{REFUSED}: {error}" if isinstance(error, ValueError) else str(error))
                waited = time.monotonic() - began
                text = f"{self._lost} after {waited:.1f} s, waiting for: {request.command}"
                raise CommandTimedOut(text) if watch.expired else LinkLost(text) from None

    def _send(self, number: int, request: CommandRequest, pieces: InputPieces) -> None:
        pace, command = Pace(), request.command.encode()
        head = f"{number} {math.ceil(request.deadline)} {request.cap} {request.token or '-'} "
        self._write(f"{head}{len(command)} {pieces.size}\n".encode() + command, pace)
        for piece in pieces:
            self._write(piece, pace)
        if pieces.size:
            self._write(pieces.digest.hex().encode() + b"\n", pace)

    def _write(self, data: bytes, pace: Pace) -> None:
        self._outbox.write(data, pace.until(len(data)))

    def _answer(self, number: int, request: CommandRequest) -> Answer:
        while b"\n" not in self._received and len(self._received) < HEAD:
            self._received += self._more()
        head, _, rest = self._received.partition(b"\n")
        parts = _HEAD.fullmatch(head)
        if parts is None or parts["nonce"].decode() != self._nonce or int(parts["id"]) != number:
            raise ValueError(f"it is not understood: {head[:80]!r}")
        rc, seconds, out, err = (int(parts[name]) for name in ("rc", "seconds", "out", "err"))
        check_claims(request, seconds, out, err)
        while len(rest) < out + err:
            rest += self._more()
        self._received = rest[out + err :]
        timed_out = rc in (124, 137) and seconds + 1 >= request.deadline
        return Answer(
            command=request.command,
            rc=None if timed_out else rc,
            out=rest[:out],
            err=rest[out : out + err],
            seconds=float(seconds),
            timed_out=timed_out,
            truncated=parts["whole"] != b"yes",
        )

    def _more(self) -> bytes:
        data = self._link.read()
        if not data:
            raise OSError(self._lost or self._link.complaint() or "closed by the host")
        return data

    def _end(self, why: str) -> None:
        if self._lost is None:
            self._lost = why
        self._link.abort()
