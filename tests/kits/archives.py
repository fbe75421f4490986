"""`docker save` archives of images that hold next to nothing."""

from __future__ import annotations

from pathlib import Path

from lab.image_archive import Image, write


def saved(path: Path, image: str, architecture: str = "arm64") -> Path:
    """Write the archive of an image whose one layer is a text of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(Image(image, {"etc/image": image}), path.parent, architecture).rename(path)
