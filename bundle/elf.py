"""What a program or library for Linux needs of others: the dynamic section of an ELF file (elf(5)), 64 bit, LSB."""

from __future__ import annotations

import struct
from dataclasses import dataclass

MAGIC = b"\x7fELF"
MACHINES = {62: "x86_64", 183: "aarch64"}
PT_LOAD, PT_DYNAMIC = 1, 2
DT_NEEDED, DT_STRTAB, DT_SONAME = 1, 5, 14


@dataclass(frozen=True, slots=True)
class Dynamic:
    """The machine that a file is for (as `uname -m` has it), its own name, and the names of the libraries it loads."""

    machine: str
    soname: str
    needed: tuple[str, ...]


def parse(data: bytes) -> Dynamic | None:
    """The dynamic section; None for what is no ELF file. ValueError for one that is not of our machines."""
    if data[:4] != MAGIC:
        return None
    try:
        machine = MACHINES[struct.unpack_from("<H", data, 18)[0]]
        if data[4:6] != b"\2\1":
            raise ValueError("not 64 bit, least significant byte first")
        headers, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
        segments = [struct.unpack_from("<IIQQQQ", data, headers + at * size) for at in range(count)]
        entries = [
            entry for kind, _, at, _, _, length in segments if kind == PT_DYNAMIC for entry in _pairs(data, at, length)
        ]
        loads = [(address, length, at) for kind, _, at, address, _, length in segments if kind == PT_LOAD]
        table = next((value for tag, value in entries if tag == DT_STRTAB), 0)
        start = next((at + table - address for address, length, at in loads if address <= table < address + length), 0)
        names = {
            tag: [_text(data, start + value) for t, value in entries if t == tag] for tag in (DT_SONAME, DT_NEEDED)
        }
    except (KeyError, struct.error) as error:
        raise ValueError(f"not a program for {' or '.join(MACHINES.values())}: {error!r}") from error
    return Dynamic(machine, next(iter(names[DT_SONAME]), ""), tuple(names[DT_NEEDED]))


def _pairs(data: bytes, at: int, length: int) -> list[tuple[int, int]]:
    return [struct.unpack_from("<qQ", data, at + offset) for offset in range(0, length, 16)]


def _text(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode("ascii")
