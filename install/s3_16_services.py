"""Runbook 3.16.8 to 3.16.10: the platform's services, one stage each, in the order of `services.SERVICES`.

Their stages belong to the whole cluster, so several run in parallel with each other and with the master's own stages.
An object is applied only if that would change it, so a second run restarts nothing. Then the stage waits for the
service, as long as it can still come up by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import partial

from checks.platform import database
from checks.platform import running_images as pod_images
from checks.platform import services as checks
from dlws.config.cluster import Cluster
from dlws.engine.stage import RUNBOOK, stage
from dlws.engine.targets import platform_cluster, platform_hosts, platform_master, platform_workers
from dlws.facts import database as mysql
from dlws.facts import platform_images, rendered, running_images, service_state
from dlws.inventory import Node
from dlws.kubernetes import apply_plan
from dlws.kubernetes.apply_plan import Effect
from dlws.kubernetes.objects import Object, condition, name_of
from dlws.platform import database as sql
from dlws.platform import job_objects
from dlws.platform.manifests import Manifest
from dlws.platform.rendering import cluster_id
from dlws.platform.services import SERVICES, Service, by_name
from dlws.record.answer import ApiUnreachable
from dlws.remote.change import Change, ChangeFailed
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from dlws.verdict import Unknown

START = 5 * 60.0  # seconds for a service's pods, whose images are already present
OPERATOR = 2 * 60.0  # seconds for an operator to register its custom resources
FIRST_START = 5 * 60.0  # seconds: MySQL creates its system tables before it listens
MASTERS = (
    "platform",
    "admin_conf",
    "labels",
    "node_ready",
    "node_ports",
    "platform_images",
    "nginx_files",
    "storage_links",
)
"""Stages of the master that every service waits for. Only services that need all hosts wait for all hosts."""
MORE = {
    "nginx": ("nginx_files[*]",),  # if a pod started before them, Docker would create directories in their place
    "jobmanager2": ("job_objects",),
    "monitor": ("npu_info[*]",),
    "webui3": ("static_files",),
}
"""Further stages that individual services wait for, in addition to those in their table."""


@stage(
    section="3.16",
    on=platform_cluster,
    after=["platform", "admin_conf", "node_ready"],
    proves=[checks.test_job_objects],
)
def test_job_objects(cluster: Cluster, kube: Kubernetes, on_master: Change) -> None:
    """Create what job pods refer to: a service account with its rights, and the registry login."""
    for manifest in job_objects.account():
        apply(manifest, kube, on_master)
    wanted = job_objects.pull_secret(platform_images.job_logins(cluster), platform_images.mark_key(cluster))
    secret = current_object(kube, wanted)
    if secret is None or platform_images.login_in(secret, cluster) != job_objects.CONFIGURED:
        on_master.apply(wanted)


def stage_of_each(services: Iterable[Service]) -> dict[str, Callable[..., None]]:
    """The stage that starts each service, by the service's name."""
    return {service.name: _stage(service) for service in services}


def _stage(service: Service) -> Callable[..., None]:
    """The stage that applies a service's objects and waits for its pods."""

    @stage(
        section="3.16",
        on=platform_cluster,
        after=after(service),
        proves=[checks.RUNS[service.name]],
        commands=(*RUNBOOK, "start"),
        name=service.stage,
        title=f"Start {service.name}: apply the objects that differ, and wait until its pods are ready.",
    )
    def start(cluster: Cluster, kube: Kubernetes, on_master: Change) -> None:
        if cluster_id(cluster) is None:
            on_master.run("exit 1", text=f"apply {service.name}, once the cluster has its id")
            return
        before = service_state.pods_there(service, cluster, kube)
        replaced: frozenset[str] = frozenset()
        for manifest in rendered.of(cluster, lambda p: p.manifests(service.name)):
            if service_state.awaits_operator(service, manifest.object) and not has_custom_resource(
                service, kube, on_master
            ):
                continue
            if apply(manifest, kube, on_master) and manifest.nodes is not None:
                replaced = before
        on_master.wait_until(f"{service.name} runs", partial(is_running, service, cluster, kube, replaced), START)

    return start


def after(service: Service) -> list[str]:
    """The stages that a service waits for."""
    names = ["mysql_root" if needed == "mysql" else by_name(needed).stage for needed in service.after]
    files = ["web_configuration"] if service.config_files else []
    return [*MASTERS, *files, *names, *MORE.get(service.name, ())]


STARTS = stage_of_each(SERVICES)
"""The stages `mysql`, `nginx` and so on, one for each row of the table in `dlws.platform.services`."""


@stage(section="3.16", on=platform_master, after="mysql", proves=[database.test_root_signs_in])
def test_mysql_root(cluster: Cluster, host: Host, change: Change) -> None:
    """Let MySQL's root log in from the services' hosts, creating it with its password in a single statement."""
    words = "create MySQL's root@'%' with its password, or set it"
    container = mysql_container(host)
    if container is None:
        change.run("exit 1", text=f"{words}, once MySQL runs")
        return
    versions: list[str] = []
    port = rendered.of(cluster, lambda p: str(p.renderer.cnf["mysql_port"]))

    def answers() -> bool:
        if not host.socket(f"tcp://{port}").is_listening:
            return False  # not yet listening: it is creating its tables, and root has no password
        answer = mysql.ask(host, container, cluster, "SELECT VERSION();\n")
        versions[:] = answer.text.split()
        if answer.rc and "Access denied" in answer.error_text:
            kept = "it keeps the one it was first started with; change it in MySQL, or restore the former one"
            raise ChangeFailed(f"{host.name}: MySQL's root password differs from mysql_password: {kept}")
        return answer.rc == 0 and bool(versions)

    change.wait_until("MySQL to let root log in on its own host", answers, FIRST_START)
    password = cluster.settings.mysql_password
    statements = sql.grants(password, versions[0] if versions else "")
    change.run(mysql.CLIENT, container, stdin=f"{password}\n{statements}".encode(), text=words)


@stage(
    section="3.16",
    on=platform_workers,
    after=["mysql_root[*]", "platform"],
    proves=[database.test_empty_password_is_refused],
)
def test_mysql_closed() -> None:
    """MySQL refuses logins without a password from the other hosts."""


@stage(
    section="3.16",
    on=platform_hosts,
    after=["platform_images", "node_ready", *(f"{service.stage}?" for service in SERVICES)],
    proves=[pod_images.test_pods_run_present_images],
)
def test_pods_current(node: Node, cluster: Cluster, host: Host, kube: Kubernetes, on_master: Change) -> None:
    """Restart pods whose image has since been replaced under the same name."""
    names = rendered.of(cluster, lambda p: list(p.image_digests(node)))
    try:
        outdated = running_images.outdated_pods(node, names, host, kube)
    except ApiUnreachable:
        return  # in a plan
    for pod, image in outdated:
        metadata = pod["metadata"]
        text = f"restart pod {name_of(pod)}: {image} has been replaced"
        on_master.delete("pods", metadata["name"], namespace=metadata["namespace"], text=text)
    on_master.wait_until("the services run again", lambda: all(is_running(s, cluster, kube) for s in SERVICES), START)


def mysql_container(host: Host) -> str | None:
    """The id of MySQL's container; None if there is not exactly one, or it cannot be determined (in a plan)."""
    try:
        running = mysql.containers(host)
    except Unknown:
        return None
    return running[0] if len(running) == 1 else None


def apply(manifest: Manifest | Object, kube: Kubernetes, change: Change) -> bool:
    """Create or update an object if it differs, and say whether it did; the action's text names the fields."""
    desired = manifest.object if isinstance(manifest, Manifest) else manifest
    current = current_object(kube, desired)
    planned = apply_plan.planned(desired, current)
    if planned.action is Effect.KEEP:
        return False
    if not isinstance(manifest, Manifest) or manifest.takes_apply:
        change.apply(desired, text=str(planned))
    elif current is None:
        change.create(desired, text=str(planned))
    else:
        change.merge(desired, text=str(planned))
    return True


def current_object(kube: Kubernetes, manifest: Object) -> Object | None:
    """The object as it is in the cluster; None if it, or the cluster (in a plan), does not exist yet."""
    try:
        return kube.find(manifest)
    except ApiUnreachable:
        return None


def has_custom_resource(service: Service, kube: Kubernetes, change: Change) -> bool:
    """Wait until a service's operator has registered its custom resource. If it does not, D10 reports it."""

    def established() -> bool:
        definition = kube.get("customresourcedefinitions", service.crd)
        return definition is not None and condition(definition, "Established") == "True"

    try:
        change.wait_until(f"{service.crd} to be known", established, OPERATOR)
    except Unknown:
        return False
    return True


def is_running(service: Service, cluster: Cluster, kube: Kubernetes, replaced: Collection[str] = ()) -> bool:
    """Whether a service runs. Raises ChangeFailed with the reason if waiting cannot help.

    `replaced` are the UIDs of pods that a change is about to replace: what is wrong with them is over.
    """
    if not service_state.not_running(service, cluster, kube):
        return True
    needed = [workload for workload in service.workloads if not workload.optional]
    if hopeless := service_state.hopeless_pods(needed, cluster, kube, replaced):
        raise ChangeFailed(f"{service.name}: waiting will not help: {'; '.join(hopeless)}")
    return False
