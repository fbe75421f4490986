"""Runs on a seed: hands out the files of one folder to the seed's own hosts, as long as its session lasts.

A request is one line, `DIGEST START SIZE`; the answer is that many bytes of the file with that name, from byte START
on, or none. Who asks from any other address is not answered. This file is sent to the seed unchanged, so it uses only
the standard library and only the syntax of Python 3.5, as `dlws.remote.agent`.
"""
# ruff: noqa: PTH123, UP032

import fcntl
import os
import re
import socketserver
import sys
import time

REQUEST = re.compile(rb"([0-9a-f]{64}) ([0-9]{1,18}) ([0-9]{1,18})\n")
SILENCE = 60.0  # seconds for which a host may neither ask nor take anything
PAUSE = 0.5  # seconds between two looks at whether our session still lasts


class Handler(socketserver.StreamRequestHandler):
    """One request."""

    timeout = SILENCE

    def handle(self):  # type: () -> None
        """Answer it; nothing is said of why not, because only the suite asks."""
        match = REQUEST.fullmatch(self.rfile.readline(128))
        if match is None:
            return
        with open(match.group(1), "rb") as file:
            self.connection.sendfile(file, int(match.group(2)), int(match.group(3)))


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Answers the clients alone."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
    clients = ()  # type: tuple[str, ...]

    def verify_request(self, request, client_address):  # type: ignore[no-untyped-def]
        """Whether to talk to this client at all."""
        return client_address[0] in self.clients

    def handle_error(self, request, client_address):  # type: ignore[no-untyped-def]
        """A client that is gone, or asks for what is not there, asks again."""

    def service_actions(self):  # type: () -> None
        """Called every PAUSE: end with the session."""
        end_without(PARENT)


def end_without(parent):  # type: (int) -> None
    """End at once unless the process that started us lives: it is the session's helper."""
    if os.getppid() != parent:
        os._exit(0)


def main(folder, address, port, clients):  # type: (str, str, int, tuple[str, ...]) -> None
    """Serve until the session ends; where another process of the run does, wait to take its place."""
    os.chdir(folder)
    mine = os.open(".", os.O_RDONLY)
    while True:
        try:
            fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            end_without(PARENT)
            time.sleep(PAUSE)
    try:
        server = Server((address, port), Handler)
    except OSError as error:
        sys.exit("cannot listen at {}:{}: {}".format(address, port, error.strerror))
    server.clients = clients
    server.serve_forever(PAUSE)


PARENT = os.getppid()
if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), tuple(sys.argv[4:]))
