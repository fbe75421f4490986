"""Docker's images."""

from __future__ import annotations

ARCHITECTURES = "docker image inspect -f '{{json .RepoTags}} {{.Architecture}}' "
