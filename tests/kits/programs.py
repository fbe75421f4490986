"""The lab's programs, loaded as modules, so that an application can be asked what it makes of a file."""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from lab.plan import LAB

IMAGES = LAB / "images"
CONTEXTS = LAB / "checkout/src/docker-images"


class Uncompiled(SourceFileLoader):
    """Leaves no compiled file beside the program: it would be one of the image's sources."""

    def set_data(self, path: str, data: object, *, _mode: int = 0o666) -> None:
        """Called with what would be kept."""


def module(path: Path) -> ModuleType:
    """A program of an image, loaded but not run."""
    spec = spec_from_file_location(path.stem, path, loader=Uncompiled(path.stem, str(path)))
    assert spec
    assert spec.loader
    loaded = module_from_spec(spec)
    sys.modules[path.stem] = loaded
    spec.loader.exec_module(loaded)
    return loaded


STANDIN = module(IMAGES / "python/usr/lib/python3/dist-packages/standin.py")
"""What the applications share; loaded first, as they import it by its name."""
