"""The programs of a host that run as root whoever starts them."""

from __future__ import annotations

from typing import Final

from dlws.parse.host import dpkg
from dlws.parse.text import lines, unparsable
from dlws.remote.host import Host

FOLDERS: Final = (
    "/bin /sbin /usr/bin /usr/sbin /usr/lib /usr/libexec /usr/local /opt /srv /home /root /tmp /var/tmp /dev/shm"
)
FIND: Final = (
    f"set -e; for d in {FOLDERS}; do test -h $d || test ! -d $d || find $d -ignore_readdir_race -maxdepth 4 -xdev"
    r" \( -fstype nfs -o -fstype nfs4 \) -prune -o -type f -user root -perm -4000 -perm /011 -print; done"
)
"""Root's set-uid programs that others than root may run, where programs, people and passers-by leave theirs."""
_MERGED: Final = ("/bin/", "/sbin/", "/lib/")
"""Folders that are links into /usr on newer hosts; packages still name their files without it (usrmerge)."""


def set_uid_programs(host: Host) -> list[str]:
    """The paths of root's set-uid programs. Unparsable where there is none, or a name has a line break."""
    paths = lines("find", host.read(FIND))
    if not paths:
        raise unparsable("find", why="no set-uid program, not even sudo")
    if broken := next((path for path in paths if not path.startswith("/")), None):
        raise unparsable("find", broken)
    return paths


def without_package(host: Host, paths: list[str]) -> list[str]:
    """Those of the files that no package of the host has brought."""
    asked = sorted({name for path in paths for name in _names(path)})
    answer = host.run_expect([0, 1], dpkg.SEARCH + " ".join(["%s"] * len(asked)), *asked)
    owned = dpkg.owned(answer.stdout)
    return [path for path in paths if owned.isdisjoint(_names(path))]


def _names(path: str) -> list[str]:
    return [path, *(path.removeprefix("/usr") for folder in _MERGED if path.startswith(f"/usr{folder}"))]
