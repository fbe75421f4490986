"""The remote agent: runs on the host, reads requests from stdin, runs them in parallel, writes answers to stdout.

This file is sent to the host unchanged (`dlws.remote.session.boot`), so it uses only the standard library and only
the syntax of Python 3.5 (no f-strings, no annotations). To start quickly it imports little, and never threading.
"""
# ruff: noqa: F401, PTH108, SIM105, UP036

import _locale
import _signal as signal  # type: ignore[import-not-found]  # `signal` itself imports enum: 3 ms
import io
import os
import select
import struct
import sys
import time
from binascii import hexlify

REQUEST = struct.Struct("!BIdIIIQ")  # kind, number, deadline (s), cap (bytes), lengths of token, command, stdin
PIECE = struct.Struct("!BII")  # kind, number of the request, length: a piece of its stdin, or the SHA-256 of all of it
ANSWER = struct.Struct("!IidBII")  # number, rc, seconds, flags, lengths of out, err
HELLO = b"DLWS-AGENT "  # then the nonce the client sent, then a newline
READ, CHANGE = 1, 2  # a read is stopped with the link, a change goes on until its deadline
INPUT, DIGEST = 3, 4  # a piece of a request's stdin; the end of it
TIMED_OUT, TRUNCATED = 1, 2  # flags of an answer
PARALLEL = 16  # reads that run at the same time; a change is never queued
KILL_AFTER = 2.0  # seconds from TERM to KILL, and from KILL to giving up on a process that cannot die
LINGER = 0.5  # seconds that pipes may stay open after the exit: a daemon may have inherited them
CHUNK = 65536
IN_MEMORY = 1 << 20  # bytes of input that are kept where no disk is; more is kept on one
MEMORY, DISK = (b"/run", b"/dev/shm"), (b"/var/tmp", b"/tmp")
PLAIN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _./:=@%+,-"  # not special to a shell
SHELL_WORDS = frozenset(
    b". : alias bg bind break builtin caller case cd command compgen complete compopt continue declare dirs disown do "
    b"done echo elif else enable esac eval exec exit export false fc fg fi for function getopts hash help history if "
    b"in jobs kill let local logout mapfile popd printf pushd pwd read readarray readonly return select set shift "
    b"shopt source suspend test then time times trap true type typeset ulimit umask unalias unset until wait "
    b"while".split()
)
DEFAULTS = [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP]  # Python ignores the first two, the agent the third


def environment():  # type: () -> dict[str, str]
    """The environment of commands: the login's, with a fixed locale and a PATH that includes the sbin folders."""
    env = dict(os.environ)
    for name in ("LANGUAGE", "LANG", "DLWS_ACTION"):
        env.pop(name, None)
    try:
        _locale.setlocale(_locale.LC_CTYPE, "C.UTF-8")
        env["LC_ALL"] = "C.UTF-8"
    except Exception:
        env["LC_ALL"] = "C"
    path = [part for part in env.get("PATH", "").split(":") if part]
    standard = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    env["PATH"] = ":".join(path + [part for part in standard if part not in path])
    env["DLWS_HELPER"] = str(os.getpid())  # for what lives as long as the agent
    os.environ["PATH"] = env["PATH"]  # where `posix_spawnp` looks
    return env


def words_of(text):  # type: (bytes) -> list[bytes]
    """The words of a command that needs no shell, a program with its arguments; empty for any other command."""
    words = [] if text.translate(None, PLAIN) else text.split()
    return [] if not words or words[0] in SHELL_WORDS or b"=" in words[0] else words


def spawn(text, env, descriptors):  # type: (bytes, dict[str, str], tuple[int, int, int]) -> int
    """Start a command in a new session with these descriptors as stdin, stdout and stderr; returns its pid."""
    argv = [b"/bin/sh", b"-c", text]
    if hasattr(os, "posix_spawnp"):  # takes half the time of a fork; from Python 3.8 on
        actions = [(os.POSIX_SPAWN_DUP2, descriptor, number) for number, descriptor in enumerate(descriptors)]
        for words in [words_of(text), argv]:
            try:
                if words:  # without a shell in between it takes a third less again
                    return os.posix_spawnp(words[0], words, env, file_actions=actions, setsid=True, setsigdef=DEFAULTS)
            except NotImplementedError:  # a C library that cannot start a session
                break
            except OSError:  # no such program: the shell will report it
                if words is argv:
                    raise
    pid = os.fork()
    if not pid:
        try:
            os.setsid()
            for number in DEFAULTS:
                signal.signal(number, signal.SIG_DFL)
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
            os.execve(argv[0], argv, env)
        except BaseException as error:
            os.write(2, ("dlws agent: " + str(error)).encode("utf-8", "replace"))
        finally:
            os._exit(126)
    return pid


def nameless_file(size):  # type: (int) -> io.FileIO
    """A new file for so many bytes that has no name: it is gone with the last process that has it open."""
    for folder in MEMORY + DISK if size <= IN_MEMORY else DISK:
        path = folder + b"/dlws." + hexlify(os.urandom(16))
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError:
            continue
        os.unlink(path)
        return os.fdopen(descriptor, "r+b", 0)
    raise OSError("no folder takes a file")


class Input:
    """A command's stdin. The command is started when all of it is in a file, so that it also outlives the agent."""

    def __init__(self, size):  # type: (int) -> None
        from hashlib import sha256  # 15 ms that most sessions need not spend

        self.size = self.left = size
        self.sum = sha256()
        self.file = None  # type: io.FileIO | None

    def add(self, data):  # type: (bytes) -> None
        """Keep one more piece. Raises OSError."""
        self.file = self.file or nameless_file(self.size)
        self.left -= len(data)
        self.sum.update(data)
        while data:
            data = data[self.file.write(data) :]

    def end(self, digest):  # type: (bytes) -> None
        """There is no more: OSError unless it has the length and the SHA-256 that were announced."""
        if self.file is None or self.left or self.sum.digest() != digest:
            raise OSError("it did not arrive whole")
        self.file.seek(0)


class Job:
    """One command: its process group, its pipes, and what it has printed so far."""

    def __init__(self, number, kind, deadline, cap, token, text, stdin):
        # type: (int, int, float, int, bytes, bytes, Input | None) -> None
        self.number, self.kind, self.cap = number, kind, cap
        self.allowed, self.token, self.text, self.stdin = deadline, token, text, stdin
        self.kept = {}  # type: dict[int, bytearray]
        self.status = None  # type: int | None
        self.flags, self.pid, self.began, self.due = 0, 0, 0.0, 0.0
        self.signals = [signal.SIGTERM, signal.SIGKILL]

    def start(self, env):  # type: (dict[str, str]) -> None
        """Start it as `/bin/sh -c` would, in a new session, without a terminal; stdin is only what was sent."""
        given = self.stdin and self.stdin.file
        source = os.dup(given.fileno()) if given else os.open(os.devnull, os.O_RDONLY)
        out, err = os.pipe(), os.pipe()
        self.stdin, self.began = None, time.monotonic()
        self.due = self.began + self.allowed
        if self.token:
            env = dict(env, DLWS_ACTION=self.token.decode())
        self.pid = spawn(self.text, env, (source, out[1], err[1]))
        for descriptor in (source, out[1], err[1]):
            os.close(descriptor)
        self.out, self.err = out[0], err[0]
        self.kept = {self.out: bytearray(), self.err: bytearray()}
        self.open = {self.out, self.err}
        for descriptor in (self.out, self.err):
            os.set_blocking(descriptor, False)

    def read(self, descriptor):  # type: (int) -> int
        """Read what is available and keep it up to the cap. Returns the bytes read, 0 at the end, -1 if none yet."""
        try:
            data = os.read(descriptor, CHUNK)
        except BlockingIOError:
            return -1
        kept = self.kept[descriptor]
        room = self.cap - len(kept)
        if len(data) > room:
            self.flags |= TRUNCATED
        kept += data[: max(room, 0)]
        return len(data)

    def kill(self, number):  # type: (int) -> None
        """Signal the process group."""
        try:
            os.killpg(self.pid, number)
        except OSError:
            pass

    def answer(self):  # type: () -> bytes
        """The frame that reports it."""
        rc = -1
        if self.status is not None and not self.flags & TIMED_OUT:
            by = self.status & 127
            rc = 128 + by if by else self.status >> 8
        out, err = self.kept[self.out], self.kept[self.err]
        head = ANSWER.pack(self.number, rc, time.monotonic() - self.began, self.flags, len(out), len(err))
        return head + bytes(out) + bytes(err)


class Agent:
    """The event loop. One thread, so that a fork is always safe."""

    def __init__(self, nonce):  # type: (bytes) -> None
        self.env = environment()
        self.poll = select.poll()
        self.received, self.unsent = bytearray(), bytearray(HELLO + nonce + b"\n")
        self.waiting, self.running = [], {}  # type: list[Job], dict[int, Job]
        self.incoming, self.owner = {}, {}  # type: dict[int, Job], dict[int, Job]
        self.linked = True
        self.wake, wakeup = os.pipe()
        for descriptor in (0, 1, self.wake, wakeup):
            os.set_blocking(descriptor, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.set_wakeup_fd(wakeup)
        self.poll.register(self.wake, select.POLLIN)
        self.poll.register(0, select.POLLIN)
        self.poll.register(1, 0)

    def serve(self):  # type: () -> None
        """Run until the link is gone and the last change has ended."""
        self.send()
        while self.linked or self.running:
            for descriptor, event in self.poll.poll(self.until_next()):
                self.handle(descriptor, event)
            self.reap()
            self.enforce(time.monotonic())
            self.begin()
            if self.linked:
                self.send()

    def until_next(self):  # type: () -> int | None
        """Milliseconds until the next deadline; None if nothing runs."""
        if not self.running:
            return None
        return max(0, int(1000 * (min(c.due for c in self.running.values()) - time.monotonic())) + 1)

    def handle(self, descriptor, event):  # type: (int, int) -> None
        """Handle one ready descriptor."""
        if descriptor == self.wake:
            os.read(self.wake, CHUNK)
        elif descriptor == 0 and self.linked:
            self.receive()
        elif descriptor == 1 and self.linked:
            self.send() if event == select.POLLOUT else self.unlink()
        elif descriptor in self.owner and self.owner[descriptor].read(descriptor) == 0:
            self.close(self.owner[descriptor], descriptor)

    def receive(self):  # type: () -> None
        """Read bytes from the link and start every request that is complete."""
        try:
            data = os.read(0, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.unlink()
            return
        self.received += data
        while self.received and self.take():
            pass
        self.begin()

    def take(self):  # type: () -> bool
        """Take one frame from what was received; False if none is complete."""
        form = PIECE if self.received[0] in (INPUT, DIGEST) else REQUEST
        if len(self.received) < form.size:
            return False
        kind, number, *rest = form.unpack(self.received[: form.size])
        token, text = (0, rest[0]) if form is PIECE else rest[2:4]  # the lengths of what follows
        end = form.size + token + text
        if len(self.received) < end:
            return False
        body = bytes(self.received[form.size : end])
        del self.received[:end]
        if form is PIECE:
            self.feed(kind, number, body)
        elif rest[4]:
            self.incoming[number] = Job(number, kind, rest[0], rest[1], body[:token], body[token:], Input(rest[4]))
        else:
            self.waiting.append(Job(number, kind, rest[0], rest[1], body[:token], body[token:], None))
        return True

    def feed(self, kind, number, data):  # type: (int, int, bytes) -> None
        """Keep a piece of a request's stdin, or its end; a request whose stdin is of no use is answered at once."""
        job = self.incoming.get(number)
        if job is None or job.stdin is None:  # answered already
            return
        try:
            job.stdin.add(data) if kind == INPUT else job.stdin.end(data)
        except OSError as error:
            self.refuse(self.incoming.pop(number), "cannot keep the input: " + str(error))
        else:
            if kind == DIGEST:
                self.waiting.append(self.incoming.pop(number))

    def refuse(self, job, why):  # type: (Job, str) -> None
        """Answer a request whose command is not started."""
        text = ("dlws agent: " + why).encode("utf-8", "replace")[: job.cap]
        self.unsent += ANSWER.pack(job.number, 126, 0.0, 0, 0, len(text)) + text

    def begin(self):  # type: () -> None
        """Start waiting jobs: changes at once, reads while fewer than PARALLEL of them run."""
        queue, self.waiting = self.waiting, []
        for command in queue:
            reads = sum(job.kind == READ for job in self.running.values())
            if command.kind == CHANGE or (self.linked and reads < PARALLEL):
                try:
                    command.start(self.env)
                except OSError as error:  # no more processes or descriptors: this one fails, the agent goes on
                    self.refuse(command, "cannot start a process: " + str(error))
                    continue
                self.running[command.pid] = command
                for descriptor in command.open:
                    self.owner[descriptor] = command
                    self.poll.register(descriptor, select.POLLIN)
            elif self.linked:
                self.waiting.append(command)

    def close(self, command, descriptor):  # type: (Job, int) -> None
        """Close one end of a pipe; closing the last one finishes a command that has exited."""
        self.poll.unregister(descriptor)
        del self.owner[descriptor]
        os.close(descriptor)
        command.open.discard(descriptor)
        if command.status is not None and not command.open:
            self.finish(command)

    def reap(self):  # type: () -> None
        """Collect every child that has ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            command = self.running.get(pid)
            if command is not None:
                command.status = status
                command.due = time.monotonic() + LINGER
                if not command.open:
                    self.finish(command)

    def enforce(self, now):  # type: (float) -> None
        """End jobs past their deadline: TERM, then KILL, then answer even if the process cannot be killed."""
        for command in [c for c in self.running.values() if c.due <= now]:
            if command.status is None and command.signals:
                command.flags |= TIMED_OUT
                command.kill(command.signals.pop(0))
                command.due = now + KILL_AFTER
            else:
                for descriptor in list(command.open):  # what was printed before the exit is still in the pipe
                    left = 16
                    while left and command.read(descriptor) > 0:
                        left -= 1
                self.finish(command)

    def finish(self, command):  # type: (Job) -> None
        """Send the answer and forget the command."""
        if command.flags & TIMED_OUT:
            command.kill(signal.SIGKILL)  # what is left of the group
        del self.running[command.pid]
        for descriptor in command.open:
            self.poll.unregister(descriptor)
            del self.owner[descriptor]
            os.close(descriptor)
        if self.linked:
            self.unsent += command.answer()
            self.send()

    def send(self):  # type: () -> None
        """Write as much as the link accepts; poll for when it accepts more."""
        try:
            while self.unsent:
                del self.unsent[: os.write(1, self.unsent[:CHUNK])]
            self.poll.register(1, 0)
        except BlockingIOError:
            self.poll.register(1, select.POLLOUT)
        except OSError:
            self.unlink()

    def unlink(self):  # type: () -> None
        """The link is gone: reads are stopped as at their deadline, changes go on."""
        if not self.linked:
            return
        self.linked = False
        self.unsent.clear()
        self.received.clear()
        self.incoming.clear()  # not whole, so not started
        for descriptor in (0, 1):
            self.poll.unregister(descriptor)
        for command in self.running.values():
            if command.kind == READ and not command.flags & TIMED_OUT:
                command.due = 0.0  # TERM now, so that it cleans up, then KILL


def main(nonce):  # type: (bytes) -> None
    """Serve until the link ends."""
    if sys.version_info < (3, 5):
        sys.exit(96)
    os.umask(0o022)
    os.chdir("/")
    Agent(nonce).serve()
