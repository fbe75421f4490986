"""Container images as files in the folder of archives (`suite.image_archives`)."""

from __future__ import annotations

from pathlib import Path

from dlws.inventory import Arch


def archive(folder: Path | None, image: str, arch: Arch) -> Path | None:
    """The `docker save` archive of an image, preferably the architecture's own; None if there is none.

    `k8s.gcr.io/pause:3.2` is `k8s.gcr.io-pause-3.2-arm64.tar` or, for any architecture, `k8s.gcr.io-pause-3.2.tar`.
    """
    flat = image.replace("/", "-").replace(":", "-")
    candidates = [folder / f"{flat}-{arch}.tar", folder / f"{flat}.tar"] if folder else []
    return next((path for path in candidates if path.exists()), None)


def with_tag(image: str) -> str:
    """The image's name as Docker lists it: with `latest` where it has no tag, without Docker Hub's own names."""
    name = image if ":" in image.rpartition("/")[2] else f"{image}:latest"
    return name.removeprefix("docker.io/").removeprefix("library/")
