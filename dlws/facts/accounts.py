"""Users of a host, and the settings of its SSH server."""

from __future__ import annotations

from dlws.parse.host import sshd_t
from dlws.parse.text import unparsable
from dlws.remote.host import Host

NO_SUCH_USER = "no such user"
SSHD = "/usr/sbin/sshd -T -C user=%s,host=localhost,addr=127.0.0.1"


def identity_of(host: Host, name: str) -> str:
    """`1000:1000`, or `no such user`."""
    user = host.user(name)
    return f"{user.uid}:{user.gid}" if user.exists else NO_SUCH_USER


def sshd_setting(host: Host, keyword: str, user: str = "root") -> str:
    """A setting that is in force when a user signs in. Unparsable when sshd names none."""
    values = sshd_t.parse(host.read(SSHD, user)).get(keyword)
    if not values:
        raise unparsable("sshd -T", keyword, "no")
    return values[0]
