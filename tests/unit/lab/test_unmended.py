"""Without a mend the suite makes of the lab's cluster what it made before, and of everything else what it makes now."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from checks.platform import monitoring
from dlws.config.cluster import Cluster, load
from dlws.platform import npu_info, rendering, renderings, web_files
from dlws.platform.renderings import Platform
from dlws.platform.services import SERVICES
from tests.kits.checkout import STAND_IN
from tests.lab.test_6_mends import TRIALS
from tests.lab.unmended import MENDS
from tests.unit.lab.test_applications import EXPORTER, generated
from tests.upstream import site

WEB, DASHBOARD = "/etc/WebUI/local.yaml", "/etc/UserDashboard/local.config"
CHANGES = {
    "sign_ins_kept": {WEB, "webui3"},
    "nginx_started": {"nginx"},
    "silent_pods_unscraped": {"repairmanager2"},
    "standing_alert_known": {"alerts"},
    "inner_names": {WEB, "webui3"},
    "broken_containers_left_out": {"monitor", "troubles"},
    "pods_judged": set(),
    "npu_files_as_read": {"npu"},
    "own_passwords": {WEB, "webui3", DASHBOARD, "custom-user-dashboard"},
}
"""By mend, what is another without it: a file and the services whose pods mount it, or a service's own objects."""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setattr(renderings, "_RENDERED", {})
    return load(site.write(tmp_path, STAND_IN))


def made(cluster: Cluster) -> dict[str, str]:
    """What the suite makes of a cluster, and what it judges by."""
    platform = Platform(cluster, rendering.renderer(cluster))
    objects = {service.name: str([m.object for m in platform.manifests(service.name)]) for service in SERVICES}
    files = {file.path: file.text for file in platform.host_files}
    renderings._RENDERED.clear()
    judged = {"alerts": str(monitoring.ALWAYS), "troubles": str(renderings.troubles(cluster))}
    return objects | files | judged | {"npu": npu_info.SCRIPT}


@pytest.mark.parametrize("mend", MENDS)
def test_undoing_a_mend_changes_what_it_is_about(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, mend: str) -> None:
    before = made(cluster)
    MENDS[mend](monkeypatch)
    after = made(cluster)
    assert {name for name in before if before[name] != after[name]} == CHANGES[mend]


def test_a_sign_in_with_empty_ids_has_no_section_then(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    MENDS["sign_ins_kept"](monkeypatch)
    web = yaml.safe_load(web_files.local_yaml(cluster, rendering.renderer(cluster)))
    assert {"wechat", "activeDirectory"}.isdisjoint(web)
    assert {"sign", "domain", "clusters", "userGroup"} <= set(web)


def test_no_exporter_reads_what_npu_smi_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    MENDS["npu_files_as_read"](monkeypatch)
    files = generated(tmp_path)
    assert "Ascend 910A" in (files / "device_list").read_text()
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert EXPORTER.npu_samples(files) == []


def test_a_malformed_name_that_nobody_judges_is_no_trouble(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    MENDS["broken_containers_left_out"](monkeypatch)
    assert "is no image name for Docker" in str(renderings.troubles(cluster))
    MENDS["pods_judged"](monkeypatch)
    renderings._RENDERED.clear()
    assert renderings.troubles(cluster) == []


def test_the_lab_undoes_every_mend() -> None:
    assert {name for trial in TRIALS.values() for name in trial.without} == set(MENDS)
