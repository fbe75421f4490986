"""Runs on a host: fetches a file from its seed (`dlws.remote.seed_server`), from where it stopped, up to a length.

What arrives is believed only after it was compared with the file's SHA-256, which the control host does. The file is
sent to the host unchanged, so it uses only the standard library and only the syntax of Python 3.5.
"""
# ruff: noqa: PTH123, UP032

import os
import socket
import sys
import time

PATIENCE = 20.0  # seconds without a byte after which it gives up
PAUSE = 0.5
CHUNK = 1 << 18


def fetch(where, digest, file, end):  # type: (tuple[str, int], str, object, int) -> None
    """Add to the file what the seed sends, up to `end` bytes in all. Raises OSError."""
    start = file.tell()  # type: ignore[attr-defined]
    with socket.create_connection(where, PATIENCE) as link:
        link.sendall("{} {} {}\n".format(digest, start, end - start).encode())
        left = end - start
        while left:
            data = link.recv(min(left, CHUNK))
            if not data:
                raise OSError(0, "it closes the connection: it does not know this host, or has lost the file")
            file.write(data)  # type: ignore[attr-defined]
            left -= len(data)


def main(where, digest, path, end):  # type: (tuple[str, int], str, str, int) -> None
    """Fetch until it is there, or nothing more comes."""
    os.umask(0o077)
    with open(path, "ab", 0) as file:
        until = time.monotonic() + PATIENCE
        while file.tell() < end:
            before = file.tell()
            try:
                fetch(where, digest, file, end)
            except OSError as error:
                now = time.monotonic()
                until = now + PATIENCE if file.tell() > before else until
                if now > until:
                    sys.exit("{}:{}: {}".format(where[0], where[1], error.strerror or error))
                time.sleep(PAUSE)


if __name__ == "__main__":
    main((sys.argv[1], int(sys.argv[2])), sys.argv[3], sys.argv[4], int(sys.argv[5]))
