"""`dlws init` at the lab's site, and what a configuration means."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

from dlws.config.cluster import Cluster
from dlws.inventory import Node
from tests.lab.suite import CONFIG, ROOT, STATE

SETTINGS = (
    "k8s-gitbranch",
    "default-storage-folders",
    "dockerregistry",
    "dockers",
    "apt_mirror_url",
    "dlworkspace",
    "suite.images",
    "suite.device_plugins",
    "suite.kubernetes",
    "suite.packages",
    "suite.image_archives",
)
"""What the lab's hosts cannot know: where the site's mirror, registry, archives and checkout are."""
NAMED = ("--cluster-name=atlas", "--domain=sigsus.cn", "--admin-mail=admin@lab.example")


def of_the_site(*but: str) -> list[str]:
    """The options for the keys of SETTINGS with the lab's values, but for some of them."""
    document = yaml.safe_load(CONFIG.read_text())
    options = []
    for key in (key for key in SETTINGS if key not in but):
        value = document
        for part in key.split("."):
            value = value[part]
        text = yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("...\n").strip()
        options.append(f"--set={key}={text}")
    return options


def init(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`dlws init`, with root's password as long as it is kept."""
    kept = STATE / "deploy/sshkey/rootpasswd"
    environment = {**os.environ, **({"DLWS_ROOT_PASSWORD": kept.read_text().strip()} if kept.exists() else {})}
    command = [sys.executable, "-m", "dlws", "init", "--yes", "--output", str(path), *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)


def meaning(cluster: Cluster) -> dict[str, object]:
    """What a configuration says of the hosts and of how they are installed."""
    return {
        "hosts": {_row(node) for node in cluster.nodes},
        "master": cluster.master.name,
        "administrator": cluster.admin_username,
        "mounts": cluster.mounts,
        "ranges": (cluster.pod_range, cluster.service_range),
        "version": cluster.kubernetes_version,
    }


def _row(node: Node) -> tuple[object, ...]:
    return (node.name, node.fqdn, node.address, node.role, node.kind, node.vendor, node.device_count, node.ssh_port)
