"""A TCP connection that a host makes for us over its SSH connection, as a socket here: no port is opened anywhere."""

from __future__ import annotations

import errno
import socket
import threading
from contextlib import suppress

import paramiko

PIECE = 1 << 16


def through(transport: paramiko.Transport, address: str, port: int, timeout: float) -> socket.socket:
    """Connect from the host to `address:port`. Raises OSError: it cannot, sshd forbids it, or no answer."""
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
    """RFC 4254 5.1: code 1 is forbidden, 2 that the host could not connect; why not, paramiko keeps to itself."""
    if error.code == 1:
        return PermissionError(errno.EPERM, "sshd forbids forwarding (AllowTcpForwarding, PermitOpen)")
    return OSError(errno.EHOSTUNREACH, "the host cannot connect either")


def _outward(far: socket.socket, channel: paramiko.Channel) -> None:
    with suppress(OSError, EOFError):
        while data := far.recv(PIECE):
            channel.sendall(data)
    with suppress(OSError, EOFError):
        channel.close()  # who asks is gone: there is nobody to answer


def _inward(far: socket.socket, channel: paramiko.Channel) -> None:
    with suppress(OSError, EOFError):
        while data := channel.recv(PIECE):
            far.sendall(data)
    with suppress(OSError):
        far.shutdown(socket.SHUT_RDWR)
    far.close()
    channel.close()
