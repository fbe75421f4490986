"""Space and inodes of local file systems."""

from __future__ import annotations

from dlws.facts.files import NO_FILE
from dlws.remote.host import Host


def df_of_existing(host: Host, command: str, folders: list[str]) -> str:
    """What df says of those of the folders that are there. Unknown for any complaint but that one is not."""
    result = host.run_expect([0, 1], command + " %s" * len(folders), *folders)
    if any(not line.endswith(NO_FILE) for line in result.stderr.splitlines()) or (result.rc and not result.stderr):
        raise host.unexpected(result)
    return str(result.stdout)
