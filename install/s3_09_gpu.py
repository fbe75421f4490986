"""Runbook 3.9: containers see the GPUs, with `docker run` and with `nvidia-docker run`."""

from __future__ import annotations

from functools import partial

from checks import docker
from dlws.config.cluster import Cluster
from dlws.engine.stage import stage
from dlws.engine.targets import gpu_hosts
from dlws.facts.docker import DAEMON_JSON
from dlws.inventory import Node
from dlws.parse.host import daemon_json
from dlws.remote.change import Change
from install.images import load_or_pull

DEFAULT_RUNTIME = {
    "default-runtime": "nvidia",
    "runtimes": {"nvidia": {"path": "nvidia-container-runtime", "runtimeArgs": []}},
}


@stage(
    section="3.9",
    on=gpu_hosts,
    after="gpu_runtime",
    proves=[docker.test_default_runtime_is_nvidia, docker.test_daemon_json_is_valid],
)
def test_default_runtime(change: Change) -> None:
    """Make nvidia Docker's default runtime, keeping all other settings in daemon.json; restart Docker."""
    change.edit_file(DAEMON_JSON, partial(daemon_json.merge, wanted=DEFAULT_RUNTIME))
    change.run("systemctl restart docker")


@stage(section="3.9", on=gpu_hosts, after="default_runtime", proves=[docker.test_probe_image_is_present])
def test_probe_image(node: Node, cluster: Cluster, change: Change) -> None:
    """Load the GPU test image from the image archives, or pull it."""
    load_or_pull(change, cluster, node, cluster.suite.gpu_probe_image)


@stage(section="3.9", on=gpu_hosts, after=["probe_image", "reboot"], proves=[docker.test_container_sees_every_gpu])
def test_gpu_container() -> None:
    """A container sees every GPU with both `docker run` and `nvidia-docker run`."""
