"""The lab's stand-in checkout, as it is or as a modified copy, and a cluster that uses it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from dlws.config.cluster import Cluster, load
from dlws.platform import rendering
from dlws.platform.templates import Renderer
from dlws.upstream.checkout import SERVICES
from tests.kits.config_example import no_dns, write

STAND_IN = Path(__file__).parents[2] / "lab" / "checkout"
ID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
ARM_ONLY = ("archtype: amd64", "archtype: arm64")
MONITOR = f"{SERVICES}/monitor"
WEBUI3 = f"{SERVICES}/webui3/webui3-arm64.yaml"


def cluster_of(folder: Path, *edits: tuple[str, str], checkout: Path = STAND_IN) -> Cluster:
    """The cluster of the documentation's example, in `folder`, with a checkout, an id and a key."""
    loaded = _loaded(edits)
    settings = loaded.settings.model_copy(update={"dlworkspace": str(checkout)})
    cluster = replace(loaded, path=folder / "config.yaml", settings=settings)
    identity = cluster.state.cluster_id
    identity.parent.mkdir(parents=True, exist_ok=True)
    identity.write_text(f"clusterId: {ID}\n", encoding="utf-8")
    cluster.state.keys.mkdir(exist_ok=True)
    cluster.state.key.write_bytes(b"invented key of the cluster")
    return cluster


@cache
def _loaded(edits: tuple[tuple[str, str], ...]) -> Cluster:
    with TemporaryDirectory() as folder:
        return load(write(Path(folder), *edits), resolve=no_dns)


def renderer_of(folder: Path, *edits: tuple[str, str]) -> Renderer:
    """The renderer of the stand-in's templates for the example's cluster."""
    return rendering.renderer(cluster_of(folder, *edits))


def spoilt(folder: Path, name: str, text: str) -> Cluster:
    """The example's cluster with a copy of the stand-in in which the text of one file is replaced."""
    copy = folder / "checkout"
    shutil.copytree(STAND_IN, copy)
    (copy / name).write_text(text, encoding="utf-8")
    return cluster_of(folder, checkout=copy)
