"""The ConfigMaps that upstream's pre-render.sh makes, made from the same files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlws.platform import config_maps, rendering
from dlws.platform.templates import TemplateError
from dlws.upstream.checkout import CheckoutError
from tests.kits.checkout import MONITOR, STAND_IN, renderer_of, spoilt


def test_job_scripts_are_copied_as_they_are(tmp_path: Path) -> None:
    data = config_maps.job_scripts(renderer_of(tmp_path))["data"]
    assert list(data) == ["bootstrap.sh", "init_user.sh"]
    assert data["bootstrap.sh"] == (STAND_IN / "src/init-scripts/bootstrap.sh").read_text(encoding="utf-8")


def test_alert_rules_and_templates_keep_their_braces(tmp_path: Path) -> None:
    renderer = renderer_of(tmp_path)
    assert "{{$labels.instance}}" in config_maps.alert_rules(renderer)["data"]["node.rules"]
    assert '{{ define "email.html" }}' in config_maps.alert_templates(renderer)["data"]["email.tmpl"]


def test_idle_jobs_are_killed_where_the_configuration_says_so(tmp_path: Path) -> None:
    renderer = renderer_of(tmp_path, ("suite:\n", "prometheus: {alerting: {kill-idle: {platform: 4}}}\nsuite:\n"))
    (group,) = yaml.safe_load(config_maps.alert_rules(renderer)["data"]["kill-idle.rules"])["groups"]
    assert [(rule["alert"], rule["for"]) for rule in group["rules"]] == [
        ("kill-idle-jobs-email-platform", "4h"),
        ("kill-idle-jobs-platform", "4h"),
    ]
    assert all('vc_name="platform"' in rule["expr"] for rule in group["rules"])


def test_without_idle_hours_there_is_a_group_without_rules(tmp_path: Path) -> None:
    rules = config_maps.alert_rules(renderer_of(tmp_path))["data"]["kill-idle.rules"]
    assert yaml.safe_load(rules) == {"groups": [{"name": "kill-idle", "rules": []}]}


def dashboards(tmp_path: Path) -> dict[str, Any]:
    data = config_maps.grafana_dashboards(renderer_of(tmp_path))["data"]
    return {name: json.loads(text) for name, text in data.items()}


def test_dashboards_are_json_with_their_parameters_filled_in(tmp_path: Path) -> None:
    assert dashboards(tmp_path)["prom-datasource.json"]["url"] == "http://localhost:9091/prometheus"


def test_an_exported_dashboard_is_made_importable(tmp_path: Path) -> None:
    found = dashboards(tmp_path)["dlts-job-statistics-dashboard.json"]["dashboard"]
    assert not {"__inputs", "__requires"} & found.keys()
    assert found["uid"] == "dlts-job-statistics"
    assert [panel["datasource"] for panel in found["panels"]] == [None, None]
    assert found["panels"][1]["targets"][0]["legendFormat"] == "{{instance}}"
    assert [one.get("datasource", "none") for one in found["templating"]["list"]] == [None, "none"]


def test_a_dashboard_that_is_no_json_names_file_and_line(tmp_path: Path) -> None:
    cluster = spoilt(tmp_path, f"{MONITOR}/grafana-config-raw/dlts-cluster-jobs-dashboard.json", '{\n"title": }\n')
    with pytest.raises(TemplateError, match=r"dlts-cluster-jobs-dashboard.json:2: not JSON"):
        config_maps.grafana_dashboards(rendering.renderer(cluster))


def test_a_folder_without_files_is_said_so(tmp_path: Path) -> None:
    cluster = spoilt(tmp_path, "src/init-scripts/bootstrap.sh", "")
    for script in (tmp_path / "checkout/src/init-scripts").iterdir():
        script.unlink()
    with pytest.raises(CheckoutError, match="src/init-scripts: no files in it"):
        config_maps.job_scripts(rendering.renderer(cluster))
