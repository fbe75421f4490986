"""What the lab is made of: the runbook's hosts, their network, and the folders in which the lab lives."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

NETWORK = "192.168.3.0/24"
GATEWAY = "192.168.3.1"
BRIDGE = "dlws0"
CACHER_PORT = 3143
"""Not Debian's 3142, so that an apt-cacher-ng of the machine's own can keep its port."""
APT_CACHE = f"http://{GATEWAY}:{CACHER_PORT}"
REGISTRY_PORT = 5010
"""Not Debian's 5000, for the same reason. The hosts know it from rootfs: docker.service.d."""
REGISTRY = f"{GATEWAY}:{REGISTRY_PORT}"

CLUSTER = "atlas"
DOMAIN = "sigsus.cn"

LAB = Path(__file__).resolve().parent
STATE = LAB / "state"
"""What the suite finds beside lab/config.yaml; git-ignored."""
CLUSTER_STATE = STATE / CLUSTER
IMAGES = STATE / "images"
"""Archives for `docker load`, one image each, named by the image with `/` and `:` replaced by `-`."""
PROBE_ARCHIVE = IMAGES / "dlws-cuda.tar"
ROOT_PASSWORD = CLUSTER_STATE / "deploy" / "sshkey" / "rootpasswd"

RUN = Path("/run/dlws-lab")
"""Sockets, pid files, configuration of the daemons: gone with the machine's boot."""
DOCKER_SOCKET = RUN / "docker.sock"
STANDIN_PATH = "/usr/lib/dlws-lab"
"""Where the stand-ins lie inside a host."""


def cache() -> Path:
    """The folder of everything worth keeping between runs: DLWS_LAB_CACHE, else ~/.cache/dlws-lab."""
    return Path(os.environ.get("DLWS_LAB_CACHE") or Path.home() / ".cache" / "dlws-lab").resolve()


@dataclass(frozen=True, slots=True)
class LabHost:
    """One row of the runbook's table (section 1), and the state in which its installer left it.

    `hostname` is the name before the installation (stage 2.2 corrects a wrong one); `reboot_required`: an
    unattended upgrade has asked for a reboot.
    """

    name: str
    address: str
    machine: str
    device: str
    ubuntu: str
    hostname: str
    reboot_required: bool = False

    @property
    def container(self) -> str:
        """The container's name; never the host's own, or Docker's DNS would resolve hosts behind the suite's back."""
        return f"dlws-lab-{self.name}"

    @property
    def swap_file(self) -> str:
        """Unique per host: /proc/swaps is the kernel's, and this tells whose line it is."""
        return f"/var/swap/{self.name}.swap"


HOSTS = {
    host.name: host
    for host in (
        LabHost("atlas02", "192.168.3.2", "aarch64", "npu", "18.04.1", "atlas02"),
        LabHost("atlas01", "192.168.3.6", "aarch64", "npu", "18.04.1", "ubuntu", reboot_required=True),
        LabHost("atlas-gpu02", "192.168.3.3", "x86_64", "gpu", "18.04.4", "atlas-gpu02", reboot_required=True),
        LabHost("atlas-gpu01", "192.168.3.4", "x86_64", "gpu", "18.04.4", "ubuntu"),
    )
}
"""The infrastructure host first, then the workers, as the runbook's configuration lists them."""

SPARE = {"atlas03": LabHost("atlas03", "192.168.3.7", "aarch64", "npu", "18.04.1", "atlas03")}
"""Made on demand (`dlws lab up --host atlas03`), to be added to the cluster by scale_up."""
ALL_HOSTS = {**HOSTS, **SPARE}
