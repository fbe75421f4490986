"""testinfra's modules as checks use them: the same interface, but a fact that cannot be established raises Unknown.

    docker = host.service("docker")
    expect("Docker service", found=[docker.active_state, docker.unit_file_state], expected=["active", "enabled"])

Each class is testinfra's own with its commands replaced, for one of three reasons. One command reads all properties,
where testinfra runs one for each. Output is parsed strictly, so that unexpected output is Unknown. And where testinfra
takes a failed command for "no" (`ss`, `cut` at the end of a pipe, a fallback to SysV), these classes raise Unknown.
An object reads the host once: after `change.run("systemctl restart docker")` make a new `host.service("docker")`.
docs/testinfra.md says which check uses which.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from testinfra.modules import file, group, interface, mountpoint, package, service, socket, sysctl, user

from dlws.parse.host import accounts, dpkg, systemd
from dlws.parse.network import ip_addr
from dlws.parse.network.sockets import EVERYWHERE
from dlws.parse.storage import mounts
from dlws.parse.text import clean, lines, number, only_line, unparsable
from dlws.verdict import Unknown

UNIT_STATES = ("LoadState", "ActiveState", "SubState", "UnitFileState")
AT_BOOT = ("enabled", "alias")
"""States of a unit file with which the unit is started at boot. `enabled-runtime` is lost at the next boot; `static`,
`indirect` and `generated` leave it to others (systemctl(1), is-enabled)."""
FILE_FORM = "type=%F\tmode=%a\tuser=%U\tgroup=%G\tuid=%u\tgid=%g"
NOT_THERE = ("No such file or directory", "Not a directory")


class Ours:
    """Makes testinfra use the class itself instead of choosing one by the host's system: all hosts run Linux."""

    @classmethod
    def get_module_class(cls, host: Any) -> type[Ours]:
        """See `testinfra.modules.base.Module`."""
        return cls


class Service(Ours, service.SystemdService):  # type: ignore[misc]
    """A systemd unit; `.service` may be left out.

    >>> host.service("docker").is_running
    True
    """

    @cached_property
    def _states(self) -> dict[str, str]:
        asked = " ".join(f"-p {state}" for state in UNIT_STATES)
        return systemd.show(self.check_output(f"systemctl show %s {asked} --no-pager", self.name))

    def _state(self, name: str) -> str:
        if name not in self._states:
            raise unparsable("systemctl show", why=f"no {name} of {self.name}")
        return self._states[name]

    @property
    def active_state(self) -> str:
        """`active`, `inactive`, `failed`, `activating`...; a unit that does not exist is `inactive`."""
        return self._state("ActiveState")

    @property
    def sub_state(self) -> str:
        """`running`, `dead`, `exited`, `auto-restart`...: finer than `active_state`; depends on the kind of unit."""
        return self._state("SubState")

    @property
    def unit_file_state(self) -> str:
        """`enabled`, `disabled`, `masked`, `static`...; "" where there is no such unit file."""
        return self._state("UnitFileState")

    @property
    def exists(self) -> bool:
        """Whether there is such a unit; a masked one counts, because its name is taken."""
        return self._state("LoadState") != "not-found"

    @property
    def is_running(self) -> bool:
        """Whether it is active now; a unit that reloads its configuration is."""
        return self.active_state in ("active", "reloading")

    @property
    def is_enabled(self) -> bool:
        """Whether every boot starts it."""
        return self.unit_file_state in AT_BOOT

    @property
    def is_masked(self) -> bool:
        """Whether it is masked, so that nothing can start it."""
        return self.unit_file_state in ("masked", "masked-runtime")


class File(Ours, file.GNUFile):  # type: ignore[misc]
    """A file; symbolic links are followed. If it does not exist, only `exists` and `is_...` do not raise Unknown.

    >>> host.file("/etc/shadow").mode == 0o640
    True
    """

    @cached_property
    def _status(self) -> dict[str, str] | None:
        answer = self.run_expect([0, 1], "stat -L -c %s %s", FILE_FORM, self.path)
        if answer.rc == 0:
            fields = [field.partition("=") for field in only_line("stat", answer.stdout).split("\t")]
            if len(status := {name: value for name, equals, value in fields if equals}) < len(fields):
                raise unparsable("stat", answer.stdout)  # a field without a value, or one with two
            return status
        if answer.stderr.strip().endswith(NOT_THERE):
            return None
        raise self._host.unexpected(answer)

    def _field(self, name: str) -> str:
        if self._status is None:
            raise Unknown(f"{self._host.name}: {self.path}: no such file")
        if name not in self._status:
            raise unparsable("stat", why=f"no {name} of {self.path}")
        return self._status[name]

    @property
    def kind(self) -> str:
        """The type by stat: `regular file`, `directory`, `socket`...; `nothing` where there is no such file."""
        return self._field("type") if self.exists else "nothing"

    @property
    def exists(self) -> bool:
        """Whether there is such a file; False for a broken link."""
        return self._status is not None

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self.kind in ("regular file", "regular empty file")

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.kind == "directory"

    @property
    def is_socket(self) -> bool:
        """Whether it is a socket."""
        return self.kind == "socket"

    @property
    def is_pipe(self) -> bool:
        """Whether it is a named pipe."""
        return self.kind == "fifo"

    @property
    def mode(self) -> int:
        """The permission bits, as `0o640`."""
        return int(self._field("mode"), 8)

    @property
    def user(self) -> str:
        """The owner's name; `UNKNOWN` for a number without one."""
        return self._field("user")

    @property
    def group(self) -> str:
        """The group's name; `UNKNOWN` for a number without one."""
        return self._field("group")

    @property
    def uid(self) -> int:
        """The owner's number."""
        return number("stat", self._field("uid"))

    @property
    def gid(self) -> int:
        """The group's number."""
        return number("stat", self._field("gid"))


class Package(Ours, package.DebianPackage):  # type: ignore[misc]
    """A Debian package.

    >>> host.package("kubelet").version
    '1.20.2-00'
    """

    @cached_property
    def _row(self) -> dpkg.Package | None:
        answer = self.run_expect([0, 1], f"{dpkg.QUERY}%s", self.name)
        rows = dpkg.packages(answer.stdout)
        if bool(rows) is not (answer.rc == 0):  # 1: dpkg knows no such package
            raise self._host.unexpected(answer)
        return rows[0] if rows else None

    @property
    def is_installed(self) -> bool:
        """Whether it is unpacked, configured and whole."""
        return self._row is not None and self._row.is_installed

    @property
    def version(self) -> str:
        """The version. Unknown for a package that is not installed."""
        if self._row is None or not self._row.is_installed:
            raise Unknown(f"{self._host.name}: package {self.name} is not installed")
        return self._row.version


class MountPoint(Ours, mountpoint.LinuxMountPoint):  # type: ignore[misc]
    """A mount point: of several mounts on it the last, which is the visible one; testinfra's own returns the first.

    >>> host.mount_point("/mntdlws").filesystem
    'nfs4'
    """

    @classmethod
    def _iter_mountpoints(cls) -> Iterator[dict[str, Any]]:
        seen = {m.point: m for m in mounts.parse(cls.check_output("cat /proc/mounts"))}
        for m in seen.values():
            yield {"path": m.point, "device": m.source, "filesystem": m.kind, "options": list(m.options)}

    @property
    def is_nfs(self) -> bool:
        """Whether it is an NFS share."""
        return self.exists and self.filesystem in mounts.NFS

    @property
    def is_writable(self) -> bool:
        """Whether it is mounted, and not read-only."""
        return self.exists and "ro" not in self.options


class User(Ours, user.User):  # type: ignore[misc]
    """A user account, local or not; its password is never read here.

    >>> host.user("dlwsadmin").groups
    ['dlwsadmin', 'sudo', 'docker']
    """

    @cached_property
    def _row(self) -> accounts.User | None:
        answer = self.run_expect([0, 2], "getent passwd %s", self.name)
        rows = accounts.passwd(answer.stdout)
        if bool(rows) is not (answer.rc == 0):  # 2: no such user
            raise self._host.unexpected(answer)
        return rows[0] if rows else None

    def _existing(self) -> accounts.User:
        if self._row is None:
            raise Unknown(f"{self._host.name}: no such user: {self.name}")
        return self._row

    @property
    def exists(self) -> bool:
        """Whether there is such a user."""
        return self._row is not None

    @property
    def uid(self) -> int:
        """The user's number."""
        return self._existing().uid

    @property
    def gid(self) -> int:
        """The number of the primary group."""
        return self._existing().gid

    @property
    def home(self) -> str:
        """The home directory."""
        return self._existing().home

    @property
    def shell(self) -> str:
        """The login shell."""
        return self._existing().shell

    @property
    def groups(self) -> list[str]:
        """The names of all its groups; empty for a user that does not exist, at least one for any other."""
        answer = self.run_expect([0, 1], "id -nG %s", self.name)
        names = clean("id", answer.stdout).split()
        if not names and "no such user" not in answer.stderr:
            raise self._host.unexpected(answer)
        return names


class Group(Ours, group.Group):  # type: ignore[misc]
    """A group, local or not.

    >>> host.group("docker").members
    ['dlwsadmin']
    """

    @cached_property
    def _row(self) -> accounts.Group | None:
        answer = self.run_expect([0, 2], "getent group %s", self.name)
        rows = accounts.group(answer.stdout)
        if bool(rows) is not (answer.rc == 0):  # 2: no such group
            raise self._host.unexpected(answer)
        return rows[0] if rows else None

    def _existing(self) -> accounts.Group:
        if self._row is None:
            raise Unknown(f"{self._host.name}: no such group: {self.name}")
        return self._row

    @property
    def exists(self) -> bool:
        """Whether there is such a group."""
        return self._row is not None

    @property
    def gid(self) -> int:
        """The group's number."""
        return self._existing().gid

    @property
    def members(self) -> list[str]:
        """The users for whom it is a supplementary group."""
        return list(self._existing().members)


class Sysctl(Ours, sysctl.Sysctl):  # type: ignore[misc]
    """A kernel setting, read from /proc/sys: an integer if it is one, else text.

    >>> host.sysctl("net.ipv4.ip_forward")
    1
    """

    def __call__(self, name: str) -> int | str:
        """The value. Unknown where the kernel has no such setting."""
        path = f"/proc/sys/{name.replace('.', '/')}"
        text = clean(path, self.check_output("cat %s", path)).strip()
        return int(text) if re.fullmatch(r"-?[0-9]{1,19}", text) else text


class Socket(Ours, socket.LinuxSocketSS):  # type: ignore[misc]
    """A listening socket: `tcp://192.168.3.2:6443` is listening if that address or the wildcard address is bound.

    >>> host.socket("tcp://0.0.0.0:22").is_listening
    True
    """

    _command = "ss"

    @property
    def is_listening(self) -> bool:
        """Whether a process accepts connections there; for `tcp://443`, without an address, at any address."""
        if self.protocol != "tcp":
            return bool(super().is_listening)
        listing = self.check_output("ss -Hlnt %s", f"sport = :{self.port}")
        bound = [self._address(line) for line in lines("ss -l", listing)]
        return bool(bound) if self.host is None else bool({self.host, *EVERYWHERE} & set(bound))

    def _address(self, line: str) -> str:
        row = re.fullmatch(r"\s*LISTEN\s+[0-9]+\s+[0-9]+\s+(\S+):[0-9]{1,5}\s+\S+:\S+\s*", line)
        if row is None:
            raise unparsable("ss -l", line)
        return str(row[1]) if row[1] in EVERYWHERE else row[1].partition("%")[0].strip("[]")


class Interface(Ours, interface.LinuxInterface):  # type: ignore[misc]
    """A network interface. `addresses` are those of one family, by default IPv4.

    >>> host.interface("eth0").addresses
    ['192.168.3.2']
    """

    @property
    def exists(self) -> bool:
        """Whether there is such an interface."""
        return bool(self.run_test("test -d %s", f"/sys/class/net/{self.name}").rc == 0)

    @property
    def mtu(self) -> int:
        """The MTU in bytes."""
        return number("mtu", self.check_output("cat %s", f"/sys/class/net/{self.name}/mtu").strip())

    @property
    def addresses(self) -> list[str]:
        """The addresses of the interface; empty if it is down."""
        if self.family == "inet6":
            return list(super().addresses)
        rows = ip_addr.parse(self.check_output("ip -4 -o addr show up"))
        return [row.address for row in rows if row.interface == self.name]


MODULES: dict[str, type[Ours]] = {
    "file": File,
    "group": Group,
    "interface": Interface,
    "mount_point": MountPoint,
    "package": Package,
    "service": Service,
    "socket": Socket,
    "sysctl": Sysctl,
    "user": User,
}
"""By attribute name on a host: `host.file`. Modules not listed are testinfra's own."""
