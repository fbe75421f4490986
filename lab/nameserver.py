"""The DNS server of the lab's network: knows no name, and says so at once (a silent one costs every look-up 5 s).

Run as a script: `nameserver.py ADDRESS`.
"""

from __future__ import annotations

import socket
import sys


def answer(query: bytes) -> bytes:
    """The answer "no such name" (NXDOMAIN) to a DNS query: its header and question, no records."""
    end = 12
    while query[end]:
        end += query[end] + 1
    flags = bytes([0x80 | query[2] & 0x79, 0x83])  # response, opcode and RD as asked; recursion available, NXDOMAIN
    return query[:2] + flags + b"\0\1" + bytes(6) + query[12 : end + 5]


def serve(address: str) -> None:
    """Answer every UDP query to `address`, for ever."""
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
