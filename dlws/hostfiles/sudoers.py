"""/etc/sudoers.d/<admin>: the admin user runs everything as root, without a password and without a terminal."""

from __future__ import annotations


def file_name(user: str) -> str:
    """Where the user's rights stand."""
    return f"/etc/sudoers.d/{user}"


def everything(user: str) -> str:
    """The line that lets a user run everything without a password."""
    return f"{user} ALL=(ALL) NOPASSWD: ALL"


def no_terminal(user: str) -> str:
    """The line that lets a user do so without a terminal, where `Defaults requiretty` asks for one."""
    return f"Defaults:{user} !requiretty"


def content(user: str) -> str:
    """The whole file."""
    return f"{no_terminal(user)}\n{everything(user)}\n"
