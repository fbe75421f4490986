"""Commands that touch a share, with their bounds, and the probe that hosts write and read back."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from dlws.config.cluster import Mount
from dlws.remote.host import Host
from dlws.verdict import Mismatch, Unknown, expect_that

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
    ' f=$(mktemp "$1/.dlws-probe.XXXXXXXXXX") && head -c 64 /dev/urandom | sha256sum > "$f"'
    ' && echo "$f" && cat "$f"\' - %s'
)


def misreaders(hosts: Mapping[str, Host], mount: Mount) -> list[str]:
    """Let one host write a file with random content to a share and take it away again; who of the others misreads it.

    Mismatch if it cannot be written. The server is seldom the last of the inventory, so a network lies between.
    """
    *readers, writer = hosts.values()
    path, content = written(writer, mount)
    try:
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            trouble = list(pool.map(partial(misread, path=path, content=content), readers))
    finally:
        gone = writer.touch(ANSWERS, PROBE_BOUND + "rm -f %s", path)
        told(f"{path} on {writer.name}", gone.rc, gone.text, gone.error_text, PROBE_PATIENCE)
    return [f"{host.name} ({text})" for host, text in zip(readers, trouble, strict=True) if text]


def written(host: Host, mount: Mount) -> tuple[str, str]:
    """Let a host write a new file with random content to a share; its path and its content."""
    answer = host.touch(ANSWERS, WRITE, mount.mount_point)
    what = f"writing to {mount.mount_point} on {host.name}"
    lines = told(what, answer.rc, answer.text, answer.error_text, PROBE_PATIENCE).splitlines()
    if len(lines) != 2 or not lines[0].startswith(f"{mount.mount_point}/.dlws-probe."):
        raise Unknown(f"{host.name}: unclear what was written to {mount.mount_point}: {answer.text[:200]!r}")
    return lines[0], lines[1]


def misread(host: Host, path: str, content: str) -> str:
    """What is wrong with what a host reads there; nothing if that is the content."""
    answer = host.touch(ANSWERS, PROBE_BOUND + "cat %s", path)
    try:
        text = told(path, answer.rc, answer.text, answer.error_text, PROBE_PATIENCE)
    except Mismatch as error:
        return str(error)
    return "" if text.strip() == content else "different content"


def told(what: str, rc: int | None, out: str, err: str, patience: int = PATIENCE) -> str:
    """What a bounded command said about a share. Mismatch if the share kept it waiting or refused it."""
    expect_that(rc in (0, 1), what, found=f"no answer within {patience} s", expected="an answer")
    expect_that(rc == 0, what, found=err.strip(), expected="an answer")
    return out
