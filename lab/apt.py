"""Packages of the machine itself, installed with its own apt."""

from __future__ import annotations

from collections.abc import Collection

from lab.process import run, say

LOCKED = 300
"""Seconds for which others may hold dpkg's lock: the upgrades that a machine makes by itself after its boot."""


def install(packages: Collection[str], purpose: str) -> None:
    """Install packages, if there are any; `purpose` is said: `to build Kubernetes`. Raises LabError if apt cannot."""
    if packages:
        names = sorted(packages)
        say(f"installing {', '.join(names)} {purpose}")
        run("apt-get", "update", timeout=300)
        patient = ("-o", f"DPkg::Lock::Timeout={LOCKED}")
        run("apt-get", *patient, "install", "-y", "--no-install-recommends", *names, timeout=900 + LOCKED)
