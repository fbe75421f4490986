"""The checks and stages of the platform's services, one of each for a row of their table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from checks.catalogue import CatalogueError, by_id, declared
from checks.platform import endpoints, services
from checks.platform.service_check import service_check
from checks.platform.services import RUNS, check_of_each
from dlws.engine.check import Check, check_of
from dlws.engine.stage import stage_of
from dlws.platform.services import SERVICES, Service, by_name
from install.s3_16_services import STARTS

NEW = replace(by_name("nginx"), name="new-one", id="D99")


def checks_of(table: tuple[Service, ...]) -> list[Check]:
    return [found for function in check_of_each(table).values() if (found := check_of(function))]


def test_every_service_has_its_check_and_its_stage() -> None:
    assert [found.id for found in checks_of(SERVICES)] == [service.id for service in SERVICES]
    assert {found.id for found in checks_of(SERVICES)} <= declared().keys()
    stages = [found.name for function in STARTS.values() if (found := stage_of(function))]
    assert stages == [service.stage for service in SERVICES]


def test_a_service_keeps_the_id_that_old_runs_know_it_by() -> None:
    assert {service.name: service.id for service in SERVICES} == {
        "mysql": "D30",
        "custommetrics": "D31",
        "jobmanager2": "D32",
        "restfulapi2": "D33",
        "openresty": "D34",
        "nginx": "D35",
        "repairmanager2": "D36",
        "monitor": "D37",
        "webui3": "D38",
        "custom-user-dashboard": "D39",
    }


def test_a_service_in_the_middle_of_the_table_shifts_no_id() -> None:
    more = checks_of((*SERVICES[:4], NEW, *SERVICES[4:]))
    assert [(c.id, c.name) for c in more if c.id != "D99"] == [(c.id, c.name) for c in checks_of(SERVICES)]
    assert [c.name for c in more if c.id == "D99"] == ["new_one_runs"]


def test_an_id_that_two_services_have_is_refused() -> None:
    with pytest.raises(CatalogueError, match=r"D34 is declared twice: .*test_openresty_runs and .*test_new_one_runs"):
        by_id(checks_of((*SERVICES, replace(NEW, id="D34"))))


def test_a_check_is_called_by_its_service() -> None:
    found = check_of(RUNS["custom-user-dashboard"])
    assert found is not None
    assert (found.name, found.title_zh) == ("custom_user_dashboard_runs", "服务 custom-user-dashboard 已部署并正常运行")
    assert found.title.startswith("The custom-user-dashboard service is deployed as configured")


def test_what_is_ready_by_anothers_port_is_not_blamed_for_it() -> None:
    [found] = [made for made in checks_of(SERVICES) if made.name == "repairmanager2_runs"]
    stage = stage_of(STARTS["repairmanager2"])
    assert stage is not None
    assert "D32" in {cause.id for cause in found.causes}
    assert "jobmanager2" in stage.after


def test_who_waits_for_the_database_is_explained_by_it() -> None:
    explained = {found.name for found in checks_of(SERVICES) if "D03" in {cause.id for cause in found.causes}}
    assert explained == {"jobmanager2_runs", "restfulapi2_runs", "webui3_runs", "custom_user_dashboard_runs"}


@pytest.mark.parametrize("judged", [endpoints.test_services_answer, endpoints.test_prometheus_targets])
def test_node_exporter_that_waits_for_a_dead_share_is_no_finding_of_its_own(judged: Callable[..., None]) -> None:
    found = check_of(judged)
    assert found is not None
    assert [cause.id for cause in found.causes[:2]] == ["S05", "S07"]


def test_a_service_is_explained_by_its_hosts_ports_images_and_more() -> None:
    @service_check(NEW, [RUNS["jobmanager2"]])
    def runs() -> None:
        """It runs."""

    found = check_of(runs)
    assert found is not None
    assert [cause.id for cause in found.causes] == ["K02", "N28", "R24", "D32"]


def test_each_check_judges_its_own_service(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []
    monkeypatch.setattr(services, "expect_service", lambda service, *rest: judged.append(service.name))
    made = check_of_each(service for service in SERVICES if service.name != "mysql")
    for runs in made.values():
        runs(cluster=None, kube=None, notes=None)
    assert judged == [*made]
