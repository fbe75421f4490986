"""DLWS's own images, built from the stand-in checkout with the contexts that the suite makes.

All images of the platform end in the lab's registry. Each is kept as an archive by a hash of what it is made of: what
has not changed is not made again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import yaml

from dlws.config.cluster import load
from dlws.platform import image_names, rendering
from lab import hub_images, registry
from lab.daemon import docker
from lab.image import digest
from lab.image_archive import file_name
from lab.plan import DOCKER_SOCKET, LAB, REGISTRY, cache
from lab.process import attempt, say
from lab.record import read_json

CHECKOUT = LAB / "checkout"
CONFIG = LAB / "config.yaml"
STAND_INS = {
    "apulistech/grafana:6.7.3": "grafana",
    "apulistech/grafana:6.7.3-arm64": "grafana",
    "jessestuart/prometheus-operator:v0.38.0": "prometheus-operator",
    "directxman12/k8s-prometheus-adapter:v0.7.0": "k8s-prometheus-adapter",
}
"""Servers that Debian has not, and the folder of lab/images each is built from."""
BASES = (hub_images.PYTHON, hub_images.OPENRESTY)


@dataclass(frozen=True, slots=True)
class Job:
    """One archive to have: the image it holds, the hash of what it is made of, and how to make it."""

    reference: str
    recipe: str
    make: Callable[[Path], None]

    @property
    def file_name(self) -> str:
        """The archive's name."""
        return file_name(self.reference)


def wanted() -> bool:
    """True if the lab's configuration names a checkout: only then is there a platform to have images for."""
    return bool(yaml.safe_load(CONFIG.read_text()).get("dlworkspace"))


def ensure() -> None:
    """Have every image of the platform in the registry, which is started; and as an archive, in the cache folder."""
    kept = archives()
    kept.mkdir(parents=True, exist_ok=True)
    bases, builds = list(hub_jobs()), list(dlws_jobs())
    _make(stale(bases, kept), kept)
    if outdated := stale(builds, kept):
        _load_bases(kept)
        _make(outdated, kept)
        docker("image", "rm", *BASES)
    registry.start()
    for job in (*bases, *builds):
        registry.push(kept / job.file_name)


def archives() -> Path:
    """The folder of the images' archives."""
    return cache() / "platform"


def hub_jobs() -> Iterator[Job]:
    """What comes from elsewhere; a recipe with several names makes all of them at once."""
    for recipe in hub_images.RECIPES:
        for reference in recipe.references:
            one = replace(recipe, references=(reference,))
            yield Job(reference, one.digest(), partial(hub_images.make, one))


def dlws_jobs() -> Iterator[Job]:
    """What is built on them: stand-ins of the lab, and DLWS's own images as the suite would build them."""
    below = "".join(recipe.digest() for recipe in hub_images.RECIPES if recipe.references[0] in BASES).encode()
    for reference, folder in STAND_INS.items():
        files = _folder_context(hub_images.OVERLAYS / folder)
        yield _build_job(reference, image_names.archive(files), "Dockerfile", below)
    cluster = load(CONFIG)
    cluster = replace(cluster, settings=cluster.settings.model_copy(update={"dlworkspace": str(CHECKOUT)}))
    renderer = rendering.renderer(cluster)
    for build in image_names.builds(cluster, renderer):
        archive = image_names.archive(image_names.context(renderer, build.image))
        reference = build.full_name.removeprefix(f"{REGISTRY}/")
        yield _build_job(reference, archive, build.dockerfile, below)


def _folder_context(folder: Path) -> list[image_names.ContextFile]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return [
        image_names.ContextFile(str(path.relative_to(folder)), path.read_bytes(), bool(path.stat().st_mode & 0o100))
        for path in paths
    ]


def _build_job(reference: str, context: bytes, dockerfile: str, below: bytes) -> Job:
    recipe = digest(context, dockerfile.encode(), reference.encode(), below, Path(__file__).read_bytes())
    return Job(reference, recipe, partial(_build, reference, context, dockerfile))


def _build(reference: str, context: bytes, dockerfile: str, folder: Path) -> None:
    archive = folder / file_name(reference)
    new = archive.with_suffix(".new")
    docker(
        "build",
        "--quiet",
        "--network",
        "none",
        "--file",
        dockerfile,
        "--tag",
        reference,
        "-",
        stdin=context,
        timeout=300,
    )
    docker("save", "--output", str(new), reference, timeout=300)
    new.chmod(0o644)
    new.rename(archive)
    docker("image", "rm", reference)


def stale(jobs: list[Job], kept: Path) -> list[Job]:
    """Those whose archive is missing or of another recipe."""
    known = _recipes(kept)
    return [job for job in jobs if job.recipe != known.get(job.file_name)]


def _load_bases(kept: Path) -> None:
    """A base that a killed run has left may be an old one: it is replaced, and the old one not kept without a name."""
    for base in BASES:
        attempt("docker", "--host", f"unix://{DOCKER_SOCKET}", "image", "rm", base)
        docker("load", "--quiet", "--input", str(kept / file_name(base)), timeout=300)


def _make(jobs: list[Job], kept: Path) -> None:
    for number, job in enumerate(jobs, 1):
        say(f"image {number} of {len(jobs)}: {job.reference}")
        job.make(kept)
        recipes = _recipes(kept) | {job.file_name: job.recipe}
        (kept / "recipes.json").write_text(json.dumps(recipes, indent=1) + "\n")


def _recipes(kept: Path) -> dict[str, str]:
    """By name of an archive that is there, the recipe it was made by."""
    found = read_json(kept / "recipes.json") or {}
    return {name: recipe for name, recipe in found.items() if (kept / name).exists()}
