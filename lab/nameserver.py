"""The DNS server of the lab's network. It answers NXDOMAIN to everything; without it every look-up would take 5 s.

Run as a script: `nameserver.py ADDRESS`.
"""

from __future__ import annotations

import socket
import sys


def answer(query: bytes) -> bytes:
    """The NXDOMAIN answer to a DNS query: its header and question, no records. Raises IndexError for other bytes."""
    end = 12
    while query[end]:
        end += query[end] + 1
    flags = bytes([0x80 | query[2] & 0x79, 0x83])  # response, opcode and RD as asked; recursion available, NXDOMAIN
    return query[:2] + flags + b"\0\1" + bytes(6) + query[12 : end + 5]


def serve(address: str) -> None:
    """Answer every UDP query to `address`, forever."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, 53))
        while True:
            query, client = server.recvfrom(4096)
            try:
                server.sendto(answer(query), client)
            except IndexError:
                continue  # not a DNS query


if __name__ == "__main__":
    serve(sys.argv[1])
