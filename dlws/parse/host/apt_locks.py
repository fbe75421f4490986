"""The processes that hold apt's and dpkg's locks, from /proc/locks.

Not from `fuser`, which lists every process that has the file open and is missing on minimal systems.
"""

from __future__ import annotations

import re

from dlws.parse.text import lines, number, unparsable

LOCK_FILES = (
    "/var/lib/dpkg/lock",
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/apt/lists/lock",
    "/var/cache/apt/archives/lock",
)
_LOCK = re.compile(
    r"\s*[0-9]{1,10}: *(?P<waiting>-> +)?(?:POSIX|FLOCK|OFDLCK|LEASE|DELEG|ACCESS)"
    r"\s+\S+\s+\S+\s+(?P<pid>-?[0-9]{1,10}) "
    r"(?:[0-9a-f]{2,}:[0-9a-f]{2,}:(?P<inode>[0-9]{1,20})|<none>:[0-9]{1,20}) [0-9]{1,20} (?:[0-9]{1,20}|EOF)"
)


def holders(proc_locks: str, inodes: str) -> dict[str, tuple[int, ...]]:
    """The ids of the processes that hold a lock on each file; () for a free one. Waiters do not count.

    `inodes` is the output of `stat -c '%i %n' FILE...` (a missing file has no row). Only inodes are compared, because
    on btrfs and overlayfs the two sources show different device numbers, and a needless wait is better than a missed
    lock.
    """
    held: dict[int, list[int]] = {}
    for line in lines("/proc/locks", proc_locks):
        lock = _LOCK.fullmatch(line)
        if lock is None:
            raise unparsable("/proc/locks", line)
        if not lock["waiting"] and lock["inode"]:
            held.setdefault(int(lock["inode"]), []).append(int(lock["pid"]))
    files: dict[str, tuple[int, ...]] = {}
    for line in lines("stat", inodes):
        inode, _, path = line.partition(" ")
        if not path.startswith("/"):
            raise unparsable("stat", line)
        files[path] = tuple(held.get(number("stat", inode), ()))
    return files
