"""What a Debian package says of itself: deb(5), an ar archive whose second member is control.tar."""

from __future__ import annotations

import io
import lzma
import re
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dlws.parse.tar import members

MAGIC: Final = b"!<arch>\n"
HEADER: Final = 60  # bytes before each member
LARGEST: Final = 16 << 20  # bytes of control.tar, packed or not
MEMORY: Final = 128 << 20  # bytes; xz -9 asks for 65 MiB
XZ: Final = b"\xfd7zXZ\0"
GZIP: Final = b"\x1f\x8b"


class WrongPackage(Exception):
    """A file that is no whole package; the message says why."""


@dataclass(frozen=True, slots=True)
class Control:
    """The paragraph of a package, and the three of its fields that name it."""

    name: str
    version: str
    arch: str
    text: str


def control(path: Path) -> Control | None:
    """The control paragraph of a package; None where it is compressed with zstd, as Ubuntu's from 21.10 on.

    WrongPackage for a file that is cut off or is none.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise WrongPackage("it is no Debian package")
            name, data = "", b""
            while not name.startswith("control.tar"):
                name, data = _member(file)
    except OSError as error:
        raise WrongPackage(f"it cannot be read: {error.strerror}") from None
    if name.endswith(".zst"):
        return None
    return _parsed(_paragraph(data))


def _member(file: io.BufferedReader) -> tuple[str, bytes]:
    header = file.read(HEADER)
    if len(header) < HEADER or not (size := header[48:58].strip()).isdigit() or int(size) > LARGEST:
        raise WrongPackage("it is cut off, or no Debian package")
    data = file.read(int(size))
    if len(data) < int(size):
        raise WrongPackage("it is cut off")
    file.read(int(size) % 2)
    return header[:16].decode("ascii", "replace").strip().rstrip("/"), data


def _paragraph(data: bytes) -> str:
    try:
        with tarfile.open(fileobj=io.BytesIO(_unpacked(data)), mode="r:") as tar:
            for member in members(tar):
                content = tar.extractfile(member) if member.name in ("./control", "control") else None
                if content is not None:
                    return content.read().decode("utf-8", "replace")
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError) as error:
        raise WrongPackage(f"its control.tar cannot be read: {error}") from None
    raise WrongPackage("it has no control file")


def _unpacked(data: bytes) -> bytes:
    """The archive itself: dpkg-deb packs it with xz or gzip, or not at all. ValueError for more than LARGEST."""
    if data.startswith(XZ):
        plain = lzma.LZMADecompressor(memlimit=MEMORY).decompress(data, LARGEST)
    elif data.startswith(GZIP):
        plain = zlib.decompressobj(wbits=zlib.MAX_WBITS + 16).decompress(data, LARGEST)  # 16: with gzip's header
    else:
        plain = data
    if len(plain) >= LARGEST:
        raise ValueError(f"it is larger than {LARGEST >> 20} MiB")
    return plain


def _parsed(text: str) -> Control:
    fields = dict(re.findall(r"^(Package|Version|Architecture): *(\S+)", text, re.MULTILINE))
    if len(fields) != 3:
        raise WrongPackage("its control file names no package, version or architecture")
    return Control(fields["Package"], fields["Version"], fields["Architecture"], text.strip())
