"""What a host's tools say in each of their forms, and lines that are cut off or have more in them."""

from __future__ import annotations

import base64

import pytest

from dlws.parse.host import accounts, apt_locks, apt_policy, authorized_keys, boot, dkms, dpkg, ipmi
from dlws.verdict import Unparsable


@pytest.mark.parametrize(
    ("word", "state"), [("L", "locked"), ("LK", "locked"), ("P", "usable"), ("PS", "usable"), ("NP", "none")]
)
def test_the_state_of_a_password_by_distribution(word: str, state: str) -> None:
    assert accounts.password(f"dlwsadmin {word} 2026-11-24 0 99999 7 -1\n") == state


def test_a_group_has_a_name_and_need_not_have_a_password() -> None:
    assert accounts.group("docker::998:\n")[0].name == "docker"
    with pytest.raises(Unparsable, match="not a group line"):
        accounts.group(":x:998:\n")


# As fs/locks.c of Linux 4.15 to 6.1 writes them; a lock on a file that is gone has no inode.
HELD = """\
1: LEASE  ACTIVE    READ 812 fe:00:402111 0 EOF
2: DELEG  ACTIVE    READ 813 fe:00:402112 0 EOF
3: ACCESS ADVISORY  WRITE 814 fe:00:402113 100 199
4: POSIX  ADVISORY  WRITE 815 <none>:0 0 EOF
"""
FILES = """\
402111 /var/lib/dpkg/lock
402112 /var/lib/dpkg/lock-frontend
402113 /var/lib/apt/lists/lock
402114 /var/cache/apt/archives/lock
"""


def test_a_lock_of_any_kind_is_one() -> None:
    held = apt_locks.holders(HELD, FILES)
    assert held == dict(zip(apt_locks.LOCK_FILES, [(812,), (813,), (814,), ()], strict=True))


def test_a_path_may_have_blanks() -> None:
    assert apt_locks.holders("", "7 /var/lib/a lock\n") == {"/var/lib/a lock": ()}


@pytest.mark.parametrize("lock", ["1: POSIX  ADVISORY  WRITE 906 fe:00:402117 0 EOF x\n", "1: FLOCK\n"])
def test_a_lock_with_a_doubt_is_unknown(lock: str) -> None:
    with pytest.raises(Unparsable, match="/proc/locks"):
        apt_locks.holders(lock, FILES)


POLICY = """\
curl:
  Installed: 7.88.1-10
  Candidate: 7.88.1-10
  Version table:
 *** 7.88.1-10 100
        100 /var/lib/dpkg/status
            release a=now
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (POLICY.partition("\n")[2], ""),
        ("curl:", "curl: old"),
        ("curl:", "c:"),
        ("Candidate: 7.88.1-10", "Candidate: 7.88.1-10 7.99"),
        ("Installed: 7.88.1-10", "Installed: 7.88.1-10 7.99"),
        ("  Installed: 7.88.1-10\n", "  Origin: x\n"),
        ("  Candidate: 7.88.1-10\n", "  Origin: x\n"),
        ("7.88.1-10 100\n", "7.88.1-10 100x\n"),
        ("100 /var", "x /var"),
    ],
)
def test_a_policy_with_a_doubt_is_unknown(old: str, new: str) -> None:
    assert apt_policy.parse(POLICY)["curl"].versions == ("7.88.1-10",)
    with pytest.raises(Unparsable, match="apt-cache policy"):
        apt_policy.parse(POLICY.replace(old, new, 1))


def key(kind: str, *fields: bytes, rest: bytes = b"") -> str:
    parts = [len(part).to_bytes(4, "big") + part for part in (kind.encode(), *fields)]
    return f"{kind} {base64.b64encode(b''.join(parts) + rest).decode()}"


CERTIFICATE = "ssh-ed25519-cert-v01@openssh.com"


@pytest.mark.parametrize(
    "line",
    [
        key("ssh-ed25519", b"k" * 32),
        key("sk-ssh-ed25519@openssh.com", b"k" * 32, b""),
        key(CERTIFICATE, b"k" * 32, rest=b"\0\0\0"),
        f"  {key('ecdsa-sha2-nistp256', b'k')} a comment",
    ],
)
def test_a_key_is_whole(line: str) -> None:
    assert [found.type for found in authorized_keys.parse(f"  # keys\n{line}\n")] == [line.split()[0]]


@pytest.mark.parametrize(
    "line",
    [
        key("ssh-ed25519"),
        key("ssh-ed25519", b"k" * 32, rest=b"\0\0\0"),
        key("ssh-rsa", b"k") + "!",
        key("ssh-rsa", b"k") + "==",
    ],
)
def test_a_key_that_ends_elsewhere_is_unknown(line: str) -> None:
    with pytest.raises(Unparsable):
        authorized_keys.parse(f"{line}\n")


@pytest.mark.parametrize(
    ("text", "then"), [("", "k\n"), ("a\n", "a\nk\n"), ("a", "a\nk\n"), ("k\na\n", "k\na\n"), ("kk\n", "kk\nk\n")]
)
def test_a_key_is_added_once_on_a_line_of_its_own(text: str, then: str) -> None:
    assert authorized_keys.with_line(text, "k") == then


def stat(fields: int, start: str = "1 (init)") -> str:
    return " ".join([start, "S", *(str(number) for number in range(4, fields + 3))]) + "\n"


def test_a_process_began_at_field_22() -> None:
    assert boot.starttime(stat(40)) == 22
    for odd in (stat(39), stat(50, "x 1 (init)"), stat(50, "(init)"), stat(50, "1 init")):
        with pytest.raises(Unparsable):
            boot.starttime(odd)


def test_a_boot_id_has_nothing_behind_it() -> None:
    with pytest.raises(Unparsable, match="boot_id"):
        boot.parse("09be6d31-69bb-49fe-b7a2-7c05814d5868-1\n", stat(50))


BUILT = "nvidia/390.77, 4.15.0-29-generic, x86_64: installed\n"
GONE = "Error! Could not locate dkms.conf file.\nFile: /var/lib/dkms/nvidia/390.48/source/dkms.conf does not exist{}\n"


@pytest.mark.parametrize(
    "noise", ["Deprecated feature: X", "Sign command: /usr/bin/kmodsign", "Binary update-secureboot"]
)
def test_what_dkms_says_besides_is_no_module(noise: str) -> None:
    assert dkms.status(f"{noise}\n{BUILT}") == dkms.status(BUILT)


@pytest.mark.parametrize("end", [".", ""])
def test_a_module_without_sources_is_broken(end: str) -> None:
    assert [build.state for build in dkms.status(GONE.format(end))] == [dkms.BROKEN]


def test_dkms_3_says_twice_that_sources_are_gone() -> None:
    said = "nvidia/390.48: Missing the module source directory or the symbolic link pointing to it."
    text = f"nvidia/390.48: broken\n\nError! {said}\nManual intervention is required!\n{BUILT}"
    rows = [(build.module, build.version, build.state) for build in dkms.status(text)]
    assert rows == [*[("nvidia", "390.48", "broken")] * 2, ("nvidia", "390.77", "installed")]


@pytest.mark.parametrize("text", [BUILT[:-1] + " x\n", GONE.format(", or does"), BUILT.replace("nvidia/", "/")])
def test_a_row_of_dkms_with_a_doubt_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        dkms.status(text)


def test_a_package_row_with_more_in_it_is_unknown() -> None:
    with pytest.raises(Unparsable):
        dpkg.packages("sudo\t1.9\tii x\n")
    with pytest.raises(Unparsable):
        dpkg.holds("kubeadm!\n")


def sensor(status: str, state: str = "120 RPM", entity: str = "7.1") -> str:
    return f"Fan2             | 31h | {status:<3} | {entity} | {state}\n"


@pytest.mark.parametrize(("words", "is_severe"), [("cr nr lcr ucr lnr unr", True), ("ok nc lnc unc ns cre", False)])
def test_a_sensor_beyond_its_critical_threshold_is_in_alarm(words: str, is_severe: bool) -> None:
    assert {bool(ipmi.faults(sensor(word))) for word in words.split()} == {is_severe}


@pytest.mark.parametrize(
    "state",
    [
        "Install Error",
        "Redundancy Lost",
        "FRB1/BIST failure",
        "Power Supply AC lost",
        "Parity",
        "Rebuild Aborted",
        "No usable system memory",
        "PCI PERR",
        "FRU Failure",
        "Low",
        "At or Above Upper Critical Threshold",
        "At or Above Upper Non-recoverable Threshold",
        "At or Below Lower Critical Threshold",
        "At or Below Lower Non-recoverable Threshold",
    ],
)
def test_a_state_of_each_type_of_sensor_is_a_fault(state: str) -> None:
    assert ipmi.faults(sensor("ok", state, entity="")) == (f"Fan2: {state}",)


def test_a_sensor_has_a_status_and_messages_are_none() -> None:
    assert ipmi.faults("Error reading sensor Fan3 (#32)\n" + sensor("ok")) == ()
    with pytest.raises(Unparsable):
        ipmi.faults(sensor(""))
