"""What pods may do beyond their own containers."""

from __future__ import annotations

import re
from typing import Final

from dlws.kubernetes.objects import Object

CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")
_HOLDS_THE_SOCKET: Final = re.compile(r"/*|(?:/+var)?/+run/*(?:docker\.sock/*)?|/+var/*|.*/docker\.sock/*")
"""Paths of a host by which a pod has Docker's socket: its own, and those of the folders that it is in."""


def privileges(pod: Object) -> list[str]:
    """Those that a pod has: `["privileged", "hostNetwork", "docker.sock"]`."""
    spec = pod["spec"]
    containers = [container for kind in CONTAINERS for container in spec.get(kind) or ()]
    paths = [str(volume["hostPath"]["path"]) for volume in spec.get("volumes") or () if volume.get("hostPath")]
    found = {
        "privileged": any((c.get("securityContext") or {}).get("privileged") for c in containers),
        "hostNetwork": spec.get("hostNetwork", False),
        "docker.sock": any(map(_HOLDS_THE_SOCKET.fullmatch, paths)),
    }
    return [name for name, holds in found.items() if holds]
