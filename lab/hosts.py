"""The hosts: one privileged container each, with systemd as its first process."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

from lab import first_boot
from lab.daemon import docker
from lab.plan import BRIDGE, DOCKER_SOCKET, RUN, LabHost
from lab.process import LabError, attempt, say, wait_for

VOLUMES = ("/var/lib/docker", "/var/lib/kubelet", "/var/swap", "/mnt")
"""Overlay lies not on overlay, a swap file or an NFS export not at all: these folders get volumes, which are ext4."""
MEMORY = Path("/dev/shm")
ENOUGH = 1 << 30
UP_STATES = ("running", "degraded")


def state(host: LabHost) -> str:
    """`running`, `exited`, ... as Docker says, or `absent`."""
    asked = attempt(*_client("container", "inspect", "--format", "{{.State.Status}}", host.container))
    return asked.stdout.strip() if asked.returncode == 0 else "absent"


def create(host: LabHost, image: str, root_password: str) -> None:
    """Make a host from the image and boot it for the first time; its state is what its installer left."""
    say(f"creating {host.name} ({host.address}, {host.device}, Ubuntu {host.ubuntu})")
    options = ["--name", host.container, "--hostname", host.hostname, "--network", BRIDGE, "--ip", host.address]
    options += ["--privileged", "--restart", "always", "--stop-timeout", "30"]
    options += ["--tmpfs", "/run:exec,mode=755", "--tmpfs", "/tmp:exec,mode=1777"]
    options += [word for path in VOLUMES for word in ("--volume", path)]
    etcd(host).mkdir(mode=0o700, parents=True, exist_ok=True)
    options += ["--volume", f"{etcd(host)}:/var/lib/etcd"]
    if Path("/lib/modules").is_dir():
        options += ["--volume", "/lib/modules:/lib/modules:ro"]
    try:
        docker("create", *options, image)
        docker("cp", "-", f"{host.container}:/", stdin=first_boot.archive(host))
        docker("start", host.container)
        wait_until_up(host)
        execute(host, "chpasswd", stdin=f"root:{root_password}\n")
        if host.reboot_required:
            execute(host, "echo '*** System restart required ***' > /run/reboot-required")
            execute(host, "echo linux-base > /run/reboot-required.pkgs")
    except BaseException:
        remove(host)  # half a host would pass for a whole one in the next `up`
        raise


def fetch_package_lists(host: LabHost) -> None:
    """Let apt know what its mirror has now, as a daily timer does on a site's hosts."""
    execute(host, "apt-get update -q", timeout=120)


def etcd(host: LabHost) -> Path:
    """Where a host's /var/lib/etcd lies: in memory, if there is enough of it.

    All hosts share one disk, and etcd stalls for seconds when another is at it.
    """
    place = MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).total > ENOUGH else RUN
    return place / "dlws-lab-etcd" / host.name


def start(host: LabHost) -> None:
    """Switch a host on that is off."""
    docker("start", host.container)


def stop(host: LabHost) -> None:
    """Switch a host off; it stays off until `start`."""
    docker("stop", "--time", "30", host.container, timeout=90)


def remove(host: LabHost) -> None:
    """Take a host away with its volumes and its etcd, if it exists."""
    if state(host) != "absent":
        mounts = json.loads(docker("container", "inspect", "--format", "{{json .Mounts}}", host.container))
        docker("rm", "--force", host.container, timeout=90)
        for mount in mounts:
            if mount["Type"] == "volume":
                # The kernel goes on swapping to the file of a host that was killed, and would not let it go.
                attempt("swapoff", str(Path(mount["Source"]) / Path(host.swap_file).name))
                docker("volume", "rm", mount["Name"])
    shutil.rmtree(etcd(host), ignore_errors=True)


def execute(host: LabHost, script: str, *arguments: str, stdin: str = "", timeout: float = 60) -> str:
    """Run a shell script as root in the host, past its network; return its output. Raises LabError if it fails."""
    command = ("exec", "--interactive", host.container, "sh", "-ec", script, "sh", *arguments)
    return docker(*command, stdin=stdin, timeout=timeout)


def system_state(host: LabHost) -> str:
    """What systemd says of the host: `running`, `degraded`, `starting`, ...; `off` if it is not there to ask."""
    asked = attempt(*_client("exec", host.container, "systemctl", "is-system-running"))
    return asked.stdout.strip() or "off"


def ssh_answers(host: LabHost) -> bool:
    """True if the host's port 22 greets with an SSH banner within two seconds."""
    try:
        with socket.create_connection((host.address, 22), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def wait_until_up(host: LabHost, seconds: float = 120) -> None:
    """Wait until systemd has started everything and sshd answers. Raises LabError, with what is stuck, if not."""
    try:
        wait_for(f"systemd on {host.name}", lambda: system_state(host) in UP_STATES, seconds)
        wait_for(f"sshd on {host.name}", lambda: ssh_answers(host), 30)
    except LabError as error:
        log = attempt(*_client("logs", "--tail", "20", host.container))
        raise LabError(f"{error}\n{log.stdout}{log.stderr}") from error


def init_pid(host: LabHost) -> int:
    """The pid, on the machine, of the host's first process."""
    return int(docker("container", "inspect", "--format", "{{.State.Pid}}", host.container))


def _client(*args: str) -> tuple[str, ...]:
    return ("docker", "--host", f"unix://{DOCKER_SOCKET}", *args)
