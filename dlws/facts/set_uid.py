"""The programs of a host that run as root whoever starts them."""

from __future__ import annotations

import re
from typing import Final

from dlws.facts.shares import mounts_of
from dlws.parse.host import dpkg
from dlws.parse.text import lines, unparsable
from dlws.remote.host import Host
from dlws.verdict import Unknown

FOLDERS: Final = (
    "/bin /sbin /usr/bin /usr/sbin /usr/lib /usr/libexec /usr/local /opt /srv /home /root /tmp /var/tmp /dev/shm"
)
_ELSEWHERE: Final = " -o ".join(f"-fstype {kind}" for kind in ("nfs", "nfs4", "cifs", "lustre", "ceph", "beegfs"))
FIND: Final = (
    f"s=0; for d in {FOLDERS}; do test -h $d || test ! -d $d ||"
    rf" LC_ALL=C find $d -ignore_readdir_race -maxdepth 4 -xdev \( {_ELSEWHERE} \) -prune"
    " -o -type f -user root -perm -4000 -perm /011 -print || s=$(($? > s ? $? : s)); done; exit $s"
)
"""Root's set-uid programs that others than root may run, where programs, people and passers-by leave theirs.

What is mounted below these folders is not looked through: it may hold millions of files.
"""
DEADLINE: Final = 120.0
"""Seconds for find. Homes with many small files take long when nothing of them is in memory."""
_REFUSED: Final = re.compile(r"find: '(?P<path>.*)': (?P<why>[^:]*)")
_GONE: Final = "No such file or directory"
"""find(1) says so of a folder that went away as it was read."""
_CLOSED: Final = ("Permission denied", "Transport endpoint is not connected")
"""What not even root is told of a mount by FUSE: it is another user's, or its program has ended."""
_MERGED: Final = ("/bin/", "/sbin/", "/lib/")
"""Folders that are links into /usr on newer hosts; packages still name their files without it (usrmerge)."""


def set_uid_programs(host: Host) -> list[str]:
    """The paths of root's set-uid programs. Unparsable where there is none, or a name has a line break.

    Unknown where a folder could not be read, but for a mount by FUSE, which root cannot look into: no set-uid bit
    counts there (fusermount(1) mounts with nosuid).
    """
    answer = host.run_expect([0, 1], FIND, deadline=DEADLINE)
    complaints = lines("find", answer.stderr)
    if answer.rc and not complaints:
        raise host.unexpected(answer)
    mounted = mounts_of(host).values() if complaints else ()
    closed = {mount.path for mount in mounted if mount.filesystem.startswith("fuse") and "nosuid" in mount.options}
    for line in complaints:
        refused = _REFUSED.fullmatch(line)
        if refused is None or not (
            refused["why"] == _GONE or (refused["why"] in _CLOSED and refused["path"] in closed)
        ):
            raise Unknown(f"{host.name}: {line}")
    paths = lines("find", answer.stdout)
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
