"""What is wrong with a content folder: what is missing, cut off, changed, or for another architecture, each by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from dlws.config.cluster import Cluster
from dlws.content import deb, lock, places, wanted
from dlws.content.item import Demand, Item, Kind
from dlws.content.lock import ContentError, Lock, LockedFile
from dlws.kubernetes import image_archives
from dlws.platform.templates import TemplateError
from dlws.upstream.checkout import CheckoutError
from dlws.verdict import Unknown

BROUGHT = (Kind.PACKAGE, Kind.IMAGE, Kind.FILE)
"""What a content folder holds; sources and vendors' tools are brought by hand."""


def troubles(cluster: Cluster, folder: Path) -> list[str]:
    """Everything that is wrong with the content for this configuration, one line each; empty if it is complete.

    Reads every byte of it. Raises as `wanted.items` where what is needed cannot be known.
    """
    try:
        locked = lock.read(folder)
    except ContentError as error:
        return [str(error)]
    wrong = {one.path: why for one in locked.files if (why := trouble(folder, one))}
    lines = [f"{one.title}: {wrong[one.path]}" for one in locked.files if one.path in wrong]
    lines += missing(wanted.items(cluster, lock.listed(locked, cluster)), locked, cluster)
    return [*lines, *(line for place in places.of(locked) for line in places.troubles(folder, place, locked, wrong))]


def judged(cluster: Cluster) -> list[str]:
    """`troubles` of the folder of suite.content. Unknown where what the install needs cannot be known."""
    if cluster.content is None:
        raise LookupError("suite.content is not set")
    try:
        return troubles(cluster, cluster.content)
    except (CheckoutError, TemplateError, LookupError) as error:
        raise Unknown(f"what the install needs is not known: {error}") from error


def missing(items: Iterable[Item], locked: Lock, cluster: Cluster) -> list[str]:
    """What the lock does not have of what is required, and files of the control host that differ from it."""
    there = _contents(locked)
    absent: dict[str, list[str]] = {}
    required = (item for item in items if item.kind in BROUGHT and item.demand is Demand.REQUIRED)
    for item in (item for item in required if key(item) not in there):
        absent.setdefault(str(item), []).append(item.need)
    lines = [f"{item}: not in {lock.NAME} (needed by {', '.join(dict.fromkeys(by))})" for item, by in absent.items()]
    return [*lines, *_other_files(locked, cluster)]


def key(item: Item) -> tuple[str, ...]:
    """What the lock has an item under."""
    name, _, version = item.name.partition("=") if item.kind is Kind.PACKAGE else (item.name, "", "")
    match item.kind:
        case Kind.PACKAGE:
            return (Kind.PACKAGE, lock.packages_folder(item.platform, item.arch), name, version)
        case Kind.IMAGE:
            return (Kind.IMAGE, item.name, item.arch)
        case _:
            return (item.kind, item.name)


def _contents(locked: Lock) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for one in locked.files:
        folder = one.path.rpartition("/")[0]
        match one.kind:
            case "package" if one.arch in ("all", folder.rpartition("-")[2]):
                found |= {(Kind.PACKAGE, folder, one.name, version) for version in (one.version, "")}
            case "image":
                found.add((Kind.IMAGE, one.name, one.arch))
            case "file":
                found.add((one.kind, one.name))
            case _:
                pass
    return found


def _other_files(locked: Lock, cluster: Cluster) -> Iterator[str]:
    """The files that the configuration names and that are not those of the content: theirs may need other images."""
    for one in (one for one in locked.files if one.kind == "file"):
        path = cluster.path.parent / one.name
        try:
            same = lock.sha256_of(path) == one.sha256
        except OSError as error:
            yield f"{path}: {error.strerror}; the content has it as {one.path}"
            continue
        if not same:
            yield f"{path}: differs from the content's {one.path}: fetch the content again for it"


def trouble(folder: Path, one: LockedFile) -> str:
    """What is wrong with a file; nothing if it is whole and what the lock says."""
    path = folder / one.path
    try:
        if path.is_symlink() or not path.resolve().is_relative_to(folder.resolve()):
            return "a link; put the file itself there"
        if not path.is_file():
            return f"missing ({one.path})"
        status = path.stat()
        if status.st_size != one.size:
            what, inside = "cut off" if status.st_size < one.size else "too long", _inside(path, one)
            return f"{what}: {status.st_size} of {one.size} bytes{f'; {inside}' if inside else ''} ({one.path})"
        found = _sha256(path, (status.st_ino, status.st_size, status.st_mtime_ns))
    except OSError as error:
        return f"cannot be read: {error.strerror} ({one.path})"
    inside = _inside(path, one)
    if found == one.sha256:
        return inside
    return f"its SHA-256 is {found}, {lock.NAME} says {one.sha256}{f'; {inside}' if inside else ''} ({one.path})"


@lru_cache(maxsize=10_000)
def _sha256(path: Path, state: tuple[int, int, int]) -> str:
    """A file's SHA-256, found once for each `state` of it: a preflight and an install judge the same content."""
    return lock.sha256_of(path)


def _inside(path: Path, one: LockedFile) -> str:
    """What a package or an image says of itself that differs from the lock; nothing if it agrees."""
    match one.kind:
        case "package":
            return _wrong_package(path, one)
        case "image":
            return _wrong_image(path, one)
        case _:
            return ""


def _wrong_package(path: Path, one: LockedFile) -> str:
    try:
        control = deb.control(path)
    except deb.WrongPackage as error:
        return str(error)
    if control is None or (control.name, control.version, control.arch) == (one.name, one.version, one.arch):
        return ""
    return f"it is {control.name} {control.version} for {control.arch}, not {one.name} {one.version} for {one.arch}"


def _wrong_image(path: Path, one: LockedFile) -> str:
    try:
        image_archives.require_image(path, one.name, one.arch)
    except image_archives.WrongArchive as error:
        return str(error)
    (image,) = image_archives.contents(path)
    return "" if image.id == one.id else f"its id is {image.id}, {lock.NAME} says {one.id or 'nothing'}"
