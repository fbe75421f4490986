"""Who holds apt's and dpkg's locks, from /proc/locks.

/proc/locks and not `fuser`: fuser names whoever has the file open, holder or not, and is missing on minimal systems.
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
    r"\s*[0-9]+: *(?P<waiting>-> +)?(?:POSIX|FLOCK|OFDLCK|LEASE|DELEG|ACCESS)\s+\S+\s+\S+\s+(?P<pid>-?[0-9]{1,10}) "
    r"(?:[0-9a-f]+:[0-9a-f]+:(?P<inode>[0-9]{1,20})|<none>:[0-9]+) [0-9]+ (?:[0-9]+|EOF)"
)


def holders(proc_locks: str, inodes: str) -> dict[str, tuple[int, ...]]:
    """The process ids that hold a lock on each file; () for a free one. Waiters do not count.

    `inodes` is `stat -c '%i %n' FILE...` (a missing file has no row). Matched by inode alone: on btrfs and
    overlayfs the two show different device numbers, and a needless wait is better
    than a lock not seen.
    """
    held: dict[int, list[int]] = {}
    for line in lines("/proc/locks", proc_locks):
        found = _LOCK.fullmatch(line)
        if found is None:
            raise unparsable("/proc/locks", line)
        if not found["waiting"] and found["inode"]:
            held.setdefault(int(found["inode"]), []).append(int(found["pid"]))
    files: dict[str, tuple[int, ...]] = {}
    for line in lines("stat", inodes):
        inode, _, path = line.partition(" ")
        if not path.startswith("/"):
            raise unparsable("stat", line)
        files[path] = tuple(held.get(number("stat", inode), ()))
    return files
