"""What a tar archive of somebody else's holds."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator


def members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The members, each behind the one before.

    tarfile of Python 3.11 follows a header that leads back, for ever (CVE-2025-8194). Raises tarfile.TarError for one,
    and, as tarfile does, ValueError for a header whose numbers are none.
    """
    end = -1
    while (member := archive.next()) is not None:
        if member.size < 0 or member.offset <= end:
            raise tarfile.ReadError("a header leads back")
        end = member.offset
        yield member
