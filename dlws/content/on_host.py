"""The content's packages on a host: the one source of its apt, on its own disk, brought over the SSH connection.

It is there for the time of the install. Its files are compared with content.lock on the host, and so apt need not ask
for a signature. The host's own sources and its lists of what they have stay as they are, and are not asked meanwhile: a
site without a network has none that answers, and each would cost apt's time-outs. Source: apt.conf(5), The Apt Group.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any, Final

from dlws.config.cluster import Cluster
from dlws.content import lock
from dlws.content.lock import ContentError
from dlws.facts.system import operating_system
from dlws.inventory import Arch, Node
from dlws.parse.text import unparsable
from dlws.record.evidence import CONTENT
from dlws.remote.host import Host
from dlws.remote.notes import Notes
from dlws.remote.spool import CACHE
from dlws.verdict import Unknown

FOLDER: Final = f"{CACHE}/content"
SOURCES: Final = f"{FOLDER}/sources.list"
"""The only file of sources that apt reads meanwhile, and what is in it."""
SOURCE: Final = f"deb [trusted=yes] file:{FOLDER} ./"
LISTS: Final = f"{FOLDER}/lists"
SETTINGS: Final = "/etc/apt/apt.conf.d/95dlws-content"
"""The settings of apt that say so; without this file apt is as it was before."""
SETTINGS_TEXT: Final = (
    f'Dir::Etc::sourcelist "{SOURCES}";\nDir::Etc::sourceparts "/dev/null";\nDir::State::lists "{LISTS}/";\n'
)
DIGESTS: Final = f"test ! -d {FOLDER} || find {FOLDER} -maxdepth 1 -type f -exec sha256sum {{}} +"
BRING: Final = (
    f"set -e; rm -rf {FOLDER}; install -d -m 755 {FOLDER} {LISTS} {LISTS}/partial;"
    f" tar -x --no-same-owner -f - -C {FOLDER}"
)
REMOVE: Final = f"rm -rf {SETTINGS} {FOLDER}"
_LINE: Final = re.compile(r"([0-9a-f]{64})  (\S+)")


def place_of(node: Node, host: Host) -> str:
    """Where the content has the packages for a host, by the release that it runs: `packages/ubuntu-18.04-arm64`."""
    system = operating_system(host)
    return lock.packages_folder(lock.platform_name(system.id, system.version or ""), node.arch)


def archive(cluster: Cluster, place: str) -> Path:
    """The packages of a place as one tar."""
    return folder_of(cluster) / f"{place}.tar"


def folder_of(cluster: Cluster) -> Path:
    """The content folder. LookupError if none is named."""
    if cluster.content is None:
        raise LookupError("suite.content is not set")
    return cluster.content


def wanted_files(cluster: Cluster, place: str, notes: Notes) -> dict[str, str]:
    """The content's packages for a place, with their index: SHA-256 by name. Unknown without a lock."""
    return notes.take(f"what content.lock has in {place}", lambda: _locked(cluster, place))


def _locked(cluster: Cluster, place: str) -> dict[str, str]:
    try:
        files = lock.read(folder_of(cluster)).files
    except ContentError as error:
        raise Unknown(str(error)) from None
    paths = {PurePosixPath(one.path): one.sha256 for one in files}
    return {path.name: digest for path, digest in paths.items() if str(path.parent) == place}


def locked_images(cluster: Cluster, arch: Arch, notes: Notes) -> dict[str, str]:
    """The content's images for an architecture: id by name. Unknown without a lock.

    Evidence has the lock's own digest, too, and under which digest each image was fetched.
    """
    return {name: image["id"] for name, image in notes.take(CONTENT, lambda: _images(cluster, arch))["images"].items()}


def _images(cluster: Cluster, arch: Arch) -> dict[str, Any]:
    folder = folder_of(cluster)
    try:
        files = [one for one in lock.read(folder).files if one.kind == "image" and one.arch == arch]
        digest = lock.sha256_of(folder / lock.NAME)
    except (ContentError, OSError) as error:
        raise Unknown(str(error)) from None
    return {"sha256": digest, "images": {one.name: {"id": one.id, "digest": one.digest} for one in files}}


def missing_files(host: Host, wanted: dict[str, str]) -> list[str]:
    """Those of the files that the host does not have, or has otherwise."""
    found = {}
    for line in host.read(DIGESTS).splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise unparsable("sha256sum", line)
        found[PurePosixPath(match[2]).name] = match[1]
    return [name for name, digest in wanted.items() if found.get(name) != digest]
