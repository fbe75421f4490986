"""What a program needs, read from its file."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bundle import elf

LISTED = Path("/bin/ls").resolve()


def test_what_is_no_program_needs_nothing() -> None:
    assert elf.parse(b"#!/bin/sh\n") is None
    assert elf.parse(b"") is None


@pytest.mark.skipif(shutil.which("readelf") is None, reason="readelf, of binutils, is the judge")
def test_a_program_needs_what_readelf_says() -> None:
    listing = subprocess.run(["readelf", "-d", str(LISTED)], capture_output=True, text=True, check=True).stdout
    found = elf.parse(LISTED.read_bytes())
    assert found
    assert found.needed == tuple(line.split("[")[1].rstrip("]") for line in listing.splitlines() if "(NEEDED)" in line)


@pytest.mark.parametrize("at", [4, 5, 18])
def test_a_program_of_another_kind_is_an_error(at: int) -> None:
    other = bytearray(LISTED.read_bytes())
    other[at] = 3
    with pytest.raises(ValueError, match=r"^not "):
        elf.parse(bytes(other))


@given(some.integers(5, 4000), some.binary(max_size=200))
def test_a_damaged_program_is_an_error_of_its_own(at: int, damage: bytes) -> None:
    data = LISTED.read_bytes()
    with suppress(ValueError):
        elf.parse(data[:at] + damage)
