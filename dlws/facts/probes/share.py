"""Commands that touch a share, with their bounds, and the probe that hosts write and read back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from dlws.config.cluster import Mount
from dlws.remote.host import Host
from dlws.verdict import Unknown

PATIENCE = 5
"""Seconds that a share may take to answer."""
BOUND = f"timeout -k 1 {PATIENCE} "
PROBE_PATIENCE = 20
PROBE_BOUND = f"timeout -k 1 {PROBE_PATIENCE} "
"""For writing and reading back: a server that has just started makes its clients wait (grace period)."""
ANSWERS = (0, 1, 124, 137)
"""Exit statuses of a bounded command that say something of the share: done, refused, stopped by either signal."""
SIDE_BY_SIDE = 16
"""Hosts that read a probe at the same time: one whose mount is dead must not add to the others' wait."""
WRITE = (
    PROBE_BOUND + 'sh -c \'find "$1" -maxdepth 1 -name ".dlws-probe.*" -mmin +60 -delete;'
    ' s=$(head -c 64 /dev/urandom | sha256sum) && f=$(mktemp "$1/.dlws-probe.XXXXXXXXXX")'
    ' && echo "$s" | dd of="$f" oflag=nofollow status=none && echo "$f" && echo "$s"\' - %s'
)
NAME = re.compile(r"\.dlws-probe\.[A-Za-z0-9]{10}")
CONTENT = re.compile(r"[0-9a-f]{64}  -")
READ = "dd bs=80 count=1 iflag=nofollow,nonblock status=none if=%s"
"""Reads a probe: at most its size, and neither what a link leads to nor a pipe. A share is everybody's to write."""


class ShareSilent(Exception):
    """A share kept a bounded command waiting, or refused it: a fact about the share, not a failure to find it out."""

    def __init__(self, what: str, answer: str) -> None:
        super().__init__(f"{what}: {answer or 'nothing'}")
        self.what, self.answer = what, answer


def misreaders(hosts: Mapping[str, Host], mount: Mount) -> list[str]:
    """Let one host write a file with random content to a share and take it away again; who of the others misreads it.

    ShareSilent if it cannot be written. The server is seldom the last of the inventory, so a network lies between.
    """
    *readers, writer = hosts.values()
    path, content = written(writer, mount)
    try:
        with ThreadPoolExecutor(
            SIDE_BY_SIDE
        ) as pool:  # in copies of this context: the answers are this test's evidence
            asked = [pool.submit(copy_context().run, misread, host, path, content) for host in readers]
        trouble = [each.result() for each in asked]
    finally:
        gone = writer.run_active(ANSWERS, PROBE_BOUND + "rm -f %s", path)
        require_answer(f"{path} on {writer.name}", gone.rc, gone.text, gone.error_text, PROBE_PATIENCE)
    return [f"{host.name} ({text})" for host, text in zip(readers, trouble, strict=True) if text]


def written(host: Host, mount: Mount) -> tuple[str, str]:
    """Let a host write a new file with random content to a share; its path and its content.

    Unknown unless they are a probe's: another path would be read, as root, on every other host.
    """
    answer = host.run_active(ANSWERS, WRITE, mount.mount_point)
    what = f"writing to {mount.mount_point} on {host.name}"
    lines = require_answer(what, answer.rc, answer.text, answer.error_text, PROBE_PATIENCE).splitlines()
    folder, _, name = lines[0].rpartition("/") if len(lines) == 2 else ("", "", "")
    if folder != mount.mount_point or not NAME.fullmatch(name) or not CONTENT.fullmatch(lines[1]):
        raise Unknown(f"{host.name}: unclear what was written to {mount.mount_point}: {answer.text[:200]!r}")
    return lines[0], lines[1]


def misread(host: Host, path: str, content: str) -> str:
    """What is wrong with what a host reads there; nothing if that is the content."""
    answer = host.run_active(ANSWERS, PROBE_BOUND + READ, path)
    try:
        text = require_answer(path, answer.rc, answer.text, answer.error_text, PROBE_PATIENCE)
    except ShareSilent as error:
        return str(error)
    return "" if text.strip() == content else "different content"


def require_answer(what: str, rc: int | None, out: str, err: str, patience: int = PATIENCE) -> str:
    """What a bounded command printed about a share. ShareSilent if the share kept it waiting or refused it."""
    if rc not in (0, 1):
        raise ShareSilent(what, f"no answer within {patience} s")
    if rc:
        raise ShareSilent(what, err.strip())
    return out
