"""Faults that occur in a data centre, injected into a host, recorded, and undone by `heal`."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from lab import devices, first_boot, hosts
from lab.plan import ALL_HOSTS, DOMAIN, HOSTS, LabHost, cache
from lab.process import LabError, say, wait_for
from lab.record import load_lab, read_json, write_secret

Memory = dict[str, str]
"""What a fault must remember about the host in order to be undone."""
WRONG_ADDRESS = "192.168.3.250"
"""An unused address in the lab's network."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`do` breaks a host and returns what `undo` needs. `undo` must also work if the host was already repaired."""

    sentence: str
    do: Callable[[LabHost], Memory]
    undo: Callable[[LabHost, Memory], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the record: a fault in force."""

    fault: str
    host: str
    memory: Memory


FAULTS: dict[str, Fault] = {}


def inject(name: str, host: LabHost) -> None:
    """Inject the fault `name` into `host`. Raises LabError if it is already in force, or cannot be injected."""
    entries = recorded()
    if any((entry.fault, entry.host) == (name, host.name) for entry in entries):
        raise LabError(f"{host.name} already has the fault {name}")
    memory = FAULTS[name].do(host)
    _save([*entries, Entry(name, host.name, memory)])
    say(f"{host.name}: {FAULTS[name].sentence}")


def heal() -> None:
    """Undo every recorded fault, latest first, and wait until the hosts concerned are up."""
    healed: set[str] = set()
    while entries := recorded():
        *rest, entry = entries
        host = ALL_HOSTS[entry.host]
        if hosts.state(host) != "running":
            hosts.start(host)
            hosts.wait_until_up(host)
        FAULTS[entry.fault].undo(host, entry.memory)
        _save(rest)
        healed.add(entry.host)
        say(f"{entry.host}: undid {entry.fault}")
    for name in healed:
        hosts.wait_until_up(ALL_HOSTS[name])


def recorded() -> list[Entry]:
    """The faults in force, oldest first."""
    return [Entry(**entry) for entry in read_json(record_path()) or []]


def forget() -> None:
    """Delete the record, as the hosts with faults have been removed."""
    record_path().unlink(missing_ok=True)


def record_path() -> Path:
    """Where the faults in force are recorded."""
    return cache() / "faults.json"


def _save(entries: list[Entry]) -> None:
    write_secret(record_path(), json.dumps([asdict(entry) for entry in entries], indent=1) + "\n")


def fault(name: str, sentence: str, undo: Callable[[LabHost, Memory], None]) -> Callable[[_Do], _Do]:
    """A decorator that registers a function which breaks a host and returns what `undo` needs."""

    def register(do: _Do) -> _Do:
        FAULTS[name] = Fault(sentence, do, undo)
        return do

    return register


_Do = Callable[[LabHost], Memory]


def script(text: str) -> Callable[[LabHost, Memory], None]:
    """An undo by shell script, in which `$1` is the host's name."""

    def undo(host: LabHost, memory: Memory) -> None:
        hosts.execute(host, text, host.name)

    return undo


@dataclass(frozen=True, slots=True)
class EditedFile:
    """A file edited by a fault; the original is kept at `kept` (default: `.NAME.before` beside it)."""

    path: str
    kept: str = ""

    def edit(self, host: LabHost, text: str) -> None:
        """Edit the file by a shell script. Raises LabError if the host does not have the file."""
        if "yes" not in hosts.execute(host, '[ ! -e "$1" ] || echo yes', self.path):
            raise LabError(f"{host.name} has no {self.path}: choose another host, or install the cluster first")
        hosts.execute(host, f"cp -p {self.path} {self._kept}\n{text}")

    def put_back(self, host: LabHost, memory: Memory) -> None:
        """The undo of the fault."""
        hosts.execute(host, f"mv {self._kept} {self.path}")

    @property
    def _kept(self) -> str:
        folder, _, name = self.path.rpartition("/")
        return self.kept or f"{folder}/.{name}.before"


def need(host: LabHost, device: str) -> None:
    """Raises LabError unless the host is of the kind that the fault needs: `gpu` or `npu`."""
    if host.device != device:
        raise LabError(f"{host.name} is a {host.device} host; this fault is for {device} hosts")


def _set_version(host: LabHost, version: str) -> None:
    hosts.execute(host, 'sed -i "s/18\\.04\\.[0-9]/$1/" /etc/os-release /etc/lsb-release', version)


@fault("os_version", "the NPU host was upgraded to 18.04.4", lambda h, m: _set_version(h, h.ubuntu))
def _os_version(host: LabHost) -> Memory:
    need(host, "npu")
    _set_version(host, "18.04.4")
    return {}


HOSTILE = "=cmd()|/C calc!A0 ]]> \033[31m\033]0;owned\007 <script>document.title=`owned`</script>\0"
"""A formula, the end of a CDATA section, escape sequences, a script, and NUL."""


@fault("hostile_output", "its operating system's name contains an injection attack", lambda h, m: _set_id(h, "ubuntu"))
def _hostile_output(host: LabHost) -> Memory:
    _set_id(host, f'"{HOSTILE}"')
    return {}


def _set_id(host: LabHost, id: str) -> None:
    text = first_boot.os_release(host.ubuntu).replace("\nID=ubuntu\n", f"\nID={id}\n")
    hosts.execute(host, "cat > /etc/os-release", stdin=text)


def _set_driver(host: LabHost, version: str) -> None:
    versions = (devices.GPU_DRIVER, devices.GPU_DRIVER_OLD, devices.NPU_DRIVER, devices.NPU_DRIVER_OLD)
    pattern = "|".join(versions).replace(".", "\\.")
    files = "/etc/dlws-lab/[gn]pu.tsv /usr/local/Ascend/driver/version.info"
    hosts.execute(host, f'for f in {files}; do [ ! -e "$f" ] || sed -E -i "s/{pattern}/$1/" "$f"; done', version)
    hosts.execute(host, "/usr/lib/dlws-lab/make-devices")


def _undo_driver(host: LabHost, memory: Memory) -> None:
    _set_driver(host, devices.GPU_DRIVER if host.device == "gpu" else devices.NPU_DRIVER)


@fault("driver_old", "the accelerators' driver is too old (418.87, 1.72.T1.100.B010)", _undo_driver)
def _driver_old(host: LabHost) -> Memory:
    _set_driver(host, devices.GPU_DRIVER_OLD if host.device == "gpu" else devices.NPU_DRIVER_OLD)
    return {}


def _undo_hostname(host: LabHost, memory: Memory) -> None:
    hosts.execute(host, 'hostnamectl set-hostname "$1"', memory["hostname"])


@fault("hostname", "the host has been renamed", _undo_hostname)
def _hostname(host: LabHost) -> Memory:
    before = hosts.execute(host, "hostname").strip()
    hosts.execute(host, "hostnamectl set-hostname renamed")
    return {"hostname": before}


@fault("firewall", "ufw is on, with ssh allowed", script("ufw --force disable && ufw --force delete allow 22/tcp"))
def _firewall(host: LabHost) -> Memory:
    hosts.execute(host, "ufw allow 22/tcp && ufw --force enable")
    return {}


def _set_password(host: LabHost, password: str) -> None:
    hosts.execute(host, "chpasswd", stdin=f"root:{password}\n")


def _undo_root_password(host: LabHost, memory: Memory) -> None:
    lab = load_lab()
    if lab is None:
        raise LabError("there is no lab on record")
    _set_password(host, lab.root_password)


@fault("root_password", "root's password differs from that of the other hosts", _undo_root_password)
def _root_password(host: LabHost) -> Memory:
    _set_password(host, secrets.token_urlsafe(18))
    return {}


def _undo_swap_fstab(host: LabHost, memory: Memory) -> None:
    if memory["was_live"] == "no":
        hosts.execute(host, "sed -i '/^[^#].*[[:space:]]swap[[:space:]]/s/^/#/' /etc/fstab")


@fault("swap_fstab", "the swap line in /etc/fstab is active again", _undo_swap_fstab)
def _swap_fstab(host: LabHost) -> Memory:
    live = hosts.execute(host, "grep -Ec '^[^#].*[[:space:]]swap[[:space:]]' /etc/fstab || true").strip() != "0"
    if not live:
        line = f"{host.swap_file} none swap sw 0 0"
        hosts.execute(host, 'sed -i "\\#^\\##{\\#$1#d}" /etc/fstab; echo "$2" >> /etc/fstab', host.swap_file, line)
    return {"was_live": "yes" if live else "no"}


_UNIT = "/etc/systemd/system/var-lab.swap"


@fault(
    "swap_unit",
    "a .swap unit is enabled, which systemd has not loaded",
    script(f"systemctl disable var-lab.swap || true; rm -f {_UNIT}; systemctl daemon-reload"),
)
def _swap_unit(host: LabHost) -> Memory:
    text = "[Swap]\nWhat=/var/lab\n\n[Install]\nWantedBy=swap.target\n"
    hosts.execute(host, f"cat > {_UNIT}; systemctl --no-reload enable var-lab.swap", stdin=text)
    return {}


@fault(
    "second_sudoer",
    "an account besides the admin user becomes root without a password",
    script("rm -f /etc/sudoers.d/lab-guest; userdel lab-guest || true"),
)
def _second_sudoer(host: LabHost) -> Memory:
    hosts.execute(host, "useradd lab-guest && umask 0337 && cat > /etc/sudoers.d/lab-guest", stdin=_GUEST)
    return {}


_GUEST = "lab-guest ALL=(ALL) NOPASSWD: ALL\n"
_SET_DEFAULT_RUNTIME = """
python3 - "$1" <<'END'
import json, sys
path = "/etc/docker/daemon.json"
content = json.load(open(path))
print(content.pop("default-runtime", ""))
if sys.argv[1]:
    content["default-runtime"] = sys.argv[1]
json.dump(content, open(path, "w"), indent=4)
END
systemctl reset-failed docker
systemctl restart docker
"""


def _undo_daemon_json(host: LabHost, memory: Memory) -> None:
    if memory["runtime"]:
        hosts.execute(host, _SET_DEFAULT_RUNTIME, memory["runtime"])


@fault("daemon_json", "daemon.json has no default runtime, and Docker was restarted", _undo_daemon_json)
def _daemon_json(host: LabHost) -> Memory:
    if "yes" not in hosts.execute(host, "! grep -qs default-runtime /etc/docker/daemon.json || echo yes"):
        raise LabError(f"{host.name} has no default runtime in /etc/docker/daemon.json: install first")
    return {"runtime": hosts.execute(host, _SET_DEFAULT_RUNTIME, "").strip()}


@fault(
    "wrong_address",
    f"/etc/hosts resolves a peer to {WRONG_ADDRESS}, an unused address",
    script(f"sed -i '/^{WRONG_ADDRESS} /d' /etc/hosts"),
)
def _wrong_address(host: LabHost) -> Memory:
    peer = next(name for name in HOSTS if name != host.name)
    hosts.execute(host, 'sed -i "1i $1" /etc/hosts', f"{WRONG_ADDRESS} {peer} {peer}.{DOMAIN}")
    return {}


@fault(
    "npu_smi_missing",
    "npu-smi is missing",
    script("mv -n /usr/local/sbin/.npu-smi /usr/local/sbin/npu-smi"),
)
def _npu_smi_missing(host: LabHost) -> Memory:
    need(host, "npu")
    hosts.execute(host, "mv /usr/local/sbin/npu-smi /usr/local/sbin/.npu-smi")
    return {}


def _undo_device_lost(host: LabHost, memory: Memory) -> None:
    for table, text in memory.items():
        hosts.execute(host, 'cat > "/etc/dlws-lab/$1.tsv"', table, stdin=text)
    hosts.execute(host, "/usr/lib/dlws-lab/make-devices")


@fault("device_lost", "one accelerator of eight has fallen off the bus", _undo_device_lost)
def _device_lost(host: LabHost) -> Memory:
    bus, node = (devices.GPU_BUS, "nvidia7") if host.device == "gpu" else (devices.NPU_BUS, "davinci3")
    memory = {table: hosts.execute(host, f"cat /etc/dlws-lab/{table}.tsv") for table in (host.device, "pci")}
    # In place, as containers have the table mounted and sed -i would replace the file.
    drop = 'rows=$(sed "/^3\t/d" "$1"); echo "$rows" > "$1"; rm -f "/dev/$2"'
    hosts.execute(host, drop, f"/etc/dlws-lab/{host.device}.tsv", node)
    if host.device == "gpu":  # nvidia-smi numbers the remaining GPUs without a gap
        renumber = "awk -F '\\t' -v OFS='\\t' '$1 ~ /^[0-9]+$/ { $1 = n++ } { print }' /etc/dlws-lab/gpu.tsv"
        hosts.execute(host, f"rows=$({renumber}); printf '%s\\n' \"$rows\" > /etc/dlws-lab/gpu.tsv")
    hosts.execute(host, f'sed -i "/^0000:{bus[3].lower()}:/d" /etc/dlws-lab/pci.tsv')
    return memory


@fault("power_off", "the host is powered off", lambda host, memory: None)
def _power_off(host: LabHost) -> Memory:
    hosts.stop(host)  # heal starts every host that is off
    return {}


@fault(
    "change_host_key",
    "the host's ssh host keys have changed",
    script("cd /etc/ssh && mv .before/ssh_host_* . && rmdir .before && systemctl restart ssh"),
)
def _change_host_key(host: LabHost) -> Memory:
    hosts.execute(host, "cd /etc/ssh && mkdir .before && mv ssh_host_* .before/ && ssh-keygen -q -A")
    hosts.execute(host, "systemctl restart ssh")
    return {}


_FULL = "/tmp /var/tmp /var/cache/apt/archives /var/lib/docker"


@fault(
    "fill_disk",
    f"no space is left below {_FULL}",
    script(f'for path in {_FULL}; do while grep -q "^lab-full $path " /proc/mounts; do umount -l $path; done; done'),
)
def _fill_disk(host: LabHost) -> Memory:
    full = f"for path in {_FULL}; do mkdir -p $path; mount -t tmpfs -o size=1m lab-full $path; "
    hosts.execute(host, full + "dd if=/dev/zero of=$path/full bs=64k status=none 2> /dev/null || true; done")
    return {}


_LOCK = "import fcntl as f; lock = open('/var/lib/dpkg/lock-frontend', 'w'); f.lockf(lock, f.LOCK_EX | f.LOCK_NB)"
_HOLD_LOCK = f"{_LOCK}; import signal; signal.pause()"
_TRY_LOCK = 'python3 -c "$1" 2> /dev/null || echo held'


@fault("apt_lock", "another process holds dpkg's lock", script("systemctl stop apt-lock-holder 2> /dev/null || true"))
def _apt_lock(host: LabHost) -> Memory:
    hosts.execute(host, 'systemd-run --quiet --unit=apt-lock-holder --collect python3 -c "$1"', _HOLD_LOCK)
    wait_for(f"dpkg's lock on {host.name}", lambda: "held" in hosts.execute(host, _TRY_LOCK, _LOCK), 10)
    return {}


@fault("docker_stopped", "Docker is stopped", script("systemctl start docker.socket docker"))
def _docker_stopped(host: LabHost) -> Memory:
    hosts.execute(host, "systemctl stop docker.socket docker")
    return {}
