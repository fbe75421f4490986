"""Members of an archive: each begins behind the one before, or the archive is none."""

from __future__ import annotations

import io
import tarfile
from itertools import islice

import pytest

from dlws.parse.tar import members


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


def pax(record: str, kind: bytes) -> bytes:
    """A header with one record for the next member (XHDTYPE) or for all that follow (XGLTYPE)."""
    line = f"{len(record) + 4} {record}\n".encode()
    return header("pax", len(line), kind) + line.ljust(512, b"\0")


def names(archive: bytes) -> list[str]:
    """The first members; one that leads back has no last."""
    with tarfile.open(fileobj=io.BytesIO(archive + bytes(1024))) as tar:
        return [member.name for member in islice(members(tar), 5)]


def test_members_come_in_their_order_the_empty_ones_too() -> None:
    assert names(header("a", 0) + header("b", 512) + bytes(512) + header("c", 0)) == ["a", "b", "c"]


def test_a_member_of_less_than_nothing_is_none() -> None:
    with pytest.raises(tarfile.TarError):
        names(pax("size=-1536", tarfile.XHDTYPE) + header("a", 0))


def test_a_header_that_leads_back_to_itself_is_none() -> None:
    with pytest.raises(tarfile.TarError):
        names(pax("size=0", tarfile.XGLTYPE) + header("a", -512))
