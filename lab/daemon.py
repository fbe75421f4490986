"""The lab's own dockerd, network and apt cache, with their own sockets and folders; stopped by pid."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

from lab import apt, capabilities
from lab.plan import APT_CACHE, BRIDGE, CACHER_PORT, DOCKER_SOCKET, GATEWAY, LAB, NETWORK, RUN, cache
from lab.process import PATH, LabError, attempt, pid_of, run, say, start_daemon, stop_daemon, wait_for

DOCKER_PID = RUN / "docker.pid"
CACHER_PID = RUN / "apt-cacher-ng.pid"
NAMESERVER_PID = RUN / "nameserver.pid"
NAMESERVER = LAB / "nameserver.py"
CACHER_CONF = RUN / "apt-cacher-ng"
FRESH = 3600
"""Seconds for which the cache asks nobody whether a list of packages is the latest. Of two hosts that let it ask in the
same second, one gets an answer that has no end: it moves the old list out of the way by a name made of the second."""
PACKAGES = {
    "dockerd": "docker.io",
    "debootstrap": "debootstrap",
    "apt-cacher-ng": "apt-cacher-ng",
    "iptables": "iptables",
    "nft": "nftables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "mkswap": "util-linux",
    "ssh": "openssh-client",
    "python3": "python3",
    "dpkg-deb": "dpkg",
    "busybox": "busybox-static",
    "docker-registry": "docker-registry",
}
"""The commands that the lab runs on the machine, and the packages that contain them."""
INOTIFY_LIMIT, INOTIFY_INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances"), 8192
FORWARD_RULE = ("FORWARD", "-i", BRIDGE, "-o", BRIDGE, "-m", "comment", "--comment", "dlws-lab", "-j", "ACCEPT")


def docker(*args: str, stdin: str | bytes = b"", timeout: float = 60) -> str:
    """Run the docker client against the lab's daemon and return its output. Raises LabError if it fails."""
    return run("docker", "--host", f"unix://{DOCKER_SOCKET}", *args, stdin=stdin, timeout=timeout)


def install_packages() -> None:
    """Install the PACKAGES whose command is missing with apt."""
    apt.install({package for command, package in PACKAGES.items() if not _is_installed(command)}, "for the lab")


def start() -> None:
    """Start what is not running yet: dockerd, the hosts' network, the apt cache, the name server."""
    RUN.mkdir(mode=0o700, parents=True, exist_ok=True)
    _raise_limits()
    _start_docker()
    _create_network()
    _start_cacher()
    _start_nameserver()


def stop() -> None:
    """Stop the daemons (dockerd stops the hosts) and take the lab's bridge and firewall rule away."""
    stop_daemon("the name server", NAMESERVER_PID, NAMESERVER.name, 20)
    stop_daemon("apt-cacher-ng", CACHER_PID, str(CACHER_CONF), 20)
    stop_daemon("dockerd and the hosts", DOCKER_PID, str(DOCKER_SOCKET), 120)
    if attempt("iptables", "-w", "-C", *FORWARD_RULE).returncode == 0:
        run("iptables", "-w", "-D", *FORWARD_RULE)
    if Path(f"/sys/class/net/{BRIDGE}").exists():
        run("ip", "link", "delete", BRIDGE)


def states() -> dict[str, bool]:
    """Which of the daemons run."""
    return {
        "dockerd": pid_of(DOCKER_PID, str(DOCKER_SOCKET)) is not None,
        "apt-cacher-ng": pid_of(CACHER_PID, str(CACHER_CONF)) is not None,
        "name server": pid_of(NAMESERVER_PID, NAMESERVER.name) is not None,
    }


def _is_installed(command: str) -> bool:
    return shutil.which(command, path=PATH) is not None


def _raise_limits() -> None:
    """To the kernel all hosts are one user, so with the default of 128 inotify instances kube-proxy fails on some."""
    if int(INOTIFY_LIMIT.read_text()) < INOTIFY_INSTANCES:
        INOTIFY_LIMIT.write_text(str(INOTIFY_INSTANCES))


def _start_docker() -> None:
    if states()["dockerd"]:
        return
    DOCKER_PID.unlink(missing_ok=True)
    # After a kill -9 the dead hosts' interfaces are still on the bridge and answer for their addresses.
    for link in Path(f"/sys/class/net/{BRIDGE}/brif").glob("*"):
        attempt("ip", "link", "delete", link.name)
    data = cache() / "docker"
    argv = ["dockerd", "--host", f"unix://{DOCKER_SOCKET}", "--pidfile", str(DOCKER_PID)]
    argv += ["--data-root", str(data), "--exec-root", str(RUN / "exec"), "--bridge", "none"]
    # The lab's network needs no NAT; not touching iptables avoids interfering with another dockerd on the machine.
    argv += ["--iptables=false", "--ip6tables=false", "--shutdown-timeout", "60"]
    if capabilities.missing():
        say(f"this machine withholds {capabilities.names()}: containers run through the OCI wrapper")
        wrapper = cache() / "bin" / "runc"
        wrapper.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(capabilities.WRAPPER, wrapper)
        argv += ["--add-runtime", f"lab={wrapper}", "--default-runtime", "lab"]
    say(f"starting dockerd on {DOCKER_SOCKET}, data in {data}")
    start_daemon(argv, cache() / "log" / "dockerd.log")
    info = ("docker", "--host", f"unix://{DOCKER_SOCKET}", "info")
    wait_for("dockerd to answer", lambda: attempt(*info).returncode == 0, 60)


def _create_network() -> None:
    if attempt("docker", "--host", f"unix://{DOCKER_SOCKET}", "network", "inspect", BRIDGE).returncode != 0:
        taken = [line.split()[1] for line in run("ip", "-o", "-4", "address").splitlines() if " 192.168.3." in line]
        if taken:
            raise LabError(f"the lab needs {NETWORK}, but {taken[0]} already has an address in it")
        name_option = f"com.docker.network.bridge.name={BRIDGE}"
        docker("network", "create", "--subnet", NETWORK, "--gateway", GATEWAY, "--opt", name_option, BRIDGE)
    if attempt("iptables", "-w", "-C", *FORWARD_RULE).returncode != 0:
        # Another Docker may have set FORWARD to DROP, which affects bridged packets if br_netfilter is loaded.
        run("iptables", "-w", "-I", *FORWARD_RULE)


def _start_cacher() -> None:
    if states()["apt-cacher-ng"]:
        return
    CACHER_CONF.mkdir(parents=True, exist_ok=True)
    packages, debs, log = cache() / "packages", cache() / "apt", cache() / "log"
    for folder in (packages, debs, log):
        folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "BindAddress": GATEWAY,
        "Port": str(CACHER_PORT),
        "CacheDir": str(debs),
        "LogDir": str(log),
        "SocketPath": str(RUN / "apt-cacher-ng.socket"),
        "ForeGround": "1",
        "ExThreshold": "4",
        "FreshIndexMaxAge": str(FRESH),
        "ResponseFreezeDetectTime": "60",  # else derived from the former
        "LocalDirs": f"lab {packages}",
        "Proxy": _apt_proxy(),
    }
    lines = [f"{key}: {value}\n" for key, value in settings.items() if value]
    (CACHER_CONF / "acng.conf").write_text("".join(lines))
    pid = start_daemon(["apt-cacher-ng", "-c", str(CACHER_CONF)], log / "apt-cacher-ng.out")
    CACHER_PID.write_text(f"{pid}\n")
    say(f"starting apt-cacher-ng on {APT_CACHE}")
    wait_for("apt-cacher-ng to answer", lambda: _answers(GATEWAY, CACHER_PORT), 30)


def _start_nameserver() -> None:
    if not states()["name server"]:
        pid = start_daemon(["python3", str(NAMESERVER), GATEWAY], cache() / "log" / "nameserver.log")
        NAMESERVER_PID.write_text(f"{pid}\n")
        say(f"starting a name server on {GATEWAY}")


def _apt_proxy() -> str:
    text = run("apt-config", "dump", "--format", "%v%n", "Acquire::http::Proxy").strip()
    return "" if text == "DIRECT" else text


def _answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=2).close()
    except OSError:
        return False
    return True
