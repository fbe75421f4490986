"""Packages as closures, for releases and architectures that this machine does not have: by its apt, in a private root.

apt asks the sources of the release and of the configuration, and believes their keys alone. Nothing is taken as
installed, so that a closure is complete for any host of the release; apt on the host takes of it what it lacks.
"""

from __future__ import annotations

import os
import re
import tarfile
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bundle.process import BundleError, output_of
from dlws.config.cluster import Cluster
from dlws.content import lock, wanted
from dlws.content.lock import ContentError, LockedFile
from dlws.hostfiles import apt_source
from dlws.inventory import Arch

CODENAMES: Final = {
    "ubuntu 18.04": "bionic",
    "ubuntu 20.04": "focal",
    "ubuntu 22.04": "jammy",
    "ubuntu 24.04": "noble",
    "debian 11": "bullseye",
    "debian 12": "bookworm",
    "debian 13": "trixie",
}
"""Source: wiki.ubuntu.com/Releases, wiki.debian.org/DebianReleases."""
KEYRINGS: Final = Path("/usr/share/keyrings")
UBUNTU: Final = {Arch.AMD64: "http://archive.ubuntu.com/ubuntu", Arch.ARM64: "http://ports.ubuntu.com/ubuntu-ports"}
DEBIAN: Final = ("http://deb.debian.org/debian", "http://deb.debian.org/debian-security")
BATCH: Final = 40
"""Packages that one call of apt downloads: what a fetch that is killed may lose."""
_INSTALLED: Final = re.compile(r"Inst (\S+) \((\S+) .*\[(\w+)\]\).*")


@dataclass(frozen=True, slots=True, order=True)
class Deb:
    """A package of a closure."""

    name: str
    version: str
    arch: str

    @property
    def file_name(self) -> str:
        """Its name in the folder: without the epoch, whose colon no stick's file system takes."""
        return f"{self.name}_{self.version.rpartition(':')[2]}_{self.arch}.deb"


@dataclass(frozen=True, slots=True)
class Apt:
    """An apt with sources, lists and a record of packages of its own, for one architecture. ContentError throughout."""

    root: Path
    arch: Arch

    def ask(self, tool: str, *words: str, timeout: float = 300) -> str:
        """What apt-get or apt-cache prints."""
        try:
            return output_of([tool, *self._options(), *words], cwd=self.root, timeout=timeout).decode(
                "utf-8", "replace"
            )
        except BundleError as error:
            raise ContentError(str(error)) from None

    def update(self, lines: Iterable[str]) -> None:
        """Read the lists of these sources, lines of sources.list; an error if one of them cannot be read."""
        for name in ("lists/partial", "archives/partial", "none"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        (self.root / "status").touch()
        (self.root / "sources.list").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        self.ask("apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any")

    def closure(self, names: Sequence[str]) -> list[Deb]:
        """Everything that apt would install with these packages on a host that has nothing."""
        words = ("install", "-qq", "-y", "--simulate", "--no-install-recommends", "--no-remove")
        text = self.ask("apt-get", *words, *names)
        found = [Deb(*match.groups()) for line in text.splitlines() if (match := _INSTALLED.fullmatch(line))]
        if absent := [name for name in names if name.partition("=")[0] not in {deb.name for deb in found}]:
            raise ContentError(f"apt would install no {', '.join(absent)}")
        return found

    def download(self, debs: Sequence[Deb]) -> Iterator[Path]:
        """The files of these packages, in the root, held by apt to the signed lists of their sources."""
        for old in self.root.glob("*.deb"):
            old.unlink()
        self.ask("apt-get", "download", "-q", *(f"{deb.name}={deb.version}" for deb in debs), timeout=3600)
        yield from sorted(self.root.glob("*.deb"))

    def _options(self) -> list[str]:
        root = self.root
        settings = (
            f"APT::Architecture={self.arch}",
            f"APT::Architectures={self.arch}",
            "Acquire::Languages=none",
            "APT::Sandbox::User=root",
            f"Dir::Etc::sourcelist={root / 'sources.list'}",
            f"Dir::Etc::sourceparts={root / 'none'}",
            f"Dir::Etc::trusted={root / 'none' / 'trusted.gpg'}",
            f"Dir::Etc::trustedparts={root / 'none'}",
            f"Dir::Etc::preferences={root / 'none' / 'preferences'}",
            f"Dir::Etc::preferencesparts={root / 'none'}",
            f"Dir::State={root}",
            f"Dir::State::lists={root / 'lists'}",
            f"Dir::State::status={root / 'status'}",
            f"Dir::Cache={root}",
            f"Dir::Cache::archives={root / 'archives'}",
            "Dir::Cache::pkgcache=",
            "Dir::Cache::srcpkgcache=",
        )
        return [word for setting in settings for word in ("-o", setting)]


def deb_of(file: str) -> Deb:
    """The package of a file as apt names it: `libpam0g_1.5.2-6%2bdeb12u1_arm64.deb`."""
    name, version, arch = urllib.parse.unquote(file.removesuffix(".deb")).split("_")
    return Deb(name, version, arch)


def sources_of(cluster: Cluster, platform: str, arch: Arch, own: Sequence[str], root: Path) -> list[str]:
    """The lines of sources.list for hosts of a release and an architecture. ContentError.

    `own` are the site's lines for the release instead of Ubuntu's or Debian's archive. Keys of the configuration's
    sources are put into `root`.
    """
    nodes = [n for n in cluster.nodes if n.arch is arch and platform in wanted.releases(cluster, n)]
    sources = {s.name: s for node in nodes for s in cluster.apt_sources(node)}
    if cluster.kubernetes_source:
        sources["kubernetes"] = cluster.kubernetes_source
    root.mkdir(parents=True, exist_ok=True)
    lines = list(own) or _archive(platform, arch)
    for source in sources.values():
        keyring = root / f"{source.name}.gpg"
        if source.key:
            try:
                keyring.write_bytes(apt_source.binary(source.key.read_bytes()))
            except (OSError, ValueError) as error:
                raise ContentError(f"{source.key}: {error}") from None
        lines.append(apt_source.signed_by(source.line, str(keyring)) if source.key else source.line)
    return lines


def _archive(platform: str, arch: Arch) -> list[str]:
    """The archive of a release, with its updates, bound to its publisher's keyring on this machine."""
    if platform not in CODENAMES:
        raise ContentError(f"{platform}: its archive is not known; name its sources with --sources '{platform}=FILE'")
    name, system = CODENAMES[platform], platform.partition(" ")[0]
    keyring = KEYRINGS / f"{system}-archive-keyring.gpg"
    if not keyring.exists():
        raise ContentError(f"{keyring} is missing: install the package {system}-keyring, or name --sources")
    signed = f"deb [signed-by={keyring}]"
    if system == "ubuntu":
        suites = (name, f"{name}-updates", f"{name}-security")
        return [f"{signed} {UBUNTU[arch]} {suite} main restricted universe multiverse" for suite in suites]
    archive, security = DEBIAN
    return [f"{signed} {archive} {suite} main" for suite in (name, f"{name}-updates")] + [
        f"{signed} {security} {name}-security main"
    ]


def locked(path: Path, folder: str, deb: Deb, arch: Arch) -> LockedFile:
    """The entry of a package that was fetched. ContentError if its file is another package."""
    fields = control_of(path)
    there = {name: _field(fields, name) for name in ("Package", "Version", "Architecture")}
    if Deb(*there.values()) != deb or deb.arch not in (arch, "all"):
        raise ContentError(f"{deb.file_name}: apt fetched {' '.join(there.values())}")
    return LockedFile(
        path=f"{folder}/{deb.file_name}",
        sha256=lock.sha256_of(path),
        size=path.stat().st_size,
        kind="package",
        name=deb.name,
        version=deb.version,
        arch=deb.arch,  # type: ignore[arg-type]
    )


def control_of(path: Path) -> str:
    """The control paragraph of a package. ContentError."""
    try:
        return output_of(["dpkg-deb", "--field", os.fspath(path)]).decode("utf-8", "replace").strip()
    except BundleError as error:
        raise ContentError(f"{path.name}: {error}") from None


def _field(paragraph: str, name: str) -> str:
    found = re.search(rf"^{name}: *(\S+)", paragraph, re.MULTILINE)
    return found[1] if found else ""


def index(folder: Path, entries: Iterable[LockedFile]) -> str:
    """apt's index of a flat folder: each package's paragraph, with its file, size and digest. ContentError."""
    paragraphs = (
        f"{control_of(folder / Path(one.path).name)}\nFilename: ./{Path(one.path).name}\n"
        f"Size: {one.size}\nSHA256: {one.sha256}\n"
        for one in sorted(entries, key=lambda one: one.path)
    )
    return "\n".join(paragraphs)


def packed(files: Sequence[Path], target: Path) -> Path:
    """The files as one flat tar, which a host unpacks in one step; the same files are the same bytes."""
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(files):
            entry = tarfile.TarInfo(path.name)
            entry.size, entry.mode = path.stat().st_size, 0o644
            with path.open("rb") as file:
                tar.addfile(entry, file)
    return target
