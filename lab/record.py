"""The lab's state between commands, kept in the cache folder: its identity, root's password, faults in force."""

from __future__ import annotations

import fcntl
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab.plan import RUN, cache
from lab.process import wait_for


@dataclass(frozen=True, slots=True)
class Lab:
    """One generation of hosts: `up --fresh` creates a new one. `image` is the image they were created from."""

    id: str
    root_password: str
    image: str


def new_lab(image: str) -> Lab:
    """A generation with a new identity and a new random root password."""
    return Lab(id=secrets.token_hex(8), root_password=secrets.token_urlsafe(18), image=image)


def lab_file() -> Path:
    """Where the generation is recorded."""
    return cache() / "lab.json"


def load_lab() -> Lab | None:
    """The recorded generation; None if there is none."""
    content = read_json(lab_file())
    return Lab(**content) if content else None


def save_lab(lab: Lab) -> None:
    """Record a generation."""
    write_secret(lab_file(), json.dumps(asdict(lab), indent=1) + "\n")


def read_json(path: Path) -> Any:
    """The content of a JSON file; None if it does not exist."""
    return json.loads(path.read_text()) if path.exists() else None


def write_secret(path: Path, text: str) -> None:
    """Replace a file atomically by one that only its owner can ever read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(path)


@contextmanager
def lock(what: str = "lock", seconds: float = 900) -> Iterator[None]:
    """Allow only one command at a time to change the lab; others wait. Raises LabError if that takes too long."""
    RUN.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (RUN / what).open("w") as file:

        def taken() -> bool:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        wait_for("another lab command to finish", taken, seconds)
        yield
