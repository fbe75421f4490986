"""What the checks of all services have in common: how they are declared, and what must hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from checks.kubernetes import nodes
from checks.network import platform_ports
from checks.platform import images
from dlws.config.cluster import Cluster
from dlws.engine.check import F, check, expect
from dlws.engine.targets import platform_cluster
from dlws.facts import service_state
from dlws.platform.services import Service
from dlws.remote.kubernetes import Kubernetes
from dlws.remote.notes import Notes


def service_check(service: Service, causes: Sequence[Callable[..., None]] = ()) -> Callable[[F], F]:
    """Make a function the check of a service, `nginx_runs`, with the id that the table gives it.

    `causes` come besides its hosts, its ports and its images.
    """
    return check(
        service.id,
        name=f"{service.stage}_runs",
        title=f"The {service.name} service is deployed as configured and runs on each of its Ready hosts.",
        title_zh=f"服务 {service.name} 已部署并正常运行",
        section="3.16",
        source="upstream kubernetes start",
        on=platform_cluster,
        fix=f"-m install --stages {service.stage}; see kubectl describe pod and kubectl logs for details",
        causes=[nodes.test_node_is_ready, platform_ports.test_host_ports, images.test_images_are_present, *causes],
    )


def expect_service(service: Service, cluster: Cluster, kube: Kubernetes, notes: Notes) -> None:
    """The service's objects are as they would be applied, and its pods run."""
    pending = service_state.pending_changes(service, cluster, kube, notes)
    expect(f"pending changes to {service.name}", found=pending, expected=[])
    idle = service_state.not_running(service, cluster, kube)
    expect(f"{service.name} workloads not running", found=idle, expected=[])
