"""The bodies of the platform's stages: what is applied and sent, what is left alone, where no secret may stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from checks.catalogue import declared
from dlws.config.cluster import Cluster, load
from dlws.engine.check import one_or_many
from dlws.engine.stage import Stage, stage_of
from dlws.engine.targets import WHOLE
from dlws.facts import rendered, service_state
from dlws.platform import npu_info, services, web_files
from dlws.platform import renderings as wanted
from dlws.platform.image_names import CONTEXT_LABEL
from dlws.record.ledger import Outcome
from dlws.remote.change import ChangeFailed
from dlws.verdict import Unknown
from install import s3_15_web_configuration, s3_16_files, s3_16_images, s3_16_npu_info, s3_16_services
from tests.kits.archives import saved
from tests.kits.checkout import cluster_of
from tests.kits.config_example import no_dns, write
from tests.kits.platform import Fed, MemoryApi, change_of, kube_of, plan_of, run, said, site_of

PASSWORD = "invented-for-tests"
MODULES = (s3_15_web_configuration, s3_16_files, s3_16_images, s3_16_npu_info, s3_16_services)
PLATFORM = (
    "platform.endpoints",
    "platform.database",
    "network.platform_ports",
    "npu.exporter_files",
    "platform.files",
    "platform.images",
    "jobs.pods",
    "platform.services",
)
CONTAINER = {"docker ps": (0, "4f" * 32 + "\n", "")}
LISTENING = {"ss -Hlnt": (0, "LISTEN 0 151 *:3306 *:*\n", "")}
NO_IMAGE = {"command -v": (0, "/usr/bin/docker\n", ""), "image inspect": (1, "", "Error: No such image: x")}
ONE_NPU = "\tTotal Count : 1\n\n\tNPU ID : 0\n\tChip Count : 1\n"
FRESH = "100\n99.5 device_list\n99.6 device0\n"
IMAGE_TAG = ("dockerregistry:", "dockertag: '2'\ndockerregistry:")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for an operator that nobody runs."""
    monkeypatch.setattr(s3_16_services, "OPERATOR", 0.0)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return cluster_of(tmp_path)


def stages() -> list[Stage]:
    values = (one for module in MODULES for value in vars(module).values() for one in one_or_many(value))
    return [found for value in values if (found := stage_of(value))]


def start(service: str, cluster: Cluster, api: MemoryApi, make: Any = change_of) -> list[str]:
    kube = kube_of(api)
    _, change = make(Fed(cluster.master.name), kube)
    [stage] = [found for found in stages() if found.name == service]
    stage.function(cluster, kube, change)
    return said(change)


def sent_and_said(connection: Fed, change: Any) -> str:
    return "\n".join([*(c for c, _ in connection.sent), *(c for c, _ in connection.fed), *said(change)])


def test_without_a_checkout_the_platform_is_nobodys_concern(tmp_path: Path) -> None:
    bare = load(write(tmp_path), resolve=no_dns)
    assert {stage.name: stage.targets(bare) for stage in stages() if stage.targets(bare)} == {}
    ours = [check for check in declared().values() if check.function.__module__.partition(".")[2] in PLATFORM]
    assert ours
    assert [check.id for check in ours if check.on(bare)] == []


def test_a_service_is_applied_in_order_and_waited_for(cluster: Cluster) -> None:
    api = MemoryApi(cluster)
    assert start("nginx", cluster, api) == [
        "create DaemonSet default/nginx",
        "create DaemonSet default/nginx-arm64",
        "wait until nginx runs",
    ]
    assert api.changed == ["PATCH DaemonSet nginx", "PATCH DaemonSet nginx-arm64"]


def test_a_second_start_applies_nothing(cluster: Cluster) -> None:
    api = MemoryApi(cluster)
    for service in ("mysql", "jobmanager2", "monitor", "custommetrics"):
        start(service, cluster, api)
        api.changed.clear()
        start(service, cluster, api)
        assert api.changed == []


@pytest.mark.parametrize("service", ["mysql", "custommetrics", "nginx", "monitor", "webui3"])
def test_what_a_stage_applies_is_what_its_check_asks_for(service: str, cluster: Cluster, tmp_path: Path) -> None:
    api = MemoryApi(cluster)
    [stage] = [found for found in stages() if found.name == service]
    site = site_of(cluster, api, tmp_path)
    outcome, message, actions = run(stage, WHOLE, site)
    assert (outcome, message, bool(actions)) == (Outcome.CHANGED, "", True)
    assert run(stage, WHOLE, site) == (Outcome.UNCHANGED, "", [])


def test_a_service_that_does_not_come_up_fails_with_the_reason_once(cluster: Cluster, tmp_path: Path) -> None:
    waiting = {"waiting": {"reason": "InvalidImageName", "message": "couldn't parse image reference"}}
    container = {"name": "openresty", "ready": False, "restartCount": 0, "state": waiting}
    broken = {
        f"openresty-arm64-{cluster.master.name}": {"status": {"conditions": [], "containerStatuses": [container]}}
    }
    [stage] = [found for found in stages() if found.name == "openresty"]
    outcome, message, _ = run(stage, WHOLE, site_of(cluster, MemoryApi(cluster, broken=broken), tmp_path))
    assert outcome is Outcome.FAILED
    assert "openresty InvalidImageName: couldn't parse image reference" in message
    assert f"; and {services.by_name('openresty').id} openresty workloads not running" in message


def test_a_plan_names_the_fields_that_a_new_tag_changes_and_sends_nothing(cluster: Cluster, tmp_path: Path) -> None:
    api = MemoryApi(cluster)
    start("restfulapi2", cluster, api)
    start("nginx", cluster, api)
    api.changed.clear()
    (tmp_path / "other").mkdir()
    other = cluster_of(tmp_path / "other", IMAGE_TAG)
    path = "spec.template.spec.containers[restfulapi].image"
    planned, *more = start("restfulapi2", other, api, plan_of)
    assert planned.startswith("change DaemonSet default/restfulapi")
    assert path in planned
    assert more == ["wait until restfulapi2 runs"]
    assert start("nginx", other, api, plan_of) == ["wait until nginx runs"]
    assert api.changed == []


def test_another_port_of_mysql_changes_its_objects_and_what_reads_the_port(cluster: Cluster, tmp_path: Path) -> None:
    api = MemoryApi(cluster)
    for service in ("mysql", "restfulapi2", "openresty"):
        start(service, cluster, api)
    (tmp_path / "other").mkdir()
    other = cluster_of(tmp_path / "other", ("dockerregistry:", "mysql_port: '3307'\ndockerregistry:"))
    assert wanted.troubles(other) == []
    service, daemons, _ = start("mysql", other, api, plan_of)
    assert service.startswith("change Service kube-system/mysql: spec.ports[")
    assert daemons.startswith("change DaemonSet kube-system/mysql: spec.template.spec.containers[mysql].ports[")
    assert start("restfulapi2", other, api, plan_of)[0].endswith("annotations.dlws-suite/configuration")
    assert start("openresty", other, api, plan_of) == ["wait until openresty runs"]


def test_a_changed_file_rolls_out_what_mounts_it_and_nothing_else(cluster: Cluster, tmp_path: Path) -> None:
    api = MemoryApi(cluster)
    for service in ("restfulapi2", "openresty"):
        start(service, cluster, api)
    (tmp_path / "other").mkdir()
    other = cluster_of(tmp_path / "other", (PASSWORD, "another-for-tests"))
    planned, _ = start("restfulapi2", other, api, plan_of)
    assert planned.endswith("spec.template.metadata.annotations.dlws-suite/configuration")
    assert start("openresty", other, api, plan_of) == ["wait until openresty runs"]


def test_an_api_service_is_created_and_later_merged_never_applied(cluster: Cluster) -> None:
    api = MemoryApi(cluster)
    start("custommetrics", cluster, api)
    assert "POST APIService v1beta1.custom.metrics.k8s.io" in api.changed
    path = next(path for path in api.objects if "apiservices" in path)
    api.objects[path]["spec"]["versionPriority"] = 99
    api.changed.clear()
    start("custommetrics", cluster, api)
    assert api.changed == ["PATCH APIService v1beta1.custom.metrics.k8s.io"]


def test_what_the_operator_makes_known_comes_after_it(cluster: Cluster) -> None:
    crd = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/prometheuses.monitoring.coreos.com"
    without, with_it = MemoryApi(cluster), MemoryApi(cluster)
    with_it.objects[crd] = {"status": {"conditions": [{"type": "Established", "status": "True"}]}}
    group = '{"preferredVersion": {"groupVersion": "apiextensions.k8s.io/v1"}}'
    with_it.whole["texts"]["/apis/apiextensions.k8s.io"] = group
    for api in (without, with_it):
        start("custommetrics", cluster, api)
        assert "PATCH ServiceAccount prometheus" in api.changed
    assert "PATCH Prometheus metrics-prometheus" not in without.changed
    assert with_it.changed.index("PATCH Prometheus metrics-prometheus") > with_it.changed.index(
        "PATCH Deployment prometheus-operator"
    )


def test_waiting_ends_once_it_cannot_help(cluster: Cluster) -> None:
    name = f"openresty-arm64-{cluster.master.name}"
    waiting = {"reason": "ErrImagePull", "message": "manifest for x:latest-arm64 not found: manifest unknown"}
    container = {"name": "openresty", "ready": False, "restartCount": 0, "state": {"waiting": waiting}}
    api = MemoryApi(cluster, broken={name: {"status": {"conditions": [], "containerStatuses": [container]}}})
    with pytest.raises(
        ChangeFailed, match=r"openresty: waiting will not help: .*ErrImagePull: manifest for x:latest-arm"
    ):
        start("openresty", cluster, api)


def test_a_pod_that_is_replaced_is_no_reason_to_give_up(cluster: Cluster) -> None:
    """As after a mended configuration: the pod that crashes for want of it is there for some seconds more."""
    name = f"openresty-arm64-{cluster.master.name}"
    container = {"name": "openresty", "restartCount": 9, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    about = {"metadata": {"uid": "old"}, "status": {"conditions": [], "containerStatuses": [container]}}
    api, service = MemoryApi(cluster, broken={name: about}), services.by_name("openresty")
    with pytest.raises(ChangeFailed, match="waiting will not help"):
        start("openresty", cluster, api)
    kube = kube_of(api)
    assert service_state.pods_there(service, cluster, kube) == {"old"}
    assert not s3_16_services.is_running(service, cluster, kube, {"old"})


def test_a_service_waits_for_the_clusters_id(cluster: Cluster) -> None:
    cluster.state.cluster_id.unlink()
    assert start("mysql", cluster, MemoryApi(cluster), plan_of) == ["apply mysql, once the cluster has its id"]


def test_jobs_get_their_login_without_a_word_of_it(cluster: Cluster) -> None:
    api = MemoryApi(cluster)
    assert start("job_objects", cluster, api)[-1] == "apply Secret default/regcred"
    api.changed.clear()
    assert start("job_objects", cluster, api) == []


def mysql(cluster: Cluster, **more: tuple[int, str, str]) -> tuple[Fed, Any]:
    connection = Fed(cluster.master.name, {**CONTAINER, **LISTENING, **more})
    host, change = change_of(connection)
    s3_16_services.test_mysql_root(cluster, host, change)  # type: ignore[attr-defined]
    return connection, change


def test_root_is_made_with_its_password_and_no_command_holds_it(cluster: Cluster) -> None:
    connection, change = mysql(cluster, **{"docker exec": (0, "8.0.20\n", "")})
    [(command, stdin)] = connection.sent
    password, create, *_ = stdin.decode().splitlines()
    assert password == PASSWORD
    assert create.startswith("CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED WITH mysql_native_password BY ")
    assert "docker exec -i" in command
    assert PASSWORD not in sent_and_said(connection, change)


def test_a_mysql_that_keeps_another_password_is_said_to(cluster: Cluster) -> None:
    denied = (1, "", "ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: YES)")
    with pytest.raises(ChangeFailed, match="root password differs from mysql_password: it keeps the one it was first"):
        mysql(cluster, **{"docker exec": denied})


def test_a_plan_knows_of_no_mysql_yet(cluster: Cluster) -> None:
    host, change = plan_of(Fed(cluster.master.name, {"docker ps": (127, "", "docker: not found")}))
    s3_16_services.test_mysql_root(cluster, host, change)  # type: ignore[attr-defined]
    assert said(change) == ["create MySQL's root@'%' with its password, or set it, once MySQL runs"]


def test_the_services_configuration_is_written_once_and_closed(cluster: Cluster) -> None:
    connection = Fed(cluster.master.name)
    host, change = change_of(connection)
    s3_15_web_configuration.test_web_configuration(cluster, host, change)
    written = [command for command, stdin in connection.sent if stdin]
    assert len(written) == 3
    assert all(mode in " ".join(written) for mode in ("0600", "0640"))
    assert PASSWORD not in sent_and_said(connection, change)
    files = rendered.of(cluster, lambda p: p.host_files)
    answers = {f"sha256sum {f.path}": (0, f"{rendered.sha256(f.text)}  {f.path}\n", "") for f in files}
    stats = {f"gid=%g' {f.path}": (0, f"mode={f.source.mode}\tgid={f.source.group}\n", "") for f in files}
    folders = {f"gid=%g' {Path(f.path).parent}": (0, "type=directory\tmode=755\tgid=0\n", "") for f in files}
    again = Fed(cluster.master.name, answers | stats | folders)
    host, change = change_of(again)
    s3_15_web_configuration.test_web_configuration(cluster, host, change)
    assert again.sent == []
    shut = {name: (rc, told.replace("755", "700"), err) for name, (rc, told, err) in folders.items()}
    host, change = change_of(Fed(cluster.master.name, answers | stats | shut))
    s3_15_web_configuration.test_web_configuration(cluster, host, change)
    assert said(change) == ["make directory /etc/RestfulAPI"]


def test_a_directory_in_the_place_of_the_name_is_not_removed(cluster: Cluster) -> None:
    connection = Fed("atlas02", {f"gid=%g' {web_files.FQDN_FILE}": (0, "type=directory\n", "")})
    host, change = change_of(connection)
    with pytest.raises(ChangeFailed, match="is a directory"):
        s3_16_files.test_nginx_files(cluster.node("atlas02"), cluster, host, change)
    assert connection.sent == []


def test_nginx_gets_name_folder_and_routes(cluster: Cluster) -> None:
    host, change = change_of(connection := Fed("atlas02"))
    s3_16_files.test_nginx_files(cluster.node("atlas02"), cluster, host, change)
    assert [text.split(" (")[0] for text in said(change)] == [
        f"write {web_files.FQDN_FILE}",
        f"make directory {web_files.DASHBOARD}",
        "make directory /etc/nginx/conf.other",
        f"write {web_files.NGINX_FILE}",
    ]
    assert connection.sent[0][1] == b"atlas02.sigsus.cn\n"


def test_images_are_built_from_an_archive_with_a_label_and_only_once(cluster: Cluster) -> None:
    digests = rendered.of(cluster, lambda p: p.digests(cluster.master.arch))
    first = Fed(cluster.master.name, NO_IMAGE)
    host, change = change_of(first)
    s3_16_images.test_images_built(cluster.master, cluster, host, change)
    assert len(first.sent) == len(digests) == 10
    command, context = first.sent[0]
    assert f"--label {CONTEXT_LABEL}={next(iter(digests.values()))}" in command
    assert context[257:262] == b"ustar"
    assert "(1 of 10, a context of" in said(change)[0]
    built = "\n".join(f'["{name}"] {digest}' for name, digest in digests.items())
    second = Fed(cluster.master.name, NO_IMAGE | {"image inspect": (0, built, "")})
    host, change = change_of(second)
    s3_16_images.test_images_built(cluster.master, cluster, host, change)
    assert second.sent == []


def test_an_archive_is_loaded_where_there_is_one_and_all_else_is_pulled(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path, ("suite:\n", "suite:\n  image_archives: images\n"))
    archive = saved(tmp_path / "images/apulistech-nginx-1.9-arm64.tar", "apulistech/nginx:1.9-arm64")
    node = cluster.master
    images = wanted.of(cluster).images(node)
    connection = Fed(node.name, NO_IMAGE | {"docker version": (0, "arm64\n", "")})
    host, change = change_of(connection)
    s3_16_images.test_platform_images(node, cluster, host, change)
    loaded = "docker load apulistech-nginx-1.9-arm64.tar"
    assert said(change) == [loaded if "nginx" in image else f"docker pull -q {image}" for image in images]
    assert connection.sent[said(change).index(loaded)][1] == archive.read_bytes()


def test_an_image_in_the_registry_is_preferred_to_its_archive(tmp_path: Path) -> None:
    registry = ("dockerregistry: apulistech/", "dockerregistry: harbor.example.org/dlws/")
    cluster = cluster_of(tmp_path, ("suite:\n", "suite:\n  images: prebuilt\n  image_archives: images\n"), registry)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "harbor.example.org-dlws-job-exporter-1.9-arm64.tar").write_bytes(b"older")
    host, change = change_of(Fed("atlas01", NO_IMAGE | {"docker version": (0, "arm64\n", "")}))
    s3_16_images.test_platform_images(cluster.node("atlas01"), cluster, host, change)
    assert "docker pull -q harbor.example.org/dlws/job-exporter:1.9-arm64" in said(change)


def test_a_pod_that_runs_a_replaced_image_is_started_anew(cluster: Cluster) -> None:
    api = MemoryApi(cluster)
    for service in services.SERVICES:
        start(service.name.replace("-", "_"), cluster, api)
    kube, node = kube_of(api), cluster.node("atlas01")
    replaced = {"image inspect": (0, '["apulistech/job-exporter:1.9-arm64"] null sha256:00\n', "")}
    host, change = change_of(Fed(node.name, replaced), kube)
    api.changed.clear()
    s3_16_services.test_pods_current(node, cluster, host, kube, change)
    pod = "kube-system/job-exporter-arm64-atlas01"
    why = "apulistech/job-exporter:1.9-arm64 has been replaced"
    assert said(change) == [f"restart pod {pod}: {why}", "wait until the services run again"]
    assert api.changed == ["DELETE /api/v1/namespaces/kube-system/pods/job-exporter-arm64-atlas01"]


def test_the_generator_is_waited_for_until_its_check_would_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_16_npu_info, "FIRST_ROUND", 0.0)
    first_file = FRESH.replace("99.6 device0\n", "")
    host, change = change_of(Fed("atlas02", {"npu-smi": (0, ONE_NPU, ""), "set -e; date": (0, first_file, "")}))
    with pytest.raises(Unknown, match="waited 0 s for the generator's files to exist"):
        s3_16_npu_info.test_npu_info(host, change)


def test_the_generator_of_npu_information_is_a_unit_and_stands_alone() -> None:
    script = {"pgrep": (0, "4711\n", ""), "npu-smi info -l": (0, ONE_NPU, ""), "set -e; date": (0, FRESH, "")}
    host, change = change_of(connection := Fed("atlas02", script))
    s3_16_npu_info.test_npu_info(host, change)
    assert said(change)[0] == "end upstream's npu_info_gen.py"
    assert [stdin.decode() for _, stdin in connection.sent if stdin] == [npu_info.SCRIPT, npu_info.UNIT_TEXT]
    assert connection.sent[-1][0].startswith("systemctl daemon-reload && systemctl enable dlws-npu-info.service")
