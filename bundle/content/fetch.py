"""Fills a content folder with what a configuration needs; what is there and right is not fetched again.

Every file is put in place whole, and the lock after it: a fetch that is killed is taken up by the next one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bundle.content import debs, image_file, kubeadm_list
from bundle.content.registry import Client
from dlws.config import named_file
from dlws.config.cluster import Cluster
from dlws.content import lock, verify, wanted
from dlws.content.item import Demand, Item, Kind
from dlws.content.lock import ContentError, Lock, LockedFile
from dlws.inventory import Arch
from dlws.kubernetes import image_archives

WORK: Final = ".fetch"
"""The folder for what is on its way."""


@dataclass(slots=True)
class Fetch:
    """A content folder that is being filled. `failed` gathers what could not be fetched, to be told at once."""

    cluster: Cluster
    folder: Path
    client: Client
    sources: Mapping[str, Sequence[str]]
    """By release, the site's lines of sources.list instead of the archive's own."""
    say: Callable[[str], None]
    failed: list[str] = field(default_factory=list)
    _before: dict[str, LockedFile] = field(default_factory=dict, init=False)
    _files: dict[str, LockedFile] = field(default_factory=dict, init=False)
    _listed: tuple[str, ...] = field(default=(), init=False)

    def run(self) -> Lock:
        """Fetch everything. ContentError where nothing can be; raises as `wanted.items`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._before = self._right()
        self._packages(wanted.packages(self.cluster))
        self._listed = kubeadm_list.ask(self.cluster, self.folder, self._files.values(), self.folder / WORK)
        items = wanted.items(self.cluster, self._listed)
        self._images([item for item in items if item.kind is Kind.IMAGE])
        self._copies([item for item in items if item.kind is Kind.FILE])
        if self.failed:
            return self._lock({**self._before, **self._files})
        done = self._lock(self._files)
        for path in sorted(self._before.keys() - self._files.keys()):
            (self.folder / path).unlink(missing_ok=True)
        shutil.rmtree(self.folder / WORK, ignore_errors=True)
        return done

    def _right(self) -> dict[str, LockedFile]:
        """What an earlier fetch brought and is still as its lock says."""
        if not (self.folder / lock.NAME).exists():
            return {}
        return {one.path: one for one in lock.read(self.folder).files if not verify.trouble(self.folder, one)}

    def _lock(self, files: Mapping[str, LockedFile]) -> Lock:
        settings = lock.kubeadm_settings(self.cluster) if self._listed else ""
        made = Lock(format="dlws-content/1", kubeadm=settings, kubeadm_images=self._listed, files=tuple(files.values()))
        lock.write(self.folder, made)
        return made

    def _keep(self, entry: LockedFile, file: Path) -> None:
        """Put a file in its place, and its entry into the lock."""
        target = self.folder / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        file.replace(target)
        self._files[entry.path] = entry
        self._lock({**self._before, **self._files})

    def _text(self, path: str, text: str) -> None:
        """Write a small file of the folder, with its entry."""
        new = self.folder / WORK / "text"
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(text, encoding="utf-8")
        self._keep(_index_entry(path, new), new)

    def _packages(self, items: Iterable[Item]) -> None:
        """The closures of all hosts' packages, by release and architecture, each with an index for apt."""
        by_place: dict[tuple[str, Arch], list[Item]] = {}
        for item in items:
            by_place.setdefault((item.platform, item.arch), []).append(item)
        for (platform, arch), wants in by_place.items():
            place = lock.packages_folder(platform, arch)
            try:
                self._closure(platform, arch, place, wants)
            except ContentError as error:
                self.failed.append(f"packages for {platform} {arch}: {error}")

    def _closure(self, platform: str, arch: Arch, place: str, wants: Sequence[Item]) -> None:
        apt = debs.Apt((self.folder / WORK / f"{Path(place).name}").resolve(), arch)
        apt.update(debs.sources_of(self.cluster, platform, arch, self.sources.get(platform, ()), apt.root))
        sets = _sets(item for item in wants if item.demand is Demand.REQUIRED)
        found = {deb for names in sets for deb in apt.closure(names)}
        closure = sorted(found | self._extras(apt, place, sets, wants))
        there = {f"{place}/{deb.file_name}": deb for deb in closure}
        self._files |= {path: self._before[path] for path in there if path in self._before}
        lacking = [deb for path, deb in there.items() if path not in self._files]
        self.say(f"{place}: {len(closure)} packages, {len(lacking)} to fetch")
        for start in range(0, len(lacking), debs.BATCH):
            batch = lacking[start : start + debs.BATCH]
            for deb, file in zip(batch, _paired(batch, apt.download(batch)), strict=True):
                self._keep(debs.locked(file, place, deb, arch), file)
        made = {f"{place}/{lock.INDEX}", f"{place}.tar"}
        if {*there, *made} == {path for path in self._before if path.startswith((f"{place}/", f"{place}."))}:
            self._files |= {path: self._before[path] for path in made}
            return
        self._text(f"{place}/{lock.INDEX}", debs.index(self.folder / place, [self._files[path] for path in there]))
        tar = debs.packed(
            [self.folder / path for path in (*there, f"{place}/{lock.INDEX}")], self.folder / WORK / "tar"
        )
        self._keep(_index_entry(f"{place}.tar", tar), tar)

    def _extras(self, apt: debs.Apt, place: str, sets: Sequence[Sequence[str]], wants: Iterable[Item]) -> set[debs.Deb]:
        """What an install can do without, with all that it depends on beside the rest; what there is not is said."""
        found: set[debs.Deb] = set()
        for item in (item for item in wants if item.demand is Demand.OPTIONAL):
            try:
                found |= {deb for names in sets for deb in apt.closure([*names, item.name])}
            except ContentError as error:
                self.say(f"{place}: without {item.name}, which {item.need} asks where a host has it: {error}")
        return found

    def _images(self, items: Sequence[Item]) -> None:
        blobs = self.folder / WORK / "blobs"
        blobs.mkdir(parents=True, exist_ok=True)
        for name, arch in sorted({(item.name, item.arch) for item in items}):
            path = f"{lock.IMAGES}/{image_archives.file_name(name, arch)}"
            if path in self._before and (self._before[path].name, self._before[path].arch) == (name, arch):
                self._files[path] = self._before[path]
                continue
            try:
                self._image(name, arch, path, blobs)
            except ContentError as error:
                self.failed.append(f"{error} ({arch})")
        archives = [one for one in self._files.values() if one.kind == "image"]
        lines = (f"{one.sha256}  {Path(one.path).name}\n" for one in sorted(archives, key=lambda one: one.path))
        self._text(f"{lock.IMAGES}/{image_archives.SUMS}", "".join(lines))

    def _image(self, name: str, arch: Arch, path: str, blobs: Path) -> None:
        image = self.client.image(name, arch)
        self.say(f"{path}: {sum(layer.size for layer in image.layers) >> 20} MiB to fetch")
        made = self.folder / WORK / "image.tar"
        image_file.write(self.client, image, name, made, blobs)
        entry = LockedFile(
            path=path,
            sha256=lock.sha256_of(made),
            size=made.stat().st_size,
            kind="image",
            name=name,
            arch=arch.value,
            digest=image.digest,
            id=hashlib.sha256(image.config).hexdigest(),
        )
        self._keep(entry, made)

    def _copies(self, items: Sequence[Item]) -> None:
        """The files of this machine that the configuration names, as they are now."""
        for name in sorted({item.name for item in items}):
            copy = self.folder / WORK / "file"
            try:
                shutil.copyfile(self.cluster.path.parent / name, copy)
            except OSError as error:
                self.failed.append(f"{name}: {error.strerror}")
                continue
            digest = lock.sha256_of(copy)
            path = f"{lock.FILES}/{digest[:12]}-{lock.safe_name(Path(name).name)}"
            self._keep(LockedFile(path=path, sha256=digest, size=copy.stat().st_size, kind="file", name=name), copy)


def _index_entry(path: str, file: Path) -> LockedFile:
    """The entry of a file that is made of others."""
    return LockedFile(path=path, sha256=lock.sha256_of(file), size=file.stat().st_size, kind="index")


def _sets(wants: Iterable[Item]) -> list[list[str]]:
    """The packages of each host, each set once: apt resolves what goes onto one host together."""
    hosts: dict[str, set[str]] = {}
    for item in wants:
        for host in item.hosts:
            hosts.setdefault(host, set()).add(item.name)
    return [list(names) for names in sorted({tuple(sorted(names)) for names in hosts.values()})]


def _paired(wanted_debs: Sequence[debs.Deb], files: Iterable[Path]) -> list[Path]:
    """The file of each package, in its order. ContentError where apt left one out."""
    found = {debs.deb_of(file.name): file for file in files}
    if absent := [deb.file_name for deb in wanted_debs if deb not in found]:
        raise ContentError(f"apt did not fetch {', '.join(absent)}")
    return [found[deb] for deb in wanted_debs]


def logins(text: str) -> dict[str, dict[str, str]]:
    """The logins of a config.json of Docker. ContentError, which repeats nothing of it."""
    try:
        auths = json.loads(text).get("auths") or {}
        return {str(name): {"auth": str(login["auth"])} for name, login in auths.items() if "auth" in login}
    except (ValueError, AttributeError, TypeError):
        raise ContentError("suite.registry_config is no config.json of Docker with logins") from None


def parsed_sources(values: Iterable[tuple[str, Path]]) -> dict[str, list[str]]:
    """By release, the lines of a sources.list. ContentError."""
    found: dict[str, list[str]] = {}
    for platform, path in values:
        try:
            lines = named_file.text(path).splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ContentError(f"{path}: {error}") from None
        found[platform] = [line.strip() for line in lines if line.strip().startswith("deb ")]
        if not found[platform]:
            raise ContentError(f"{path}: no line of sources.list in it that begins with `deb `")
    return found
