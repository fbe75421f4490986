"""Users of a host, and the settings of its SSH server."""

from __future__ import annotations

from dlws.parse.host import accounts, sshd_t
from dlws.parse.text import unparsable
from dlws.remote.host import Host

NO_SUCH_USER = "no such user"
SSHD = "/usr/sbin/sshd -T -C user=root,host=localhost,addr=127.0.0.1"


def identity_of(host: Host, user: str) -> str:
    """`1000:1000`, or `no such user`."""
    result = host.run_expect([0, 1], "id %s", user)
    if result.rc and NO_SUCH_USER in result.stderr:
        return NO_SUCH_USER
    who = accounts.identity(result.stdout)
    return f"{who.uid}:{who.gid}"


def groups_of(host: Host, user: str) -> list[str]:
    """The groups of a user, none for a user that does not exist. Unknown when `id` names none: everybody has one."""
    result = host.run_expect([0, 1], "id -nG %s", user)
    groups: list[str] = result.stdout.split()
    if not groups and "no such user" not in result.stderr:
        raise host.unexpected(result)
    return groups


def sshd_setting(host: Host, keyword: str) -> str:
    """A setting that sshd is in force with. Unparsable when it names none."""
    values = sshd_t.parse(host.read(SSHD)).get(keyword)
    if not values:
        raise unparsable("sshd -T", keyword, "no")
    return values[0]
