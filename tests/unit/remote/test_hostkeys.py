"""The known_hosts file of a cluster: pinned once, strict from then on, safe among processes."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from dlws.record.answer import HostKeyChanged, Unreachable
from dlws.remote.hostkeys import HostKeys


def pin(path: Path, number: int) -> bool:
    try:
        HostKeys(path).check("192.168.3.10", 22, "ssh-ed25519", f"key {number}".encode(), "atlas01")
    except HostKeyChanged:
        return False
    return True


def test_only_one_of_many_processes_pins(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pinned = pool.starmap(pin, [(path, number) for number in range(20)])
    assert pinned.count(True) == 1
    assert len(path.read_text().splitlines()) == 1


def test_the_same_key_passes_and_another_does_not(tmp_path: Path) -> None:
    keys = HostKeys(tmp_path / "known_hosts")
    keys.check("192.168.3.10", 22, "ssh-ed25519", b"one", "atlas01")
    keys.check("192.168.3.10", 22, "ssh-ed25519", b"one", "atlas01")
    with pytest.raises(
        HostKeyChanged, match=r"atlas01: host key changed.*known_hosts, line 1.*Nothing secret was sent"
    ):
        keys.check("192.168.3.10", 22, "ssh-ed25519", b"two", "atlas01")


def test_a_key_that_is_anothers_tells_of_swapped_addresses(tmp_path: Path) -> None:
    keys = HostKeys(tmp_path / "known_hosts")
    keys.check("192.168.3.10", 22, "ssh-ed25519", b"one", "atlas01")
    keys.check("192.168.3.11", 22, "ssh-ed25519", b"two", "atlas02")
    with pytest.raises(HostKeyChanged, match=r"the key of 192\.168\.3\.11: have they swapped their addresses\?"):
        keys.check("192.168.3.10", 22, "ssh-ed25519", b"two", "atlas01")


def test_each_port_is_a_host_of_its_own(tmp_path: Path) -> None:
    keys = HostKeys(tmp_path / "known_hosts")
    keys.check("192.168.3.10", 22, "ssh-ed25519", b"one", "atlas01")
    keys.check("192.168.3.10", 2222, "ssh-ed25519", b"two", "atlas01")
    assert set(keys.fingerprints()) == {"192.168.3.10", "[192.168.3.10]:2222"}


@pytest.mark.parametrize("line", ["nonsense", "|1|abc|def ssh-ed25519 AAAA", "host ssh-ed25519 !!!"])
def test_a_file_that_makes_no_sense_stops_the_host(tmp_path: Path, line: str) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"# ours\n{line}\n")
    with pytest.raises(Unreachable, match="known_hosts, line 2: not a host key"):
        HostKeys(path).check("192.168.3.10", 22, "ssh-ed25519", b"one", "atlas01")
