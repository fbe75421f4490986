"""A content folder with all that a cluster of the proofs needs, made of next to nothing, and spoilt as a case says."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bundle.content.debs import packed
from dlws.config.cluster import Cluster
from dlws.content import lock, places, wanted
from dlws.content.item import Demand, Item, Kind
from dlws.content.lock import Lock, LockedFile
from dlws.kubernetes import image_archives
from tests.kits import debs
from tests.kits.archives import saved


def furnish(cluster: Cluster, wrong: Mapping[str, str]) -> None:
    """Write the content of a cluster; `wrong` says what becomes of a file."""
    folder = cluster.content
    assert folder is not None
    folder.mkdir(exist_ok=True)
    try:
        items = wanted.items(cluster)
    except LookupError:
        items = ()  # what only kubeadm could list
    required = [item for item in items if item.demand is Demand.REQUIRED]
    made = {entry.path: entry for item in required if (entry := _made(item, folder, cluster))}
    for place in places.of(Lock(format="dlws-content/1", files=tuple(made.values()))):
        packages = [folder / path for path in made if path.startswith(f"{place}/")]
        index = folder / place / lock.INDEX
        index.write_text("".join(f"Filename: ./{path.name}\n" for path in packages))
        for path in (index, packed([*packages, index], folder / f"{place}.tar")):
            entry = _entry(path, folder, kind="index")
            made[entry.path] = entry
    for start, fate in wrong.items():
        (path,) = (path for path in made if path.startswith(start))
        match fate:
            case "missing":
                (folder / path).unlink(missing_ok=True)
            case "cut":
                (folder / path).write_bytes((folder / path).read_bytes()[:-600])
            case "lacking":
                del made[path]
    lock.write(folder, Lock(format="dlws-content/1", files=tuple(made.values())))


def _made(item: Item, folder: Path, cluster: Cluster) -> LockedFile | None:
    version = ""
    match item.kind:
        case Kind.PACKAGE:
            name, _, version = item.name.partition("=")
            version = version or "1.0"
            place = folder / lock.packages_folder(item.platform, item.arch)
            path = debs.package(place, name, version, item.arch)
        case Kind.IMAGE:
            name = item.name
            path = saved(folder / lock.IMAGES / image_archives.file_name(name, item.arch), name, item.arch)
        case Kind.FILE:
            name, path = item.name, folder / lock.FILES / lock.safe_name(item.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            if (cluster.path.parent / name).exists():
                shutil.copyfile(cluster.path.parent / name, path)
        case _:
            return None
    id = image_archives.contents(path)[0].id if item.kind is Kind.IMAGE else ""
    return _entry(path, folder, kind=item.kind.value, name=name, arch=item.arch.value, version=version, id=id)


def _entry(path: Path, folder: Path, **about: Any) -> LockedFile:
    size = path.stat().st_size
    return LockedFile(path=str(path.relative_to(folder)), sha256=lock.sha256_of(path), size=size, **about)
