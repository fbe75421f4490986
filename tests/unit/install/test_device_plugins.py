"""The stage that waits for a host's accelerators to be offered to Kubernetes."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import Mock

from dlws.config.cluster import load
from dlws.kubernetes import device_plugins
from dlws.remote.kubernetes import Listing
from install import s3_13_device_plugins as stages
from tests.kits.config_example import no_dns, write
from tests.kits.scripted import Scripted, change_on

CARD = "GPU 0: Tesla V100-SXM2-32GB (UUID: GPU-0a1b2c3d-4e5f)\n"


def pod(node: str, label: tuple[str, str], **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "kube-system", "labels": dict([label])},
        "spec": {"nodeName": node},
        "status": status,
    }


def test_a_pod_that_is_not_ready_yet_is_waited_for(tmp_path: Path) -> None:
    cluster = load(write(tmp_path), resolve=no_dns)
    node = cluster.node("atlas-gpu01")
    plugin = device_plugins.for_node(cluster, node)
    starting = pod(node.name, plugin.label, containerStatuses=[{"state": {"waiting": {"reason": "ContainerCreating"}}}])
    ready = pod(node.name, plugin.label, phase="Running", containerStatuses=[{"ready": True}])
    kube = Mock()
    kube.get.return_value = {"status": {"capacity": {plugin.resource: "1"}, "allocatable": {plugin.resource: "1"}}}
    kube.list.side_effect = [Listing([starting], None), Listing([ready], None)]
    host, change = change_on(Scripted(node.name, {"nvidia-smi -L": (0, CARD, "")}))
    stages.test_devices(node, cluster, host, kube, change)
    assert kube.list.call_count == 2
