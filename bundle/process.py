"""Commands of the machine that builds, and the one error that a build ends with."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class BundleError(Exception):
    """No bundle was made; the message says why, and what to do."""


def output_of(
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 60,
) -> bytes:
    """What a command prints. BundleError if it is missing, fails, or takes longer than `timeout` seconds."""
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, check=False, timeout=timeout, cwd=cwd, env=env)
    except FileNotFoundError:
        raise BundleError(f"{argv[0]} is not installed here; a bundle is built on Debian 12") from None
    except subprocess.TimeoutExpired:
        raise BundleError(f"{argv[0]}: no answer in {timeout:.0f} s") from None
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).decode("utf-8", "backslashreplace").splitlines()[-3:]
        raise BundleError(f"{argv[0]}: exit status {done.returncode}: {'; '.join(last)}")
    return done.stdout
