"""SSH: one connection and one channel per host, strict host keys, every step bounded in time."""

from __future__ import annotations

import logging
import os
import random
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock

import paramiko
from paramiko.ssh_exception import BadAuthenticationType, IncompatiblePeer

from dlws.inventory import Node
from dlws.record.answer import LoginRefused, Unreachable
from dlws.remote import tunnel
from dlws.remote.connection import SessionConnection
from dlws.remote.hostkeys import HostKey, HostKeys, Remark
from dlws.remote.refusals import Transport, nothing_in_common, sudo_fix
from dlws.remote.session import AgentSession, Link, NotStarted, Session, first_to_start
from dlws.remote.shell import ShellSession
from dlws.remote.watch import Watch

CONNECT_TIMEOUT = 10.0  # seconds for TCP
LOGIN_TIMEOUT = 20.0  # seconds from the TCP connection to a helper that answers
PIECE = 1 << 18  # bytes written at a time
KEEPALIVE = 15  # seconds
UNACKNOWLEDGED = 45_000  # milliseconds after which the kernel gives up on a silent peer (TCP_USER_TIMEOUT)
CROWDED = 5  # retries when sshd drops new connections (MaxStartups)

FREED_AFTER = (0.1, 0.2, 0.4, 0.8)  # seconds between the attempts to open a channel
LAST_WORDS = 0.5  # seconds; the exit status comes after what was said
HELPERS: tuple[Callable[..., Session], ...] = (AgentSession, ShellSession)

_READING = Lock()  # so that a hundred hosts at once read the key only once
logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # everything it logs reaches us as an exception


class Secret:
    """A password that appears in no repr, log line or traceback."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The password itself; call this only where it is passed on."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True, slots=True)
class Login:
    """One way to log in: a user with a private key file, or with a password."""

    user: str
    key: Path | None = None
    password: Secret | None = None

    @property
    def kind(self) -> str:
        """`root with a password`, for messages."""
        return f"{self.user} with {'key ' + str(self.key) if self.key else 'a password'}"


def open_ssh(
    node: Node,
    logins: Sequence[Login],
    host_keys: HostKeys,
    *,
    connect_timeout: float = CONNECT_TIMEOUT,
    login_timeout: float = LOGIN_TIMEOUT,
    redact: Callable[[str], str] = str,
    admit: Callable[[Session], None] | None = None,
) -> SessionConnection:
    """Connect to a host with the first login that can run commands as root. Timeouts are in seconds.

    Raises Unreachable (no answer), HostKeyChanged (before any credential is sent), LoginRefused (the reason for each
    login), and what `admit` raises for a new session (`SessionConnection`).
    """
    dialer = _Dialer(node, logins, host_keys, connect_timeout, login_timeout)
    return SessionConnection(node.name, dialer.open, redact, dialer.tunnel, admit).connect()


def shown_key(node: Node, host_keys: HostKeys) -> HostKey:
    """The key that a host shows; no login is tried. Raises Unreachable, HostKeyChanged."""
    transport, sock, key = _Dialer(node, [], host_keys, CONNECT_TIMEOUT, LOGIN_TIMEOUT).handshake()
    _reset(transport, sock)
    return key


class ChannelLink:
    """The SSH channel to one program on the host."""

    def __init__(self, transport: paramiko.Transport, sock: socket.socket, command: str) -> None:
        self._transport, self._socket, self._closed = transport, sock, False
        self._channel = _channel(transport)
        self._channel.exec_command(command)

    def write(self, data: bytes) -> None:
        """Send all of it."""
        # paramiko copies the rest of the data for every packet, which takes a minute for an image of 100 MB at once.
        try:
            for at in range(0, len(data), PIECE):
                self._channel.sendall(data[at : at + PIECE])
        except (paramiko.SSHException, EOFError) as error:
            raise OSError(str(error)) from None

    def read(self) -> bytes:
        """The next bytes."""
        return self._channel.recv(1 << 16)

    def abort(self) -> None:
        """Reset the TCP connection, so that bytes queued for a dead network do not arrive when it comes back."""
        _reset(self._transport, self._socket)

    def close(self) -> None:
        """Close the channel."""
        self._closed = True
        with suppress(paramiko.SSHException, OSError, EOFError):
            self._channel.close()

    def complaint(self) -> str:
        """The text on stderr and the exit status; without any of them why SSH ended."""
        said = []
        self._channel.status_event.wait(LAST_WORDS)
        if self._channel.recv_stderr_ready():
            said.append(self._channel.recv_stderr(4000).decode("utf-8", "backslashreplace").strip())
        if self._channel.exit_status_ready() and self._channel.exit_status >= 0:
            said.append(f"exit status {self._channel.exit_status}")
        if not said and not self._closed:
            said.append(str(self._transport.get_exception() or "connection closed by the host"))
        return "; ".join(said)


class _Dialer:
    """Opens sessions on one host, as often as needed."""

    def __init__(
        self, node: Node, logins: Sequence[Login], keys: HostKeys, connect_timeout: float, login_timeout: float
    ) -> None:
        self._node, self._logins, self._keys = node, list(logins), keys
        self._connect_timeout, self._login_timeout = connect_timeout, login_timeout
        self._transport: paramiko.Transport | None = None

    def tunnel(self, address: str, port: int, timeout: float) -> socket.socket:
        """A TCP connection from the host, over the SSH connection of the open session."""
        if self._transport is None:
            raise LookupError(f"{self._node.name}: no open session that a tunnel could share")
        return tunnel.through(self._transport, address, port, timeout)

    def open(self) -> tuple[str, Session]:
        """Try the logins in order; a key that works is tried first the next time, a password never."""
        refused = []
        for login in self._logins:
            try:
                session = self._enter(login)
            except LoginRefused as error:
                refused.append(str(error))
                continue
            if login.key:
                self._logins.remove(login)
                self._logins.insert(0, login)
            return login.user, session
        raise LoginRefused(f"{self._node.name}: no login works: " + "; ".join(refused or ["none is configured"]))

    def _enter(self, login: Login) -> Session:
        """Log in and start a helper that runs as root."""
        key = _load(login)
        transport, sock, shown = self.handshake()
        watch = Watch(self._login_timeout, lambda: _reset(transport, sock))
        try:
            with watch:
                watch.waiting_for = f"the login of {login.user}"
                self._authenticate(transport, login, key, shown)
            watch.waiting_for = f"a command to start for {login.user}"
            session = self._helper(transport, sock, login.user)
            self._remember(login, shown)
            self._transport = transport
            return session
        except BaseException as error:
            _reset(transport, sock)
            if watch.expired:
                raise self._unreachable(f"no answer within {self._login_timeout:g} s to {watch.waiting_for}") from None
            if isinstance(error, (paramiko.SSHException, OSError, EOFError)):
                raise self._unreachable(f"connection broke during {watch.waiting_for}: {_text(error)}") from None
            raise

    def _remember(self, login: Login, shown: HostKey) -> None:
        """Pin the key of a host that has let us in, and what that says of it."""
        remarks = [] if self._keys.voucher(self._node, shown) else [Remark.FIRST_CONTACT]
        self._keys.pin(self._node, shown, *remarks, *([Remark.KEY_LOGIN] if login.key else []))

    def handshake(self) -> tuple[paramiko.Transport, socket.socket, HostKey]:
        """TCP, banner, key exchange and the check of the host key. Retries while sshd drops new connections."""
        attempts = 0
        until = time.monotonic() + self._login_timeout
        while True:
            transport, sock = self._dial()
            try:
                return transport, sock, self._exchange(transport, sock)
            except (paramiko.SSHException, OSError, EOFError) as error:
                _reset(transport, sock)
                attempts += 1
                dropped = isinstance(error, (ConnectionResetError, EOFError)) or "banner" in str(error).lower()
                if not dropped or attempts > CROWDED or time.monotonic() > until:
                    raise self._unreachable(f"key exchange failed: {_text(error)}") from None
                time.sleep(random.uniform(0.1, 0.4) * attempts)
            except BaseException:
                _reset(transport, sock)
                raise

    def _dial(self) -> tuple[Transport, socket.socket]:
        where = self._node.address, self._node.ssh_port
        try:
            sock = socket.create_connection(where, self._connect_timeout)
        except TimeoutError:
            raise self._unreachable(f"no answer within {self._connect_timeout:g} s to a TCP connection") from None
        except OSError as error:
            raise self._unreachable(f"cannot connect: {error.strerror or error}") from None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED)
        transport = Transport(sock)
        transport.daemon = True
        patience = self._login_timeout + 5.0  # longer than our own watch, whose message says what it waits for
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = patience
        return transport, sock

    def _exchange(self, transport: Transport, sock: socket.socket) -> HostKey:
        """The key exchange; returns the host key, which is proved to be the host's and may be this one's."""
        pins = self._keys.pins(self._node)
        if pins:  # accept only the type of key that is pinned
            kinds = {kind for pin in pins for kind in _signatures(pin.key.kind)}
            transport.get_security_options().key_types = [
                k for k in transport.get_security_options().key_types if k in kinds
            ]
        with Watch(self._login_timeout, lambda: _reset(transport, sock)) as watch:
            try:
                transport.start_client()
                shown = transport.get_remote_server_key()
            except (paramiko.SSHException, OSError, EOFError) as error:
                if watch.expired:
                    raise self._unreachable(f"no key exchange within {self._login_timeout:g} s") from None
                if pins and isinstance(error, IncompatiblePeer) and "host key" in str(error):
                    raise self._keys.missing(self._node) from None
                if isinstance(error, IncompatiblePeer) and (why := nothing_in_common(transport, error)):
                    raise self._unreachable(why) from None
                raise
        host_key = HostKey(shown.get_name(), shown.asbytes())
        self._keys.check(self._node, host_key)
        transport.set_keepalive(KEEPALIVE)
        return host_key

    def _authenticate(
        self, transport: paramiko.Transport, login: Login, key: paramiko.PKey | None, shown: HostKey
    ) -> None:
        if login.password is not None and (objection := self._keys.why_no_password(self._node, shown)):
            raise LoginRefused(f"{login.kind}: {objection}")
        try:
            if key is not None:
                rest = transport.auth_publickey(login.user, key)
            elif login.password is not None:
                rest = transport.auth_password(login.user, login.password.reveal())
            else:
                raise LookupError(f"{login.user}: neither a key nor a password")
        except BadAuthenticationType as error:
            raise LoginRefused(f"{login.kind}: not offered, the host takes {', '.join(error.allowed_types)}") from None
        except paramiko.AuthenticationException as error:
            if not transport.is_active():
                raise paramiko.SSHException(_text(transport.get_exception() or error)) from None
            raise LoginRefused(f"{login.kind}: refused") from None
        if rest:
            raise LoginRefused(f"{login.kind}: accepted, but the host also wants {', '.join(rest)}")

    def _helper(self, transport: paramiko.Transport, sock: socket.socket, user: str) -> Session:
        sudo = "" if user == "root" else "exec sudo -n -H /bin/sh -c "

        def link(command: str) -> Link:
            if sudo:
                command = sudo + "'" + command.replace("'", "'\\''") + "'"
            with Watch(patience, lambda: _reset(transport, sock)) as watch:
                try:
                    return ChannelLink(transport, sock, command)
                except (paramiko.SSHException, OSError, EOFError) as error:
                    why = f"no answer within {patience:g} s" if watch.expired else _text(error)
                    raise self._unreachable(f"{why}, waiting for a command to start for {user}") from None

        name, patience = self._node.name, self._login_timeout
        try:
            with Watch(len(HELPERS) * 2 * patience, lambda: _reset(transport, sock)):
                return first_to_start(*(partial(helper, name, link, patience=patience) for helper in HELPERS))
        except NotStarted as error:
            reason = str(error)
            if "sudo" in reason:
                why = f"{user}: logged in, but sudo refuses to make it root ({reason}); {sudo_fix(user, reason)}"
                raise LoginRefused(why) from None
            raise

    def _unreachable(self, why: str) -> Unreachable:
        where = f"{self._node.address}:{self._node.ssh_port}"
        return Unreachable(f"{self._node.name}: unreachable at {where}: {why}")


def _channel(transport: paramiko.Transport) -> paramiko.Channel:
    """A channel for one program. An earlier one's place is free only a moment after it has ended (MaxSessions)."""
    refusal = ""
    for pause in (*FREED_AFTER, 0.0):
        try:
            return transport.open_session(timeout=LOGIN_TIMEOUT)
        except paramiko.ChannelException as error:
            refusal = error.text
        time.sleep(pause)
    raise paramiko.SSHException(f"sshd opens no further session (MaxSessions?): {refusal}")


def _load(login: Login) -> paramiko.PKey | None:
    """The private key of a login; None for a password. LoginRefused if others can read it, as with ssh(1)."""
    if login.key is None:
        return None
    try:
        status = login.key.stat()
        if status.st_mode & 0o077:
            raise LoginRefused(f"{login.kind}: others can read the key file; chmod 600 it")
        with _READING:
            return _key(login.key, status.st_mtime_ns)
    except FileNotFoundError:
        raise LoginRefused(f"{login.kind}: no such key file") from None
    except (OSError, ValueError, paramiko.SSHException) as error:
        raise LoginRefused(f"{login.kind}: the key cannot be used ({_text(error)})") from None


@lru_cache
def _key(path: Path, mtime: int) -> paramiko.PKey:
    """The key in a file, cached until the file changes: parsing an RSA key takes nearly half a second."""
    return paramiko.PKey.from_path(path)


def _signatures(kind: str) -> Sequence[str]:
    """The signature algorithms with which a host may present a key of this type."""
    return ("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,)


def _reset(transport: paramiko.Transport, sock: socket.socket) -> None:
    """Close a connection at once, with RST; unsent data is dropped.

    Threads that wait for the socket would keep it open until they look again: they are woken.
    """
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RD)  # of our own side alone: to shut the other would send what is still unsent
    transport.close()


def _text(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
