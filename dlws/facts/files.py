"""Files: what is in them, whose they are. None for no file; Unknown when it cannot be read."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from dlws.config import named_file
from dlws.parse.host import modes
from dlws.parse.host.modes import FileMode
from dlws.remote.host import Host
from dlws.verdict import Unknown

NO_FILE = "No such file or directory"


def text_of(host: Host, path: str) -> str | None:
    """The text of a file on the host without its last newline, None when there is none."""
    result = host.run_expect([0, 1], "cat %s", path)
    if result.rc == 0:
        return str(result.stdout.rstrip("\r\n"))
    if result.stderr.strip().endswith(NO_FILE):
        return None
    raise host.unexpected(result)


def mode_of(host: Host, path: str) -> str:
    """The permission bits of a file on the host, `600`, or `no file`."""
    file = host.file(path)
    return f"{file.mode:o}" if file.exists else "no file"


def is_open_to(host: Host, folder: str, group: str) -> bool:
    """Whether members of a group, by its number, can open files in a folder by name; root always can."""
    file = host.file(folder)
    return file.is_directory and (group == "0" or bool(file.mode & (0o011 if str(file.gid) == group else 0o001)))


def digest_of(host: Host, path: str) -> str:
    """The SHA-256 of a file on the host, or `no file`."""
    result = host.run_expect([0, 1], "sha256sum %s", path)
    found = re.match(r"\\?([0-9a-f]{64}) ", result.stdout)
    if result.rc == 0 and found:
        return found[1]
    if result.rc == 1 and result.stderr.strip().endswith((NO_FILE, "Is a directory")):
        return "no file"
    raise host.unexpected(result)


def configured_file(path: Path) -> bytes:
    """A file that the configuration names. Unknown when it cannot be read."""
    try:
        return named_file.content(path)
    except OSError as error:
        raise Unknown(f"the configuration names {path}: {error.strerror}") from error


def sha256_of(path: Path) -> str:
    """The digest of a file that the configuration names."""
    return hashlib.sha256(configured_file(path)).hexdigest()


def files_at(host: Host, *paths: str, depth: int | None = None) -> list[FileMode]:
    """The files at the paths and, without a depth, all below them; what is not there is left out."""
    below = "" if depth is None else f"-maxdepth {depth} "
    command = " ".join(["find -L", *["%s"] * len(paths), f"{below}-printf %s"])
    result = host.run_expect([0, 1], command, *paths, modes.FORM)
    if any(NO_FILE not in line for line in result.stderr.splitlines()) or (result.rc and not result.stderr):
        raise host.unexpected(result)
    return list(modes.parse(result.stdout))


def existing_files(host: Host, command: str) -> str:
    """What `cat` shows of those of its files that are there."""
    result = host.run_expect([0, 1], command)
    if any(not line.endswith(NO_FILE) for line in result.stderr.splitlines()):
        raise host.unexpected(result)
    return str(result.stdout)
