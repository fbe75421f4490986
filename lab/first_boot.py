"""The files in which hosts differ, packed so that a host's first boot lays them down (rootfs/common/.../init)."""

from __future__ import annotations

import io
import tarfile
import tempfile
import time
import uuid
from pathlib import Path

from lab import devices, mirror
from lab.plan import APT_CACHE, CLUSTER, DOMAIN, GATEWAY, LAB, LabHost
from lab.process import run

FOLDER = ".first-boot"


def archive(host: LabHost) -> bytes:
    """A tar of everything that is this host's alone: stand-ins of its kind, identity, network, accelerators."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(LAB / "rootfs" / host.device, FOLDER, filter=_as_root)
        for path, (text, mode) in {**texts(host), **_host_keys()}.items():
            entry = tarfile.TarInfo(f"{FOLDER}/{path}")
            entry.size, entry.mode, entry.mtime = len(text.encode()), mode, time.time()
            tar.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def texts(host: LabHost) -> dict[str, tuple[str, int]]:
    """Path below / -> content and mode of each generated file but the host keys."""
    files = {
        "etc/hostname": f"{host.hostname}\n",
        "etc/hosts": HOSTS_FILE.format(hostname=host.hostname),
        "etc/resolv.conf": f"nameserver {GATEWAY}\n",
        "etc/machine-id": f"{uuid.uuid4().hex}\n",
        "etc/os-release": os_release(host.ubuntu),
        "etc/lsb-release": lsb_release(host.ubuntu),
        "etc/fstab": f"{FSTAB_HEAD}{host.swap_file} none swap sw 0 0\n",
        "etc/apt/sources.list": sources_list(mirror.read_sources()),
        "etc/dlws-lab/name": f"{host.name}\n",
        "etc/dlws-lab/machine": f"{host.machine}\n",
        "etc/dlws-lab/product_uuid": f"{str(uuid.uuid4()).upper()}\n",
        "etc/dlws-lab/pci.tsv": devices.pci(host),
    }
    if host.device == "gpu":
        files["etc/dlws-lab/gpu.tsv"] = devices.gpus(host)
        booted = time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime())
        files["etc/dlws-lab/kernel.log"] = devices.kernel_log(host, booted)
    else:
        files["etc/dlws-lab/npu.tsv"] = devices.npus(host)
        files["etc/hccn.conf"] = devices.hccn_conf(host)
        files["etc/ascend_install.info"] = devices.INSTALL_INFO
        files["usr/local/Ascend/driver/version.info"] = f"Version={devices.NPU_DRIVER}\n"
    modes = {"usr/local/Ascend/driver/version.info": 0o440}
    return {path: (text, modes.get(path, 0o644)) for path, text in files.items()}


FSTAB_HEAD = "# <file system> <mount point> <type> <options> <dump> <pass>\n"
HOSTS_FILE = """127.0.0.1 localhost
127.0.1.1 {hostname}

# The following lines are desirable for IPv6 capable hosts
::1     ip6-localhost ip6-loopback
fe00::0 ip6-localnet
ff00::0 ip6-mcastprefix
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters
"""
"""/etc/hosts as Ubuntu's installer writes it."""


def os_release(version: str) -> str:
    """/etc/os-release of Ubuntu `version` (18.04.N)."""
    return f"""NAME="Ubuntu"
VERSION="{version} LTS (Bionic Beaver)"
ID=ubuntu
ID_LIKE=debian
PRETTY_NAME="Ubuntu {version} LTS"
VERSION_ID="18.04"
HOME_URL="https://www.ubuntu.com/"
SUPPORT_URL="https://help.ubuntu.com/"
BUG_REPORT_URL="https://bugs.launchpad.net/ubuntu/"
PRIVACY_POLICY_URL="https://www.ubuntu.com/legal/terms-and-policies/privacy-policy"
VERSION_CODENAME=bionic
UBUNTU_CODENAME=bionic
"""


def lsb_release(version: str) -> str:
    """/etc/lsb-release of Ubuntu `version`."""
    description = f'DISTRIB_DESCRIPTION="Ubuntu {version} LTS"'
    return f"DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=18.04\nDISTRIB_CODENAME=bionic\n{description}\n"


def sources_list(sources: list[mirror.Source]) -> str:
    """The distribution through the lab's cache, and the lab's own packages."""
    own = f"deb [trusted=yes] {APT_CACHE}/lab ./"
    return "\n".join([*(source.line() for source in sources), own]) + "\n"


def deploy_hosts_file(hosts: list[LabHost]) -> str:
    """deploy/etc/hosts of runbook section 2.4, option 2; the first host is the infrastructure's."""
    lines = ["127.0.0.1       localhost", "::1             localhost ip6-localhost ip6-loopback", ""]
    for host in hosts:
        lines += [f"{host.address}    {host.name}", f"{host.address}    {host.name}.{DOMAIN}"]
        if host is hosts[0]:
            lines.append(f"{host.address}    {CLUSTER}.{DOMAIN}")
        lines.append("")
    return "\n".join(lines)


def _host_keys() -> dict[str, tuple[str, int]]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "etc" / "ssh").mkdir(parents=True)
        run("ssh-keygen", "-q", "-A", "-f", folder)
        files = {key.name: key.read_text() for key in (Path(folder) / "etc" / "ssh").iterdir()}
    return {f"etc/ssh/{name}": (text, 0o644 if name.endswith(".pub") else 0o600) for name, text in files.items()}


def _as_root(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if "__pycache__" in entry.name:
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    if entry.name.endswith("hccn_tool"):
        entry.mode = 0o550
    return entry
