"""testinfra's modules over our questions: what they say of a host, and that what cannot be known is never a result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dlws.parse.host import dpkg
from dlws.remote.host import Host
from dlws.verdict import Unknown
from tests.kits.scripted import Scripted

UNIT = "LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n"
ABSENT = "LoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\n"
FILE = "type=regular file\tmode=640\tuser=root\tgroup=shadow\tuid=0\tgid=42\n"
GONE = (1, "", "stat: cannot statx '/x': No such file or directory")
MOUNTS = (
    "/dev/sda1 / ext4 rw,relatime 0 0\n"
    "/dev/sdb1 /mnt\\040a ext4 rw 0 0\n"
    "atlas01:/export /mnt\\040a nfs4 ro,vers=4.2 0 0\n"
)
ADDRESSES = (
    "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n"
    "2: eth0    inet 192.168.3.2/24 brd 192.168.3.255 scope global eth0\\  valid_lft forever preferred_lft forever\n"
)
LISTENING = "LISTEN 0 128 192.168.3.2:6443 0.0.0.0:*\nLISTEN 0 128 [::1]:6443 [::]:*\n"


def host(command: str, out: str = "", rc: int = 0, err: str = "") -> Host:
    return Host(Scripted("a1", {command: (rc, out, err)}))


@pytest.mark.parametrize(
    ("out", "facts"),
    [
        (UNIT, (True, True, True, False)),
        (ABSENT, (False, False, False, False)),
        (UNIT.replace("=enabled", "=enabled-runtime"), (True, True, False, False)),
        (UNIT.replace("=enabled", "=static"), (True, True, False, False)),
        (UNIT.replace("=enabled", "=generated"), (True, True, False, False)),
        (ABSENT.replace("not-found", "masked").replace("State=\n", "State=masked\n"), (True, False, False, True)),
        (UNIT.replace("=active", "=activating"), (True, False, True, False)),
        (UNIT.replace("=active", "=reloading"), (True, True, True, False)),
    ],
)
def test_a_service(out: str, facts: tuple[bool, ...]) -> None:
    unit = host("systemctl show docker", out).service("docker")
    assert (unit.exists, unit.is_running, unit.is_enabled, unit.is_masked) == facts


def test_one_look_at_a_service_is_one_question() -> None:
    connection = Scripted("a1", {"systemctl show docker": (0, UNIT, "")})
    unit = Host(connection).service("docker")
    assert [unit.active_state, unit.sub_state, unit.unit_file_state] == ["active", "running", "enabled"]
    assert len(connection.asked) == 1


def test_a_new_object_is_a_new_look() -> None:
    connection = Scripted("a1", {"systemctl show docker": (0, UNIT, "")})
    unit = Host(connection).service("docker")
    assert unit.is_running
    connection.script = {"systemctl show docker": (0, UNIT.replace("=active", "=failed"), "")}
    assert unit.is_running
    assert not Host(connection).service("docker").is_running


def test_a_property_that_systemctl_left_out_is_unknown() -> None:
    unit = host("systemctl show docker", "ActiveState=active\n").service("docker")
    assert unit.is_running
    with pytest.raises(Unknown, match="no UnitFileState of docker"):
        _ = unit.is_enabled


def test_a_file() -> None:
    file = host("stat -L -c", FILE).file("/etc/shadow")
    assert (file.exists, file.is_file, file.is_directory, file.kind) == (True, True, False, "regular file")
    assert (file.mode, file.user, file.group, file.uid, file.gid) == (0o640, "root", "shadow", 0, 42)


def test_a_file_that_does_not_exist_has_no_mode() -> None:
    connection = Scripted("a1", {"stat -L -c": GONE})
    file = Host(connection).file("/x")
    assert (file.exists, file.is_file, file.kind) == (False, False, "nothing")
    with pytest.raises(Unknown, match="/x: no such file"):
        _ = file.mode


def test_a_file_behind_a_closed_folder_is_unknown() -> None:
    file = host("stat -L -c", rc=1, err="stat: cannot statx '/x/y': Permission denied").file("/x/y")
    with pytest.raises(Unknown, match="Permission denied"):
        _ = file.exists


def test_a_file_with_two_modes_is_unknown() -> None:
    with pytest.raises(Unknown, match="stat"):
        assert not host("stat", "mode=755\tmode=777\n").file("/etc/x").exists


def test_a_package() -> None:
    package = host("dpkg-query", "kubelet\t1.20.2-00\thi \n").package("kubelet")
    assert (package.is_installed, package.version) == (True, "1.20.2-00")


@pytest.mark.parametrize("row", ["kubelet\t1.20.2-00\trc \n", "kubelet\t1.20.2-00\tiU \n", "kubelet\t1.20.2-00\tiiR\n"])
def test_a_package_that_is_not_whole_is_not_installed(row: str) -> None:
    package = host("dpkg-query", row).package("kubelet")
    assert not package.is_installed
    with pytest.raises(Unknown, match="kubelet is not installed"):
        _ = package.version


def test_a_package_unknown_to_dpkg_is_not_installed() -> None:
    unheard_of = "dpkg-query: no packages found matching zsh"
    assert not host("dpkg-query", rc=1, err=unheard_of).package("zsh").is_installed
    assert dpkg.QUERY.startswith("dpkg-query -W")


def test_of_several_mounts_on_a_point_the_last_counts() -> None:
    mount = host("cat /proc/mounts", MOUNTS).mount_point("/mnt a")
    assert (mount.exists, mount.filesystem, mount.device, mount.is_nfs) == (True, "nfs4", "atlas01:/export", True)
    assert (mount.options, mount.is_writable) == (["ro", "vers=4.2"], False)


def test_an_empty_mount_point_has_nothing_on_it() -> None:
    nothing = host("cat /proc/mounts", MOUNTS).mount_point("/data")
    assert (nothing.exists, nothing.is_nfs, nothing.is_writable) == (False, False, False)


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "fuse.nfs"])
def test_a_share_is_one_whatever_client_mounted_it(kind: str) -> None:
    mount = host("cat /proc/mounts", f"192.168.3.2:/e /m {kind} rw 0 0\n").mount_point("/m")
    assert (mount.is_nfs, mount.is_writable) == (True, True)


def test_a_user() -> None:
    passwd = "admin:x:1001:1001:Room 5:/home/admin:/bin/bash\n"
    script = {"getent passwd": (0, passwd, ""), "id -nG": (0, "admin sudo docker\n", "")}
    user = Host(Scripted("a1", script)).user("admin")
    assert (user.exists, user.uid, user.home, user.shell) == (True, 1001, "/home/admin", "/bin/bash")
    assert user.groups == ["admin", "sudo", "docker"]


def test_a_user_that_does_not_exist() -> None:
    script = {"getent passwd": (2, "", ""), "id -nG": (1, "", "id: 'x': no such user")}
    user = Host(Scripted("a1", script)).user("x")
    assert (user.exists, user.groups) == (False, [])


def test_a_group() -> None:
    group = host("getent group docker", "docker:x:998:admin,ops\n").group("docker")
    assert (group.exists, group.gid, group.members) == (True, 998, ["admin", "ops"])
    assert not host("getent group x", rc=2).group("x").exists


@pytest.mark.parametrize(("text", "value"), [("1\n", 1), ("-1\n", -1), ("32768\t60999\n", "32768\t60999")])
def test_a_kernel_setting(text: str, value: int | str) -> None:
    assert host("cat /proc/sys/net/ipv4/ip_forward", text).sysctl("net.ipv4.ip_forward") == value


@pytest.mark.parametrize(
    ("rows", "spec", "listening"),
    [
        (LISTENING, "tcp://192.168.3.2:6443", True),
        (LISTENING, "tcp://192.168.3.3:6443", False),
        ("LISTEN 0 128 *:6443 *:*\n", "tcp://192.168.3.3:6443", True),
        ("LISTEN 0 128 0.0.0.0:6443 0.0.0.0:*\n", "tcp://192.168.3.3:6443", True),
        (LISTENING, "tcp://6443", True),
        ("", "tcp://6443", False),
        ("", "tcp://192.168.3.2:6443", False),
    ],
)
def test_a_socket(rows: str, spec: str, listening: bool) -> None:
    assert host("ss -Hlnt 'sport = :6443'", rows).socket(spec).is_listening is listening


def test_an_interface() -> None:
    script = {"test -d /sys/class/net/eth0": (0, "", ""), "cat /sys/class/net/eth0/mtu": (0, "1500\n", "")}
    interface = Host(Scripted("a1", script | {"ip -4 -o addr": (0, ADDRESSES, "")})).interface("eth0")
    assert (interface.exists, interface.mtu, interface.addresses) == (True, 1500, ["192.168.3.2"])


QUESTIONS: list[tuple[str, Callable[[Any], Any]]] = [
    ("systemctl show", lambda host: host.service("x").is_running),
    ("stat -L", lambda host: host.file("/x").exists),
    ("dpkg-query", lambda host: host.package("x").is_installed),
    ("cat /proc/mounts", lambda host: host.mount_point("/x").exists),
    ("getent passwd", lambda host: host.user("x").exists),
    ("id -nG", lambda host: host.user("x").groups),
    ("getent group", lambda host: host.group("x").exists),
    ("cat /proc/sys", lambda host: host.sysctl("x")),
    ("ss -Hlnt", lambda host: host.socket("tcp://0.0.0.0:22").is_listening),
    ("cat /sys/class/net/x/mtu", lambda host: host.interface("x").mtu),
    ("ip -4 -o addr", lambda host: host.interface("x").addresses),
]


@pytest.mark.parametrize(("command", "fact"), QUESTIONS)
@pytest.mark.parametrize("answer", [(127, "", "sh: not found"), (126, "", "denied"), (0, "\0", ""), (77, "", "")])
def test_what_cannot_be_known_is_unknown(
    command: str, fact: Callable[[Host], Any], answer: tuple[int, str, str]
) -> None:
    with pytest.raises(Unknown):
        fact(Host(Scripted("a1", {command: answer})))
