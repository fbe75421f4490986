"""Debian's packages of either architecture: locked by digest, fetched by the machine's apt, never installed.

apt reads the machine's own sources, keys and proxies; lists, cache and record of packages are private, and so is the
architecture, so that no foreign one has to be enabled.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bundle.process import BundleError, output_of
from dlws.inventory import Arch

LOCK = Path(__file__).with_name("packages.lock")
RELEASE = "bookworm"
"""Debian 12: its Python is the oldest that the suite runs on, so that one set of wheels fits."""

# fmt: off
PACKAGES = (
    # Python, and the libraries of its modules
    "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "libc6", "libgcc-s1", "libstdc++6",
    "libbz2-1.0", "libcrypt1", "libdb5.3", "libexpat1", "libffi8", "liblzma5", "libncursesw6", "libnsl2",
    "libreadline8", "libsqlite3-0", "libssl3", "libtinfo6", "libtirpc3", "libuuid1", "zlib1g",
    # OpenSSH
    "openssh-client", "libcbor0.8", "libcom-err2", "libedit2", "libfido2-1", "libgssapi-krb5-2", "libk5crypto3",
    "libkeyutils1", "libkrb5-3", "libkrb5support0", "libselinux1", "libudev1", "libbsd0", "libmd0",
    # PDF
    "fontconfig", "fonts-dejavu-core", "fonts-noto-cjk", "libblkid1", "libbrotli1", "libdatrie1", "libfontconfig1",
    "libfreetype6", "libfribidi0", "libglib2.0-0", "libgraphite2-3", "libharfbuzz0b", "libharfbuzz-subset0",
    "libmount1", "libpango-1.0-0", "libpangoft2-1.0-0", "libpcre2-8-0", "libpng16-16", "libthai0",
    # What stages and checks call on the control host
    "coreutils", "grep", "libacl1", "libattr1", "libc-bin",
    # Texts of licences; the shell of the container image
    "base-files", "busybox-static",
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Package:
    """A line of the lock: a binary package for one architecture of the bundle, and its file's SHA-256."""

    arch: Arch
    name: str
    version: str
    sha256: str

    def line(self) -> str:
        """The line in the lock."""
        return f"{self.arch} {self.name} {self.version} {self.sha256}\n"


def locked(arch: Arch, lock: Path = LOCK) -> list[Package]:
    """The packages of the lock for an architecture. BundleError for a line that is not one."""
    found = []
    for number, line in enumerate(lock.read_text("utf-8").splitlines(), 1):
        if line.startswith("#"):
            continue
        if not (match := re.fullmatch(r"(amd64|arm64) ([a-z0-9.+-]+) (\S+) ([0-9a-f]{64})", line)):
            raise BundleError(f"{lock.name}:{number}: not ARCHITECTURE PACKAGE VERSION SHA256; run dlws bundle lock")
        found.append(Package(Arch(match[1]), match[2], match[3], match[4]))
    return [package for package in found if package.arch == arch]


def candidates(index: str, arch: Arch) -> list[Package]:
    """PACKAGES as `apt-cache show` prints them. BundleError for one that is missing."""
    found = {}
    for paragraph in index.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|SHA256): (\S+)$", paragraph, re.MULTILINE))
        if len(fields) == 3:
            found[fields["Package"]] = Package(arch, fields["Package"], fields["Version"], fields["SHA256"])
    if missing := [name for name in PACKAGES if name not in found]:
        raise BundleError(f"apt's sources have no {', '.join(missing)} for {arch}: they must be those of Debian 12")
    return [found[name] for name in sorted(PACKAGES)]


def apt_options(arch: Arch, folder: Path) -> list[str]:
    """The options that keep apt's state in `folder`, and its mind on one architecture."""
    for name in ("lists/partial", "archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    settings = (
        f"APT::Architecture={arch}",
        f"APT::Architectures={arch}",
        f"APT::Default-Release={RELEASE}*",
        f"Dir::State::lists={folder / 'lists'}",
        f"Dir::State::status={folder / 'status'}",
        f"Dir::Cache::archives={folder / 'archives'}",
        "Dir::Cache::pkgcache=",
        "Dir::Cache::srcpkgcache=",
        "APT::Sandbox::User=root",
    )
    return [word for setting in settings for word in ("-o", setting)]


def newest(arch: Arch, folder: Path) -> list[Package]:
    """What apt would install of PACKAGES now, for the lock. BundleError."""
    options = apt_options(arch, folder)
    output_of(["apt-get", *options, "update"], timeout=300)
    index = output_of(["apt-cache", *options, "show", "--no-all-versions", *PACKAGES])
    return candidates(index.decode(), arch)


def fetch(arch: Arch, folder: Path) -> list[tuple[Package, Path]]:
    """The locked packages with their files in `folder`; what is there already is not fetched again. BundleError."""
    packages = locked(arch)
    if names := sorted(set(PACKAGES).symmetric_difference(package.name for package in packages)):
        raise BundleError(f"{LOCK.name} does not fit the list of packages ({', '.join(names)}): run dlws bundle lock")
    there = _by_digest(folder)
    if any(package.sha256 not in there for package in packages):
        options = apt_options(arch, folder / "apt")
        output_of(["apt-get", *options, "update"], timeout=300)
        wanted = [f"{package.name}={package.version}" for package in packages if package.sha256 not in there]
        try:
            output_of(["apt-get", *options, "download", *wanted], cwd=folder, timeout=900)
        except BundleError as error:
            raise BundleError(
                f"{error}. If the archive has newer versions than {LOCK.name}, run dlws bundle lock and review it"
            ) from None
        there = _by_digest(folder)
    if wrong := [package.name for package in packages if package.sha256 not in there]:
        raise BundleError(f"not as {LOCK.name} has them: {', '.join(wrong)}: run dlws bundle lock and review it")
    return [(package, there[package.sha256]) for package in packages]


def _by_digest(folder: Path) -> dict[str, Path]:
    found = {}
    for file in sorted(folder.glob("*.deb")):
        with file.open("rb") as content:
            found[hashlib.file_digest(content, "sha256").hexdigest()] = file
    return found


def files_of(deb: Path) -> Iterator[tuple[str, bytes]]:
    """The plain files of a package, with their paths from the root: `usr/bin/ssh`. BundleError."""
    try:
        done = subprocess.run(["dpkg-deb", "--fsys-tarfile", os.fspath(deb)], capture_output=True, check=False)
    except FileNotFoundError:
        raise BundleError("dpkg-deb is not installed here; a bundle is built on Debian 12") from None
    if done.returncode:
        raise BundleError(f"{deb.name} cannot be unpacked: {done.stderr.decode(errors='backslashreplace').strip()}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        for member in tar:
            if member.isfile() and (content := tar.extractfile(member)):
                yield member.name.removeprefix("./"), content.read()
