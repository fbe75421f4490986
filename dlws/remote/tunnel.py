"""A TCP connection from a host, forwarded over its SSH connection to a socket here. Opens no listening port."""

from __future__ import annotations

import errno
import socket
import threading
from contextlib import suppress

import paramiko

PIECE = 1 << 16


def through(transport: paramiko.Transport, address: str, port: int, timeout: float) -> socket.socket:
    """Connect from the host to `address:port` within `timeout` seconds.

    Raises OSError if the host cannot connect, sshd forbids forwarding, or there is no answer.
    """
    try:
        channel = transport.open_channel("direct-tcpip", (address, port), ("127.0.0.1", 0), timeout=timeout)
    except paramiko.ChannelException as error:
        raise _as_connect_says(error) from None
    except paramiko.SSHException as error:
        raise TimeoutError(str(error) or f"no answer within {timeout:g} s") from None
    near, far = socket.socketpair()
    for pump in (_outward, _inward):
        threading.Thread(target=pump, args=(far, channel), name=f"tunnel to {address}:{port}", daemon=True).start()
    return near


def _as_connect_says(error: paramiko.ChannelException) -> OSError:
    """The OSError for a refused channel (RFC 4254 5.1): 1 is forbidden, 2 failed to connect; paramiko hides why."""
    if error.code == 1:
        return PermissionError(errno.EPERM, "sshd forbids forwarding (AllowTcpForwarding, PermitOpen)")
    return OSError(errno.EHOSTUNREACH, "the host cannot connect either")


def _outward(far: socket.socket, channel: paramiko.Channel) -> None:
    with suppress(OSError, EOFError):
        while data := far.recv(PIECE):
            channel.sendall(data)
    with suppress(OSError, EOFError):
        channel.close()  # the local end is closed, so answers have no reader


def _inward(far: socket.socket, channel: paramiko.Channel) -> None:
    with suppress(OSError, EOFError):
        while data := channel.recv(PIECE):
            far.sendall(data)
    with suppress(OSError):
        far.shutdown(socket.SHUT_RDWR)
    far.close()
    channel.close()
