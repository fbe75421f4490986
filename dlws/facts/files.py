"""What checks ask of files: what is in them, whose they are. None for no file; Unknown when it cannot be read."""

from __future__ import annotations

from dlws.parse.text import only_line
from dlws.remote.host import Host

NO_FILE = "No such file or directory"


def text_of(host: Host, path: str) -> str | None:
    """The text of a file on the host without its last newline, None when there is none."""
    return _unless_missing(host, "cat %s", path)


def stat_of(host: Host, form: str, path: str) -> str | None:
    """What `stat -c FORM` says of a file, links followed: `stat_of(host, "%a %U", "/etc")`. None when there is none."""
    found = _unless_missing(host, "stat -L -c %s %s", form, path)
    return found if found is None else only_line("stat", found)


def _unless_missing(host: Host, command: str, *args: str) -> str | None:
    result = host.run_expect([0, 1], command, *args)
    if result.rc == 0:
        return str(result.stdout.rstrip("\r\n"))
    if result.stderr.strip().endswith(NO_FILE):
        return None
    raise host.unexpected(result)
