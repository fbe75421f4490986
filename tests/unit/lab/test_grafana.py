"""The stand-in of Grafana takes and refuses what the real one takes and refuses."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from dlws.platform import renderings
from tests.kits.checkout import cluster_of
from tests.kits.programs import IMAGES, STANDIN, module

GRAFANA = module(IMAGES / "grafana/server.py")


def asked(path: str, login: str = "") -> Any:
    headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}
    return STANDIN.Request(path, {}, headers)


def test_it_has_every_dashboard_of_the_stand_in_checkout(tmp_path: Path) -> None:
    files = next(
        m.object["data"]
        for m in renderings.of(cluster_of(tmp_path)).manifests("monitor")
        if m.name == "grafana-configuration"
    )
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    sources, dashboards = GRAFANA.installed(tmp_path)
    assert [source["url"] for source in sources] == ["http://localhost:9091/prometheus"]
    assert len(dashboards) == 17


@pytest.mark.parametrize(
    ("dashboard", "why"),
    [
        ({"title": "A"}, "A dashboard with the same name in the folder already exists"),
        ({"title": "B", "uid": "one"}, "A dashboard with the same uid already exists"),
        ({"title": "B", "uid": "x" * 41}, "uid to long. max 40 characters"),
        ({"title": "B", "uid": "a b"}, "uid contains illegal characters"),
        ({"title": ""}, "Dashboard title cannot be empty"),
        ({"title": "B", "uid": None}, ""),
    ],
)
def test_a_dashboard_is_refused_in_grafanas_words(dashboard: dict[str, Any], why: str) -> None:
    assert GRAFANA.refusal(dashboard, [{"title": "A", "uid": "one"}]) == why


def test_a_refused_dashboard_is_a_line_of_the_log_and_no_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in {
        "a-dashboard.json": "{",
        "b-dashboard.json": '{"dashboard": {"title": "B"}}',
        "c.json": "{",
    }.items():
        (tmp_path / name).write_text(text)
    assert [one["title"] for one in GRAFANA.installed(tmp_path)[1]] == ["B"]
    assert "a-dashboard.json: install failed: bad request data" in capsys.readouterr().out


def test_without_the_right_password_nothing_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b-dashboard.json").write_text(json.dumps({"dashboard": {"title": "B"}}))
    monkeypatch.setattr(GRAFANA, "ADMIN", "admin:another")
    assert GRAFANA.installed(tmp_path) == ([], [])


@pytest.mark.parametrize(("login", "status"), [("admin:admin", 200), ("admin:x", 401), ("", 403)])
def test_only_its_administrator_is_told_of_the_organisation(login: str, status: int) -> None:
    assert GRAFANA.administrators(asked("/api/org", login)).status == status
