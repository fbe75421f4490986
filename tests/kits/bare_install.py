"""The stages that bring packages and images to hosts, each planned on a host that has nothing yet."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import install
from dlws.config.cluster import Cluster
from dlws.content.item import Kind
from dlws.engine.check import one_or_many
from dlws.engine.stage import Stage, stage_of
from dlws.inventory import Node
from dlws.kubernetes import kubeadm_images
from dlws.remote.change import Change, Planner
from dlws.remote.host import Host
from tests.kits.scripted import Scripted

BRINGS = re.compile(r"\b(?:install_packages|load_or_pull|load|pull|docker_build)\(")
"""What a stage calls to bring something from outside the cluster."""
RAW = re.compile(r"docker (?:pull|load)|apt-get|git clone|\b(?:curl|wget) ")
"""What would do the same behind the back of those calls."""


def stages() -> Iterator[Stage]:
    """Every stage of an install."""
    for module in pkgutil.iter_modules(install.__path__, "install."):
        for value in vars(importlib.import_module(module.name)).values():
            for found in map(stage_of, one_or_many(value)):
                if found is not None and "install" in found.commands:
                    yield found


def source(stage: Stage) -> str:
    return inspect.getsource(stage.function)


def bringing() -> list[Stage]:
    """The stages of an install that bring packages or images."""
    return [stage for stage in stages() if BRINGS.search(source(stage))]


def asked_for(stage: Stage, cluster: Cluster) -> set[tuple[Kind, str, str]]:
    """What the stage would fetch or load: kind, name, host."""
    found: set[tuple[Kind, str, str]] = set()
    for node in stage.on(cluster):
        assert isinstance(node, Node)
        for text in planned(stage.function, cluster, node):
            command, _, rest = text.partition(" ")
            if text.startswith("apt-get install "):
                found |= {(Kind.PACKAGE, name, node.name) for name in text.split()[2:]}
            elif command == "docker" and rest.startswith(("pull", "push")):
                found.add((Kind.IMAGE, rest.split()[-1], node.name))
    return found


def planned(function: Callable[..., None], cluster: Cluster, node: Node) -> list[str]:
    """The texts of what a stage's function would do on a host that has kubeadm and Docker, but nothing else."""
    host = Host(Scripted(node.name, answers(cluster, node)))
    change = Change(host, Planner())
    notes = SimpleNamespace(take=lambda question, find: find())
    given: dict[str, Any] = {"cluster": cluster, "node": node, "host": host, "change": change, "notes": notes}
    function(**{name: given[name] for name in inspect.signature(function).parameters})
    return [action.text for action in change.actions]


def answers(cluster: Cluster, node: Node) -> dict[str, tuple[int, str, str]]:
    return {
        "kubeadm config images list": (0, "\n".join(kubeadm_images.known(cluster)), ""),
        " -- kubeadm": (0, "kubeadm\t1.18.0-00\tii \n", ""),
        " -- ": (1, "", "dpkg-query: no packages found"),
        "command -v dockerd": (1, "", ""),
        "command -v docker": (0, "/usr/bin/docker\n", ""),
        "docker version": (0, f"{node.arch}\n", ""),
        "docker image inspect": (1, "", "Error: No such image: any"),
        "python3 - ": (0, "", ""),
        "cat /etc/resolv.conf": (0, "nameserver 192.168.3.1\n", ""),
        "dpkg --print-architecture": (0, f"{node.arch}\n", ""),
        "test -e": (1, "", ""),
    }
