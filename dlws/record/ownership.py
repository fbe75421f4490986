"""What a user is told of a file that cannot be read or written: it is somebody else's, or the disk is full."""

from __future__ import annotations

import os
import pwd
from pathlib import Path


def user() -> str:
    """The name of the user who runs the suite; the number of one without a name."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def denied(error: PermissionError) -> str:
    """A refusal to read or write, in words. The usual cause is an earlier run as root."""
    fix = f"If a run of another user has left it, give the folder that holds it to {user()} (chown -R)"
    return f"{error.filename}: {user()} may not use it. {fix}"


def unwritable(path: Path, error: OSError) -> str:
    """A failure to write what belongs to a run, in words. The usual cause is a full disk."""
    fix = "Make room there, or name another folder for runs with the environment variable DLWS_RUNS"
    return f"{path} cannot be written: {error.strerror or error}. {fix}"
