"""testinfra's modules and the facts of `Host`, on a real connection to this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import testinfra
import testinfra.host

from dlws.inventory import Arch, Device, Node, Origin, Role
from dlws.record.answer import CommandTimedOut, LinkLost, OutputTruncated
from dlws.remote.host import Host
from dlws.remote.local import open_local
from dlws.verdict import Unknown

NODE = Node("atlas01", "192.168.3.10", "lab", Role.WORKER, Arch.ARM64, Device.NPU, Origin.MACHINES)


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    connection = open_local()
    yield Host(connection, NODE)
    connection.close()


def test_a_host_knows_its_row(host: Host) -> None:
    assert (host.name, host.node.kind) == ("control", "npu-arm64")
    with pytest.raises(Unknown, match="control is not in the inventory"):
        _ = Host(host.connection).node


def test_modules_of_testinfra_work_unchanged(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "a 'b' $(c)"
    file.write_text("swap on\n")
    file.chmod(0o640)
    assert host.file(str(file)).mode == 0o640
    assert host.file(str(file)).contains("^swap")
    assert host.file(str(file)).content_string == "swap on\n"
    assert not host.file(str(tmp_path / "none")).exists
    assert host.user("root").uid == 0
    assert host.group("root").gid == 0
    assert host.system_info.type == "linux"
    assert host.sysctl("kernel.pid_max") > 1000
    assert host.mount_point("/proc").filesystem == "proc"
    assert host.process.filter(pid=os.getpid())[0].ppid == os.getppid()
    assert host.interface("lo").exists
    assert host.package("coreutils").is_installed
    assert host.check_output("echo %s", "a b") == "a b"
    assert host.exists("sh")


def test_testinfra_finds_the_backend_by_name(host: Host) -> None:
    found = testinfra.get_host("dlws://control", over=host.connection)
    assert found.backend.NAME == "dlws"
    assert found.run("exit 3").rc == 3


def test_bytes_that_are_not_utf8_are_no_crash(host: Host) -> None:
    result = host.run(r"printf '\326\320\377'; printf '\326' >&2")
    assert (result.stdout, result.stderr, result.stdout_bytes) == ("\\xd6\\xd0\\xff", "\\xd6", b"\xd6\xd0\xff")
    assert host.run("echo %s", "中文").stdout == "中文\n"


def test_read_gives_the_text(host: Host) -> None:
    assert host.read("printf 'a\\n\\nb\\n'") == "a\n\nb"
    assert host.lines("printf 'a\\n\\n b\\n'") == ["a", " b"]
    assert host.read("echo %s %s", "$(id)", 5) == "$(id) 5"


def test_a_fact_is_read_as_the_user_of_sudo(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.backend, "get_sudo_command", lambda command, user: f"echo {user}; {command}")
    with host.sudo("nobody"):
        assert host.read("echo %s", "100%") == "nobody\n100%"
    assert host.read("echo %s", "100%") == "100%"


def test_another_thread_of_the_run_is_not_that_user(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.backend, "get_sudo_command", lambda command, user: f"echo {user}; {command}")
    with host.sudo("nobody"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(host.read, "echo %s", "100%").result() == "100%"


def test_a_host_reaches_testinfras_other_backends(host: Host) -> None:
    testinfra.host.Host._host_cache.clear()
    testinfra.host.Host._hosts_cache.clear()
    assert host.get_host("local://").check_output("echo %s", "here") == "here"
    assert [found.run("exit 4").rc for found in host.get_hosts(["local://"])] == [4]


def test_what_cannot_be_known_is_unknown(host: Host) -> None:
    with pytest.raises(Unknown, match=r"control: tool missing: npu-smi-none info: .*not found"):
        host.read("npu-smi-none info")
    with pytest.raises(Unknown, match="control: exit status 4: echo partial; echo why >&2; exit 4: why"):
        host.read("echo partial; echo why >&2; exit 4")
    with pytest.raises(OutputTruncated, match="control: output cut off after 10 bytes: yes"):
        host.read("yes | head -100", cap=10)
    with pytest.raises(CommandTimedOut, match=r"control: stopped after 0\.2 s: sleep 9"):
        host.read("sleep 9", deadline=0.2)


def test_an_unexpected_exit_status_is_unknown_in_testinfra_too(host: Host) -> None:
    assert host.run_expect([0, 3], "exit 3").rc == 3
    assert host.check_output("echo %s", "a b") == "a b"
    with pytest.raises(Unknown, match="control: exit status 4: exit 4: nothing on stderr"):
        host.run_expect([0, 3], "exit 4")
    with pytest.raises(Unknown, match="control: tool missing: npu-smi-none 'a b'"):
        host.run_test("npu-smi-none %s", "a b")
    with pytest.raises(Unknown, match="control: exit status 1: false"):
        host.check_output("false")


def test_run_keeps_its_meaning_but_never_lies(host: Host) -> None:
    assert host.run("exit 127").rc == 127
    with pytest.raises(CommandTimedOut):
        host.run("sleep 9", deadline=0.2)
    with pytest.raises(OutputTruncated):
        host.run("head -c 2000000 /dev/zero")
    with pytest.raises(LinkLost):
        host.run("kill -9 $PPID; sleep 5")  # asked again once, and lost again
