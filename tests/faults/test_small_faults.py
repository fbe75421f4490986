"""Faults of the table that no other test tries."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dlws.config import ranges
from dlws.parse.accelerators import nvidia_smi
from dlws.record.answer import CommandTimedOut
from dlws.remote.host import Host
from dlws.remote.local import open_local, open_process
from dlws.verdict import Unknown

ROOT = Path(__file__).parents[2]
FAR = """\
import subprocess, sys, threading, time
inner = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
def carry(source, target):
    while data := source.read(65536):
        time.sleep(0.15)
        target.write(data)
        target.flush()
    target.close()
threading.Thread(target=carry, args=(open(0, "rb", buffering=0), inner.stdin), daemon=True).start()
carry(inner.stdout, open(1, "wb", buffering=0))
"""
"""A program in front of another one that delays what goes to and fro by 150 ms each way."""
CARDS = [
    f"{n}, Tesla V100-SXM2-32GB, GPU-{n}c8b2f4e-0c1d-9f0a-4b3e-6a7d1f2e3c4b, 032, 440.33.01, 00000000:1{n}:00.0, 32510"
    for n in range(8)
]


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with closing(open_local()) as connection:
        yield Host(connection)


def test_output_that_drips_does_not_move_the_deadline(host: Host) -> None:
    with pytest.raises(CommandTimedOut):
        host.read(
            "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do printf x; sleep 1; done", deadline=0.5
        )


def test_a_far_host_is_slow_and_not_unknown(tmp_path: Path) -> None:
    far = tmp_path / "far.py"
    far.write_text(FAR)
    with closing(open_process("atlas01", [sys.executable, str(far)]).connect()) as connection:
        assert Host(connection).read("echo here") == "here"
        assert [answer.text for answer in connection.ask(["echo 1", "echo 2"], deadline=5)] == ["1\n", "2\n"]


def test_a_command_that_the_kernel_kills_is_unknown(host: Host) -> None:
    with pytest.raises(Unknown, match=r"137|-9|SIGKILL"):
        host.read("echo half; kill -9 $$")


def test_lines_that_end_in_crlf_are_lines(host: Host) -> None:
    assert host.lines(r"printf 'a\r\nb\r\n'") == ["a", "b"]


def test_cards_in_another_order_are_the_same_cards() -> None:
    there, back = (nvidia_smi.gpus("\n".join(rows) + "\n") for rows in (CARDS, CARDS[::-1]))
    assert {card.index: card for card in there} == {card.index: card for card in back}


def test_a_range_with_host_bits_is_its_network() -> None:
    assert str(ranges.network("10.3.0.1/16")) == "10.3.0.0/16"


def test_no_deadline_goes_by_a_clock_that_can_be_set() -> None:
    """Also in the programs that are sent to hosts."""
    files = [path for folder in ("dlws", "checks", "fixtures", "install") for path in (ROOT / folder).rglob("*.py")]
    asking = {str(path.relative_to(ROOT)) for path in files if "time.time()" in path.read_text("utf-8")}
    assert asking == {"dlws/remote/connection.py"}  # compares a host's clock with ours
