"""Docker's configuration, its own account of itself, and its images."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from dlws.facts.files import text_of
from dlws.parse.host import acl, daemon_json, daemon_keys, docker_info
from dlws.parse.text import unparsable
from dlws.parse.versions import docker
from dlws.remote.host import Host

ARCHITECTURES = "docker image inspect -f '{{json .RepoTags}} {{.Architecture}}' "
DOCKER = "/var/lib/docker"
DAEMON_JSON = "/etc/docker/daemon.json"
_WORDS = (
    "p=$(systemctl show docker -p MainPID) && p=${p#MainPID=} && u=$(systemctl show docker -p ExecStart) &&"
    r""" { if test $p -gt 0; then tr '\0' '\n' </proc/$p/cmdline; fi; printf '%s\n' "$u" | tr ' ' '\n'; } |"""
)
"""dockerd's command line as it runs, where variables of its unit have their values, and as its unit has it for its next
start, a word on each line."""
FLAGS = _WORDS + " sed -n 's/^\\(-[^=]*\\).*/\\1/p'"
"""dockerd's flags. Their values stay on the host: a proxy's may hold a password."""
LOG_OPTIONS = _WORDS + (" sed -n -e '/^--log-opt$/{n;s/=.*//p;}' -e 's/^--log-opt=\\([^=]*\\)=.*/\\1/p'")
"""The names of the options for the log driver among these flags: a value may be a token."""
NEEDED = (
    "u=$(systemctl show docker -p Requires -p BindsTo) && for n in $(printf '%s\\n' \"$u\" | sed 's/^[A-Za-z]*=//');"
    ' do s=$(systemctl show -p LoadState -- "$n") || exit; echo "$n ${s#LoadState=}"; done'
)
"""The units without which systemd does not start Docker, `docker.socket` among them, each with its LoadState."""
SOCKET = "/var/run/docker.sock"
SOCKET_MODE = "ls -Ld %s"
ACCESS_LIST = "getfacl -cpE %s"


def docker_of(host: Host) -> docker_info.DockerInfo:
    """`docker info`: the running daemon's own account of itself."""
    return docker_info.parse(host.read("docker info -f '{{json .}}'"))


def daemon_settings(host: Host) -> dict[str, Any]:
    """The settings of /etc/docker/daemon.json: `{"default-runtime": "nvidia"}`; none without the file."""
    return daemon_json.parse(text_of(host, DAEMON_JSON) or "")


def keys_given_as_flags(host: Host) -> frozenset[str]:
    """The keys of daemon.json that flags of dockerd stand for: `{"hosts", "containerd"}`."""
    return daemon_json.keys_of_flags(host.lines(FLAGS))


def log_settings(host: Host) -> tuple[str, set[str]]:
    """The log driver, and the names of its options, by daemon.json or by flags: `("json-file", {"max-size"})`."""
    written, flags = daemon_settings(host), keys_given_as_flags(host)
    driver = docker_of(host).log_driver if "log-driver" in flags else str(written.get("log-driver") or "json-file")
    by_flag = host.lines(LOG_OPTIONS) if "log-opts" in flags else ()
    return driver, {*(written.get("log-opts") or ()), *by_flag}


def units_that_keep_it_down(host: Host) -> list[str]:
    """The units that Docker's needs to start and that cannot be started: `["docker.socket masked"]`.

    A unit that is masked while it runs goes on running (systemctl(1)): only the next start fails.
    """
    return [line for line in host.lines(NEEDED) if line.partition(" ")[2] not in ("loaded", "merged")]


def others_with_the_socket(host: Host) -> list[str]:
    """Whom an access control list lets write to Docker's socket: `["user:ops:rw-"]`. `ls` shows a `+` where it has one.

    The mode that stat(1) shows is then the list's mask, and says nothing of them (acl(5)).
    """
    if not host.read(SOCKET_MODE, SOCKET).partition(" ")[0].endswith("+"):
        return []
    return acl.others_who_write(host.read(ACCESS_LIST, SOCKET))


def refused_by_dockerd(host: Host) -> list[str]:
    """What of daemon.json keeps Docker from starting the next time: `["log-opts is no object of texts"]`."""
    flags, now = frozenset(word.lstrip("-") for word in host.lines(FLAGS)), docker_of(host)
    in_force = {"default-runtime": now.default_runtime, "log-driver": now.log_driver}
    chosen = {key: value for key, value in in_force.items() if key in flags}
    return daemon_keys.refused(daemon_settings(host), docker(now.server_version).numbers, flags, chosen)


def changed_by_a_restart(host: Host) -> list[str]:
    """What the running daemon is and its next start is not: `["cgroup driver cgroupfs, then systemd"]`.

    By daemon.json, or by Docker's own defaults where neither that nor a flag says otherwise any more. Images and
    containers are kept by storage driver and root folder: another one has none. The storage driver has no default: a
    start takes the one that there are images of.
    """
    written, now = daemon_settings(host), docker_of(host)
    default = _defaults(now, keys_given_as_flags(host))
    root = written.get("data-root") or written.get("graph") or default.get("data-root") or ""
    then = {
        "cgroup driver": (now.cgroup_driver, daemon_json.cgroup_driver(written) or default.get("exec-opts")),
        "storage driver": (now.storage_driver, written.get("storage-driver")),
        "root folder": (now.root_dir, _resolved(host, now.root_dir, str(root))),
        "default runtime": (now.default_runtime, written.get("default-runtime") or default.get("default-runtime")),
        "log driver": (now.log_driver, written.get("log-driver") or default.get("log-driver")),
    }
    return [
        f"{what} {is_}, then {next_}" for what, (is_, next_) in then.items() if next_ and not _is_of(is_, str(next_))
    ]


def _defaults(now: docker_info.DockerInfo, flags: frozenset[str]) -> dict[str, str]:
    """By key, what Docker does without it, of those that no flag stands for; `--config-file` may name another file."""
    usual = {
        "exec-opts": "systemd" if now.cgroup_version == "2" else "cgroupfs",
        "data-root": DOCKER,
        "default-runtime": "runc",
        "log-driver": "json-file",
    }
    given = flags | ({"data-root"} if "graph" in flags else set())
    return {key: value for key, value in usual.items() if key not in given and "config-file" not in flags}


def _resolved(host: Host, found: str, root: str) -> str:
    """Where a root folder leads, as `docker info` has it; not asked where that is the usual one."""
    return root if not root or (root == DOCKER and _is_of(found, root)) else host.read("readlink -m %s", root)


def _is_of(found: str, written: str) -> bool:
    """Whether it is what is written, or, of a root folder with `userns-remap`, in it: `/var/lib/docker/1000.1000`."""
    return re.fullmatch(rf"{re.escape(written)}(?:/[0-9]+\.[0-9]+)?", found) is not None


def docker_root(host: Host) -> str:
    """The folder in which Docker keeps its images: `/var/lib/docker`.

    The running daemon knows it, also where a flag of its unit names it (`--data-root`, `--graph`). One that does not
    run is not asked, because its socket would start it: its configuration tells.
    """
    if host.service("docker").active_state == "active":
        return docker_of(host).root_dir
    written = daemon_settings(host)
    return str(written.get("data-root") or written.get("graph") or DOCKER)  # graph: the old word, up to Docker 20.10


def docker_architecture(host: Host) -> str:
    """The architecture of the host's Docker, in its own words: amd64, arm64."""
    return host.read("docker version -f '{{.Server.Arch}}'")


def image_architecture(host: Host, image: str) -> str | None:
    """The architecture of an image on the host: amd64, arm64. None when there is no such image."""
    result = host.run_expect([0, 1], "docker image inspect -f '{{.Architecture}}' %s", image)
    if "no such image" in result.stderr.lower():
        return None
    if not result.stdout.strip():
        raise host.unexpected(result)
    return str(result.stdout.strip())


def image_architectures(host: Host, images: Sequence[str]) -> dict[str, str]:
    """By each of its names the architecture of each image that is on the host: `{"busybox:1": "amd64"}`.

    One that was pulled by its digest has no name: it is known by its place among those that are there.
    """
    listing = host.run_expect([0, 1], ARCHITECTURES + " ".join(["%s"] * len(images)), *images)
    if any("no such image" not in line.lower() for line in listing.stderr.splitlines()):
        raise host.unexpected(listing)
    rows = [line for line in listing.stdout.splitlines() if line.strip()]
    missing = {line.rpartition(" ")[2] for line in listing.stderr.splitlines()}
    there = [image for image in images if image not in missing]
    placed = zip(there, (row.rpartition(" ")[2] for row in rows), strict=True) if len(there) == len(rows) else ()
    return dict(placed) | dict(pair for row in rows for pair in _names_of_image(row))


def _names_of_image(line: str) -> list[tuple[str, str]]:
    """`["busybox:1"] amd64`: each name of an image with its architecture."""
    names, _, arch = line.rpartition(" ")
    try:
        return [(str(name), arch) for name in json.loads(names) or ()]
    except ValueError as error:
        raise unparsable("docker image inspect", line) from error
