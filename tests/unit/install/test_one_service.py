"""One service is stopped, started or restarted: its workloads are touched, waited for, and no other's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dlws.config.cluster import Cluster
from dlws.engine.options import check_offered
from dlws.engine.site import Site
from dlws.engine.stage import Stage, stage_of
from dlws.engine.targets import WHOLE
from dlws.kubernetes import apply_plan
from dlws.platform.services import SERVICES
from dlws.record.ledger import Outcome
from install import one_service, s3_16_services
from tests.kits.checkout import cluster_of
from tests.kits.platform import MemoryApi, run, site_of
from tests.kits.project import Project

MYSQL = "/apis/apps/v1/namespaces/kube-system/daemonsets/mysql"


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return cluster_of(tmp_path)


@pytest.fixture
def api(cluster: Cluster, tmp_path: Path) -> MemoryApi:
    """A cluster with mysql and nginx, started by their stages."""
    memory = MemoryApi(cluster)
    for name in ("mysql", "nginx"):
        assert act(s3_16_services.STARTS, name, memory, tmp_path)[0] is Outcome.CHANGED
    memory.changed.clear()
    return memory


def act(
    stages: dict[str, Callable[..., None]], name: str, api: MemoryApi, folder: Path
) -> tuple[Outcome, str, list[str]]:
    return run(stage(stages, name), WHOLE, site(api, folder))


def stage(stages: dict[str, Callable[..., None]], name: str) -> Stage:
    found = stage_of(stages[name])
    assert found is not None
    return found


def site(api: MemoryApi, folder: Path) -> Site:
    return site_of(api.cluster, api, folder)


def test_a_restart_marks_the_pods_of_one_service(api: MemoryApi, tmp_path: Path) -> None:
    outcome, message, actions = act(one_service.RESTARTS, "mysql", api, tmp_path)
    assert (outcome, message) == (Outcome.CHANGED, "")
    assert api.changed == [f"PATCH {MYSQL}"]
    assert actions == ["restart DaemonSet kube-system/mysql", "wait until mysql runs"]


def test_a_service_that_is_restarted_needs_no_apply(api: MemoryApi, tmp_path: Path) -> None:
    act(one_service.RESTARTS, "mysql", api, tmp_path)
    api.changed.clear()
    assert act(s3_16_services.STARTS, "mysql", api, tmp_path)[0] is Outcome.UNCHANGED
    assert api.changed == []


def test_a_restart_that_does_not_come_up_is_no_restart(
    api: MemoryApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_service, "START", 0.0)
    api.objects[MYSQL]["status"]["numberReady"] = 0
    outcome, message, _ = act(one_service.RESTARTS, "mysql", api, tmp_path)
    assert outcome is Outcome.FAILED
    assert "mysql" in message


def test_what_was_never_started_is_not_restarted(api: MemoryApi, tmp_path: Path) -> None:
    outcome, message, actions = act(one_service.RESTARTS, "monitor", api, tmp_path)
    assert (outcome, actions) == (Outcome.FAILED, [])
    assert "pytest -m start --stages monitor" in message


def test_a_stop_deletes_the_workloads_and_nothing_else(api: MemoryApi, tmp_path: Path) -> None:
    outcome, _, actions = act(one_service.STOPS, "mysql", api, tmp_path)
    assert outcome is Outcome.CHANGED
    assert api.changed == [f"DELETE {MYSQL}"]
    assert actions == ["delete DaemonSet kube-system/mysql", "wait until mysql has stopped"]


def test_a_service_that_is_stopped_stays_so_and_starts_again(api: MemoryApi, tmp_path: Path) -> None:
    act(one_service.STOPS, "mysql", api, tmp_path)
    assert act(one_service.STOPS, "mysql", api, tmp_path)[0] is Outcome.UNCHANGED
    api.changed.clear()
    assert act(s3_16_services.STARTS, "mysql", api, tmp_path)[0] is Outcome.CHANGED
    assert api.changed == ["PATCH DaemonSet mysql"]


def test_pods_that_do_not_end_are_not_stopped(api: MemoryApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_service, "STOP", 0.0)
    monkeypatch.setattr(api, "_pods", lambda: api.whole["objects"]["pods"])
    outcome, message, _ = act(one_service.STOPS, "mysql", api, tmp_path)
    assert outcome is Outcome.FAILED
    assert "kube-system/mysql-" in message


def test_every_service_has_its_stages_under_its_own_name() -> None:
    for stages in (one_service.STOPS, one_service.RESTARTS):
        assert [stage(stages, s.name).subject for s in SERVICES] == [s.stage for s in SERVICES]
    assert {stage(s3_16_services.STARTS, s.name).commands for s in SERVICES} == {("install", "scale_up", "start")}


def test_the_mark_of_a_restart_is_never_ours_to_remove() -> None:
    owned = {"manager": apply_plan.FIELD_MANAGER, "operation": "Apply", "fieldsV1": {}}
    template = {"metadata": {"annotations": {one_service.RESTARTED_BY: "run"}}}
    about = {"name": "x", "namespace": "default"}
    wanted = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": about, "spec": {"template": {}}}
    live = {**wanted, "metadata": {**about, "managedFields": [owned]}, "spec": {"template": template}}
    assert apply_plan.planned(wanted, live).action is apply_plan.Effect.KEEP


@pytest.mark.parametrize("command", ["start", "stop", "restart"])
def test_a_service_must_be_named(command: str, tmp_path: Path) -> None:
    ran = Project(tmp_path, stages="").run("-m", command)
    assert (ran.status, ran.error) == (4, f"-m {command}: name the service, like -m {command} --stages nginx")


@pytest.mark.parametrize("command", ["start", "stop", "restart", "build"])
def test_without_a_platform_no_service_is_offered(command: str, tmp_path: Path) -> None:
    ran = Project(tmp_path, stages="").run("-m", command, "--stages", "nginx")
    said = f"-m {command} is about DLWS's own services, and the configuration names no dlworkspace"
    assert (ran.status, ran.error) == (4, said)


def test_prebuilt_images_are_not_built_by_name(tmp_path: Path) -> None:
    prebuilt = cluster_of(tmp_path, ("suite:", "suite:\n  images: prebuilt"))
    with pytest.raises(pytest.UsageError, match=r"prebuilt nothing is built; push .*, or put its archive into"):
        check_offered(prebuilt, "build")
