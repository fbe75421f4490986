"""The known_hosts file of a cluster: pinned once, strict from then on, a pin for each machine, safe among processes."""

from __future__ import annotations

import base64
import fcntl
import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest

from dlws.inventory import Arch, Device, Node, Origin, Role
from dlws.record.answer import HostKeyChanged, Unreachable
from dlws.remote import hostkeys
from dlws.remote.hostkeys import HostKey, HostKeys, Remark

ATLAS01 = Node("atlas01", "192.168.3.10", "lab", Role.WORKER, Arch.AMD64, Device.CPU, Origin.MACHINES)
ATLAS02 = replace(ATLAS01, name="atlas02", address="192.168.3.11")
ONE, TWO = HostKey("ssh-ed25519", b"one"), HostKey("ssh-ed25519", b"two")


@pytest.fixture
def keys(tmp_path: Path) -> HostKeys:
    return HostKeys(tmp_path / "known_hosts")


def pin(path: Path, number: int) -> bool:
    try:
        HostKeys(path).pin(ATLAS01, HostKey("ssh-ed25519", f"key {number}".encode()))
    except HostKeyChanged:
        return False
    return True


def line(node: Node, key: HostKey) -> str:
    return f"{node.address} {key.kind} {base64.b64encode(key.blob).decode()} {node.name}"


def test_only_one_of_many_processes_pins(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    with multiprocessing.get_context("fork").Pool(4) as pool:
        pinned = pool.starmap(pin, [(path, number) for number in range(20)])
    assert pinned.count(True) == 1
    assert len(path.read_text().splitlines()) == 1


def test_a_stopped_process_keeps_the_file_locked_for_no_run(keys: HostKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostkeys, "LOCK_PATIENCE", 0.1)
    with keys.path.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Unreachable, match=r"known_hosts: another process has kept it locked for 0\.1 s"):
            keys.pin(ATLAS01, ONE)
    keys.pin(ATLAS01, ONE)


def test_the_same_key_passes_and_another_does_not(keys: HostKeys) -> None:
    keys.pin(ATLAS01, ONE)
    keys.check(ATLAS01, ONE)
    with pytest.raises(
        HostKeyChanged, match=r"atlas01: host key changed.*known_hosts, line 1.*Nothing secret was sent"
    ):
        keys.check(ATLAS01, TWO)


def test_a_key_that_is_anothers_tells_of_swapped_addresses(keys: HostKeys) -> None:
    keys.pin(ATLAS01, ONE)
    keys.pin(ATLAS02, TWO)
    with pytest.raises(HostKeyChanged, match=r"the key of atlas02: have they swapped their addresses\?"):
        keys.check(ATLAS01, TWO)


@pytest.mark.parametrize("where", [{"address": "192.168.3.66"}, {"ssh_port": 2222}], ids=["address", "port"])
def test_a_machine_that_moves_takes_its_pin_along(keys: HostKeys, where: dict[str, object]) -> None:
    keys.pin(ATLAS01, ONE)
    moved = replace(ATLAS01, **where)  # type: ignore[arg-type]
    with pytest.raises(HostKeyChanged, match=r"pinned is ssh-ed25519 .* at 192\.168\.3\.10: has it moved\?"):
        keys.check(moved, TWO)
    keys.pin(moved, ONE)
    assert [pin.name for pin in keys.pins(moved)] == ["atlas01", "atlas01"]


def test_an_address_that_was_pinned_by_hand_is_held_to(keys: HostKeys) -> None:
    keys.path.write_text(line(ATLAS01, ONE).removesuffix(" atlas01") + "\n")
    keys.check(ATLAS01, ONE)
    with pytest.raises(HostKeyChanged, match="host key changed"):
        keys.check(ATLAS01, TWO)


def test_a_file_of_an_older_suite_is_read_and_names_count(keys: HostKeys) -> None:
    keys.path.write_text(line(ATLAS01, ONE) + "\n")
    with pytest.raises(HostKeyChanged, match="has it moved"):
        keys.check(replace(ATLAS01, address="192.168.3.66"), TWO)
    assert keys.why_no_password(ATLAS01, ONE) == ""


@pytest.mark.parametrize("name", ["atlas01", "atlas01.lab", "Atlas01", "[atlas01]:2222", "other,[atlas01.lab]:2222"])
def test_a_name_in_the_place_of_an_address_counts_too(keys: HostKeys, name: str) -> None:
    keys.path.write_text(line(ATLAS01, ONE).replace("192.168.3.10", name).removesuffix(" atlas01") + "\n")
    with pytest.raises(HostKeyChanged, match="has it moved"):
        keys.check(ATLAS01, TWO)


def test_a_pin_after_a_line_without_an_end_has_its_own_line(keys: HostKeys) -> None:
    keys.path.write_text(line(ATLAS01, ONE))
    keys.pin(ATLAS02, TWO)
    assert [pin.key for pin in keys.pins(ATLAS02)] == [TWO]
    assert keys.path.read_text() == f"{line(ATLAS01, ONE)}\n{line(ATLAS02, TWO)}\n"
    with pytest.raises(HostKeyChanged):
        keys.check(ATLAS02, ONE)


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "|1|abc|def ssh-ed25519 AAAA",
        "host ssh-ed25519 !!!",
        f"{line(ATLAS01, ONE)}{line(ATLAS02, TWO)}",
        f"{line(ATLAS01, ONE)} and more",
        line(ATLAS01, ONE).replace("192.168.3.10", "192.168.3.*"),
        line(ATLAS01, ONE).replace("192.168.3.10", "!192.168.3.9,192.168.3.1?"),
    ],
    ids=["one word", "hashed", "no base64", "two lines glued", "five words", "pattern", "negated"],
)
def test_a_file_that_makes_no_sense_stops_the_host(keys: HostKeys, text: str) -> None:
    keys.path.write_text(f"# ours\n{text}\n")
    with pytest.raises(Unreachable, match="known_hosts, line 2: not a host key"):
        keys.check(ATLAS01, ONE)


def test_a_password_needs_a_key_that_somebody_confirmed(tmp_path: Path, keys: HostKeys) -> None:
    assert "dlws host-keys --pin" in keys.why_no_password(ATLAS01, ONE)
    confirmed = HostKeys(tmp_path / "other", {"atlas01": ONE.fingerprint})
    assert confirmed.why_no_password(ATLAS01, ONE) == ""
    with pytest.raises(HostKeyChanged, match=r"not the confirmed host key: 192.168.3.10 shows ssh-ed25519 SHA256:"):
        confirmed.check(ATLAS01, TWO)


def test_a_key_that_was_accepted_unseen_confirms_nothing(keys: HostKeys) -> None:
    keys.pin(ATLAS01, ONE, Remark.FIRST_CONTACT)
    assert keys.voucher(ATLAS01, ONE) == ""
    assert "nobody has confirmed" in keys.why_no_password(ATLAS01, ONE)
    assert HostKeys(keys.path, {"atlas01": ONE.fingerprint}).voucher(ATLAS01, ONE) == "suite.host_keys"


@pytest.mark.parametrize("edit", ["{} ", "  {}", "{}\r"], ids=["space after", "space before", "CR LF"])
def test_white_space_around_a_remark_confirms_nothing(keys: HostKeys, edit: str) -> None:
    keys.pin(ATLAS01, ONE, Remark.FIRST_CONTACT)
    keys.path.write_text("".join(edit.format(row) + "\n" for row in keys.path.read_text().splitlines()))
    assert keys.voucher(ATLAS01, ONE) == ""


@pytest.mark.parametrize("cut", [" SHA256", ": atlas01"])
def test_a_remark_that_was_cut_confirms_nothing(keys: HostKeys, cut: str) -> None:
    keys.pin(ATLAS01, ONE, Remark.FIRST_CONTACT)
    pinned, remark = keys.path.read_text().splitlines()
    keys.path.write_text(f"{pinned}\n{remark.partition(cut)[0]}\n")
    with pytest.raises(Unreachable, match="known_hosts, line 2: not a remark"):
        keys.why_no_password(ATLAS01, ONE)


def test_a_key_login_ends_the_passwords_of_that_machine_alone(keys: HostKeys) -> None:
    for clone in (ATLAS01, ATLAS02):
        keys.pin(clone, ONE)
    keys.pin(ATLAS01, ONE, Remark.KEY_LOGIN)
    assert "has accepted an SSH key since 20" in keys.why_no_password(ATLAS01, ONE)
    assert keys.why_no_password(ATLAS02, ONE) == ""


def test_a_renamed_machine_keeps_what_is_known_of_it(keys: HostKeys) -> None:
    keys.pin(ATLAS01, ONE, Remark.FIRST_CONTACT, Remark.KEY_LOGIN)
    renamed = replace(ATLAS01, name="atlas09")
    for _ in range(2):
        assert "has accepted an SSH key" in keys.why_no_password(renamed, ONE)
        assert keys.voucher(renamed, ONE) == ""
        keys.pin(renamed, ONE)


def test_a_key_is_described_with_who_confirmed_it(keys: HostKeys) -> None:
    assert keys.described(ATLAS01) == "not known before this run"
    keys.pin(ATLAS01, ONE, Remark.FIRST_CONTACT)
    assert keys.described(ATLAS01) == f"{ONE}, accepted unseen"
    keys.pin(ATLAS01, ONE, Remark.CONFIRMED)
    assert keys.described(ATLAS01) == f"{ONE}, confirmed: known_hosts"
    named = HostKeys(keys.path, {"atlas02": TWO.fingerprint})
    assert named.described(ATLAS02) == f"{TWO.fingerprint}, confirmed: suite.host_keys"


def test_a_host_is_looked_up_without_a_look_at_each_line(keys: HostKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [replace(ATLAS01, name=f"n{n}", address=f"10.1.0.{n}") for n in range(100)]
    keys.path.write_text("".join(f"{line(node, ONE)}\n" for node in nodes))
    looked: list[str] = []
    monkeypatch.setattr(hostkeys.Pin, "names", property(lambda pin: looked.append(pin.name) or [pin.name]))
    for node in nodes:
        assert [pin.name for pin in keys.pins(node)] == [node.name]
        keys.check(node, ONE)
    assert len(looked) == 100


def test_pins_are_in_the_order_of_their_lines(keys: HostKeys) -> None:
    lines = [line(replace(ATLAS01, name="atlas01.lab"), TWO), line(ATLAS01, ONE), f"{ATLAS01.address} ssh-rsa AAAA"]
    keys.path.write_text("\n".join(lines))
    assert [pin.line for pin in keys.pins(ATLAS01)] == [1, 2]
    assert [pin.line for pin in keys.pins(replace(ATLAS01, name="new"))] == [1, 2, 3]
