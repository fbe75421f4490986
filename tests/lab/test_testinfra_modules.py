"""testinfra's modules over our backend, each held to a truth that does not come through it.

The test lays the truth down with `docker exec` (`inside`), or reads it from the kernel that host and machine share.
"""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import testinfra.modules

from dlws.inventory import Arch, Device, Node, Origin, Role
from dlws.remote.host import Host
from dlws.remote.hostkeys import HostKeys
from dlws.remote.ssh import Login, Secret, open_ssh
from dlws.verdict import Unknown
from lab import daemon, hosts, image, packages
from lab.plan import CACHER_PORT, GATEWAY, HOSTS, PROBE_ARCHIVE, LabHost
from lab.record import lock

pytestmark = pytest.mark.lab

ADDRESS, PASSWORD = "192.168.3.25", "as-good-as-any"
ELSEWHERE = {"ansible", "facter", "podman", "puppet_resource", "salt", "supervisor"}
"""Of tools that no DLWS host has; docs/testinfra.md says which were tried with upstream's own tests."""

Inside = Callable[..., str]


@pytest.fixture(scope="module")
def machine() -> Iterator[LabHost]:
    host = replace(HOSTS["atlas-gpu02"], name="scratch-modules", address=ADDRESS, hostname="scratch")
    with lock():
        daemon.start()
        tag = image.ensure()
        packages.ensure()
        image.ensure_probe(PROBE_ARCHIVE)
    hosts.remove(host)
    hosts.create(host, tag, PASSWORD)
    yield host
    hosts.remove(host)


@pytest.fixture(scope="module")
def host(machine: LabHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    node = Node(machine.name, ADDRESS, "lab", Role.WORKER, Arch.AMD64, Device.GPU, Origin.MACHINES)
    keys = HostKeys(tmp_path_factory.mktemp("keys") / "known_hosts")
    kind, blob, *_ = hosts.execute(machine, "cat /etc/ssh/ssh_host_ed25519_key.pub").split()
    keys.path.write_text(f"{ADDRESS} {kind} {blob} {machine.name}\n")
    connection = open_ssh(node, [Login("root", password=Secret(PASSWORD))], keys)
    yield Host(connection, node)
    connection.close()


@pytest.fixture(scope="module")
def inside(machine: LabHost) -> Inside:
    return lambda script, timeout=60.0: hosts.execute(machine, script, timeout=timeout).rstrip("\n")


@pytest.fixture(scope="module")
def unit(inside: Inside) -> str:
    """A service that sleeps, enabled and running; its name."""
    text = "[Service]\\nExecStart=/bin/sleep 7654\\n[Install]\\nWantedBy=multi-user.target\\n"
    inside(f"printf '{text}' > /etc/systemd/system/probe.service; systemctl enable --now --quiet probe")
    return "probe"


@pytest.fixture(scope="module")
def installed(inside: Inside) -> None:
    install = "apt-get install --yes --quiet --no-install-recommends docker.io python3-pip"
    inside(f"export DEBIAN_FRONTEND=noninteractive; apt-get update; {install}", timeout=900.0)


def test_every_module_is_used_here_or_named() -> None:
    used = set(re.findall(r"\bhost\.([a-z_]+)", Path(__file__).read_text()))
    assert set(testinfra.modules.modules) - used == ELSEWHERE


def test_file_with_an_awkward_name(host: Host, inside: Inside) -> None:
    path, text = "/srv/a 'b' $(c)", "swap on\nß 中\n"
    quoted = "\"/srv/a 'b' \\$(c)\""
    inside(f"printf '{text}' > {quoted}; chown daemon:adm {quoted}; chmod 640 {quoted}; touch -d @1500000000 {quoted}")
    file = host.file(path)
    assert (file.exists, file.is_file, file.is_directory, file.is_executable) == (True, True, False, False)
    assert (file.user, file.uid, file.group, file.gid, file.mode) == ("daemon", 1, "adm", 4, 0o640)
    assert (file.content, file.content_string, file.size) == (text.encode(), text, len(text.encode()))
    assert file.contains("^swap") and not file.contains("^wap")  # noqa: PT018
    assert file.md5sum == hashlib.md5(text.encode()).hexdigest()
    assert file.sha256sum == hashlib.sha256(text.encode()).hexdigest()
    assert file.mtime == datetime.fromtimestamp(1500000000)


def test_file_of_every_kind(host: Host, inside: Inside) -> None:
    inside("mkdir /srv/d; cd /srv/d; touch f; mkfifo p; ln -s f l; ln -s none broken")
    inside("python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"/srv/d/s\")'")
    folder = host.file("/srv/d")
    assert folder.is_directory
    assert folder.listdir() == ["broken", "f", "l", "p", "s"]
    assert host.file("/srv/d/p").is_pipe
    assert host.file("/srv/d/s").is_socket
    assert host.file("/srv/d/l").is_symlink
    assert host.file("/srv/d/l").linked_to == "/srv/d/f"
    assert not host.file("/srv/d/broken").exists


def test_package_installed_absent_and_removed_but_not_purged(host: Host, inside: Inside) -> None:
    assert host.package("openssh-server").version == inside("dpkg-query -W -f '${Version}' openssh-server")
    assert not host.package("zsh").is_installed
    assert host.package("logrotate").is_installed
    inside("dpkg --remove logrotate")
    assert inside("dpkg-query -W -f '${Status}' logrotate") == "deinstall ok config-files"
    assert not host.package("logrotate").is_installed


def test_service_through_its_life(host: Host, inside: Inside, unit: str) -> None:
    service = host.service(unit)
    assert (service.exists, service.is_running, service.is_enabled, service.is_valid) == (True, True, True, True)
    assert service.systemd_properties["ExecMainPID"] == inside("pgrep -x -f '/bin/sleep 7654'")
    inside("systemctl disable --now --quiet probe")
    assert service.is_running  # one look: a new one sees the change
    service = host.service(unit)
    assert (service.is_running, service.is_enabled, service.is_masked) == (False, False, False)
    inside("mv /etc/systemd/system/probe.service /root; systemctl mask --quiet probe")
    assert host.service(unit).is_masked
    inside("systemctl unmask --quiet probe; mv /root/probe.service /etc/systemd/system")
    inside("systemctl daemon-reload; systemctl enable --now --quiet probe")
    service = host.service(unit)
    assert (service.is_running, service.is_enabled, service.is_masked) == (True, True, False)
    assert not host.service("nosuch").exists


def test_user(host: Host, inside: Inside) -> None:
    inside("useradd -u 4321 -g adm -G daemon -d /srv/probe -s /bin/dash -c 'Room 5' probe; chage -m 7 -M 90 probe")
    inside("chage -E 2031-02-03 probe")
    user = host.user("probe")
    assert (user.exists, user.uid, user.gid, user.group) == (True, 4321, 4, "adm")
    assert (sorted(user.groups), sorted(user.gids)) == (["adm", "daemon"], [1, 4])
    assert (user.home, user.shell, user.gecos, user.password) == ("/srv/probe", "/bin/dash", "Room 5", "!")
    assert (user.password_min_days, user.password_max_days) == (7, 90)
    assert user.expiration_date == datetime(2031, 2, 3)
    assert "probe" in user.get_all_users
    assert not host.user("nosuch").exists
    assert host.user().name == "root"


def test_group(host: Host, inside: Inside) -> None:
    inside("groupadd -g 4322 crew; gpasswd -M daemon,sync crew")
    group = host.group("crew")
    assert (group.exists, group.gid, group.members) == (True, 4322, ["daemon", "sync"])
    assert "crew" in group.get_all_groups
    assert not host.group("nosuch").exists


@pytest.mark.parametrize("value", [0, 1])
def test_sysctl_of_the_hosts_own_network(host: Host, inside: Inside, value: int) -> None:
    inside(f"echo {value} > /proc/sys/net/ipv4/ip_forward")
    assert host.sysctl("net.ipv4.ip_forward") == value


def test_sysctl_of_the_shared_kernel(host: Host) -> None:
    assert host.sysctl("kernel.osrelease") == Path("/proc/sys/kernel/osrelease").read_text().strip()
    assert host.sysctl("kernel.hostname") == "scratch"
    with pytest.raises(Unknown, match=r"/proc/sys/net/ipv4/nosuch: No such file"):
        host.sysctl("net.ipv4.nosuch")


def test_mount_point(host: Host, inside: Inside) -> None:
    inside("mkdir /srv/mnt; mount -t tmpfs -o size=1m,noexec,nosuid probe /srv/mnt")
    mount = host.mount_point("/srv/mnt")
    assert (mount.exists, mount.filesystem, mount.device) == (True, "tmpfs", "probe")
    assert {"rw", "noexec", "nosuid", "size=1024k"} <= set(mount.options)
    assert [m.path for m in host.mount_point.get_mountpoints()].count("/srv/mnt") == 1
    inside("umount /srv/mnt")
    assert not host.mount_point("/srv/mnt").exists


def test_process(host: Host, inside: Inside, unit: str) -> None:
    process = host.process.get(args="/bin/sleep 7654")
    assert str(process.pid) == inside("systemctl show --property MainPID --value probe")
    assert (process.comm, process.ppid, process.user, process.euid) == ("sleep", 1, "root", 0)
    assert host.process.get(pid=1).comm == "systemd"
    assert host.process.filter(comm="nosuch") == []
    with pytest.raises(RuntimeError, match="No process found"):
        host.process.get(comm="nosuch")


def test_socket_listens_where_it_is_bound_and_nowhere_else(host: Host, inside: Inside) -> None:
    server = 'import socket,time; s=socket.create_server(("127.0.0.1", 4242)); time.sleep(600)'
    inside(
        f"systemd-run --quiet --unit listener python3 -c '{server}'; until ss -ltn | grep -q :4242; do sleep .1; done"
    )
    assert host.socket("tcp://127.0.0.1:4242").is_listening
    assert not host.socket("tcp://0.0.0.0:4242").is_listening
    assert not host.socket("tcp://4243").is_listening
    assert host.socket("tcp://22").is_listening
    assert host.socket("unix:///run/systemd/private").is_listening
    assert {"tcp://127.0.0.1:4242", "tcp://0.0.0.0:22"} <= set(host.socket.get_listening_sockets())


def test_socket_knows_its_clients(host: Host) -> None:
    with socket.create_connection((ADDRESS, 22)) as client:
        assert client.getsockname() in host.socket("tcp://22").clients
    assert not any(found == client for found in host.socket("tcp://4242").clients)


def test_interface(host: Host, inside: Inside) -> None:
    inside("ip address add 10.9.8.7/32 dev lo")
    assert {"127.0.0.1", "10.9.8.7"} <= set(host.interface("lo").addresses)
    assert ADDRESS in host.interface("eth0", family="inet").addresses
    assert {"lo", "eth0"} <= set(host.interface.names())
    assert host.interface.default().name == "eth0"
    assert host.interface("eth0").link[0]["address"] == inside("cat /sys/class/net/eth0/address")
    assert any(route.get("gateway") == GATEWAY for route in host.interface("eth0").routes())
    assert not host.interface("eth9").exists


def test_addr(host: Host, inside: Inside) -> None:
    inside(f"echo {GATEWAY} gateway.test >> /etc/hosts; ip netns add apart")
    gateway = host.addr("gateway.test")
    assert (gateway.is_resolvable, gateway.ipv4_addresses, gateway.is_reachable) == (True, [GATEWAY], True)
    assert gateway.port(CACHER_PORT).is_reachable
    assert not gateway.port(9).is_reachable
    assert not host.addr("nowhere.test").is_resolvable
    assert not host.addr("192.168.3.250").is_reachable
    assert host.addr(GATEWAY, "apart").namespace_exists
    assert not host.addr(GATEWAY, "apart").is_reachable
    assert not host.addr(GATEWAY, "nosuch").namespace_exists


def test_command(host: Host) -> None:
    ended = host.run("echo %s; echo why >&2; exit 3", "a 'b' $(id)")
    assert (ended.rc, ended.stdout, ended.stderr, ended.failed) == (3, "a 'b' $(id)\n", "why\n", True)
    assert host.check_output("printf %s", "no newline") == "no newline"
    assert host.command("true").succeeded
    assert host.find_command("sshd") == "/usr/sbin/sshd"
    assert not host.exists("nosuch")


def test_system_info(host: Host) -> None:
    info = host.system_info
    assert (info.type, info.distribution, info.release, info.codename) == ("linux", "ubuntu", "18.04", "bionic")
    assert info.arch == "x86_64"


@pytest.fixture
def loop_device(inside: Inside) -> Iterator[str]:
    """A read-only disk of 3 MiB; its path."""
    path = inside("truncate --size 3M /srv/disk; losetup --read-only --find --show /srv/disk")
    yield path
    inside(f"losetup --detach {path}")


def test_block_device(host: Host, inside: Inside, loop_device: str) -> None:
    device = host.block_device(loop_device)
    assert (device.size, device.sector_size) == (3 << 20, 512)
    assert (device.is_writable, device.is_partition) == (False, False)
    assert device.ra == int(inside(f"cat /sys/block/{Path(loop_device).name}/queue/read_ahead_kb")) * 2
    with pytest.raises(RuntimeError, match="No data from"):
        _ = host.block_device("/etc/passwd").size


def test_environment(host: Host) -> None:
    environment = host.environment()
    assert (environment["HOME"], environment["LC_ALL"]) == ("/root", "C.UTF-8")
    assert "/usr/sbin" in environment["PATH"].split(":")


def test_iptables(host: Host, inside: Inside) -> None:
    inside("iptables -A INPUT -p tcp --dport 4444 -j DROP; iptables -P FORWARD DROP")
    assert "-A INPUT -p tcp -m tcp --dport 4444 -j DROP" in host.iptables.rules("filter", "INPUT")
    assert "-P FORWARD DROP" in host.iptables.rules()
    assert "-P FORWARD ACCEPT" in host.iptables.rules(version=6)
    assert not any("4444" in rule for rule in host.iptables.rules("nat"))


def test_sudo_runs_everything_as_the_other_user(host: Host, inside: Inside) -> None:
    inside("mkdir -m 700 /srv/secret; touch /srv/secret/file")
    with host.sudo("daemon"):
        assert (host.user().name, host.read("id -un")) == ("daemon", "daemon")
        with pytest.raises(Unknown, match="Permission denied"):
            _ = host.file("/srv/secret/file").exists
        with host.sudo("sync"):
            pass
    assert host.file("/srv/secret/file").exists


def test_docker(host: Host, inside: Inside, machine: LabHost, installed: None) -> None:
    daemon.docker("exec", "-i", machine.container, "docker", "load", stdin=PROBE_ARCHIVE.read_bytes())
    identity = inside("docker run --detach --name probe dlws/cuda sleep 7655")
    container = host.docker("probe")
    assert (container.is_running, container.is_restarting) == (True, False)
    assert (container.id, container.name) == (identity, "probe")
    assert host.docker.server_version() == inside("docker version --format '{{.Server.Version}}'")
    inside("docker kill probe")
    assert not container.is_running
    assert [c.name for c in host.docker.get_containers(status="exited")] == ["probe"]
    with pytest.raises(Unknown, match="nosuch"):
        _ = host.docker("nosuch").is_running


def test_pip(host: Host, inside: Inside, installed: None) -> None:
    version = inside("python3 -c 'import importlib.metadata as m; print(m.version(\"pip\"))'")
    assert (host.pip("pip").is_installed, host.pip("pip").version) == (True, version)
    assert host.pip.get_packages()["pip"] == {"version": version}
    assert not host.pip("nosuch").is_installed
    assert host.pip.check().succeeded
