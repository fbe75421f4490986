"""The comparison with a real checkout, on the stand-in: it finds what differs, and the table explains what it may."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from dlws.config.cluster import load
from dlws.kubernetes import labels
from dlws.platform import renderings
from dlws.upstream.checkout import PARAMS
from tests.kits.checkout import STAND_IN
from tests.kits.config_example import no_dns
from tests.upstream import __main__ as command
from tests.upstream import comparison, known, site
from tests.upstream.comparison import Difference
from tests.upstream.oracle import Upstream

PLATFORM_PAGE = Path(__file__).parents[3] / "docs" / "platform.md"
MYSQL = "src/ClusterBootstrap/services/mysql/mysql.yaml"
NOT_THERE = [
    "object ConfigMap default/dlws-scripts: absent -> present",
    "object ConfigMap kube-system/prometheus-alert: absent -> present",
    "object ConfigMap kube-system/alert-templates: absent -> present",
    "object ConfigMap kube-system/grafana-configuration: absent -> present",
    "object DaemonSet kube-system/nvidia-device-plugin-daemonset: absent -> present",
    "object DaemonSet kube-system/a910-device-plugin: absent -> present",
]
"""The stand-in has no pre-render.sh and no device plugins: the suite needs neither."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The stand-in with the keys of params.py that only deploy.py reads."""
    copy = tmp_path / "checkout"
    shutil.copytree(STAND_IN, copy)
    more = {
        "Dashboards": {"grafana": {"port": 3000}},
        "kubelabels": dict(labels.TARGETS),
        "infiniband_mounts": [],
        "physical-mount-path": "/mntdlws",
    }
    text = (copy / PARAMS).read_text(encoding="utf-8").replace('"system": {', '"infrastructure": [], "system": {')
    (copy / PARAMS).write_text(text.replace("parameters = {", f"parameters = {str(more)[:-1]}, "), encoding="utf-8")
    return copy


def unexplained(folder: Path, ours: Path, theirs: Path) -> list[str]:
    """What differs for no known reason between what the suite makes of one checkout and another says itself."""
    path = site.write(folder, ours)
    cluster = load(path, resolve=no_dns)
    upstream = Upstream(theirs, yaml.safe_load(path.read_text(encoding="utf-8")), site.ID)
    found = comparison.differences(cluster, upstream, renderings.of(cluster))
    return [str(difference) for difference in known.explained(found, known.rows())[1]]


def test_the_page_has_the_rows_of_the_table() -> None:
    assert known.markdown() in PLATFORM_PAGE.read_text(encoding="utf-8"), "docs/platform.md: put known.markdown() there"


def test_no_field_of_the_stand_in_is_unexplained(checkout: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    assert sorted(unexplained(folder, checkout, checkout)) == sorted(NOT_THERE)


def test_one_of_the_clusters_has_an_amd64_master_and_mails_its_alerts(tmp_path: Path) -> None:
    cluster = load(site.write_amd64(tmp_path, STAND_IN), resolve=no_dns)
    assert (cluster.master.arch, cluster.master.device) == ("amd64", "cpu")
    titles = [manifest.title for manifest in renderings.of(cluster).manifests("monitor")]
    assert {"Deployment kube-system/prometheus-deployment", "Deployment kube-system/alert-manager"} <= {*titles}


def test_a_field_that_the_suite_drops_is_found(checkout: Path, tmp_path: Path) -> None:
    folder, other = tmp_path / "site", tmp_path / "other"
    folder.mkdir()
    shutil.copytree(checkout, other)
    text = (other / MYSQL).read_text(encoding="utf-8")
    (other / MYSQL).write_text(
        text.replace("hostNetwork: true", "hostNetwork: true\n      hostPID: true"), encoding="utf-8"
    )
    line = 'object DaemonSet kube-system/mysql: spec.template.spec.hostPID: "true" -> absent'
    assert line in unexplained(folder, checkout, other)


def test_a_row_explains_a_value_not_a_place() -> None:
    row = known.Row("a", "b", "c", ('object *.protocol: absent -> "TCP"',))
    assert row.explains(Difference("object Service x/y: spec.ports[80].protocol", "absent", '"TCP"'))
    assert not row.explains(Difference("object Service x/y: spec.ports[80].protocol", "absent", '"UDP"'))


def test_brackets_of_a_pattern_are_brackets() -> None:
    assert known.Row("a", "b", "c", ("x[1]*",)).explains(Difference("x[1]", "1", "2"))
    assert not known.Row("a", "b", "c", ("x[1]*",)).explains(Difference("x1", "1", "2"))


def test_a_variable_that_is_set_twice_is_compared_twice() -> None:
    twice = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    assert dict(comparison._leaves({"env": twice}, "")) == {
        "env[A].name": '"A"',
        "env[A].value": '"1"',
        "env[A again].name": '"A"',
        "env[A again].value": '"2"',
    }


def test_the_command_names_its_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 2
    assert "DIR" in capsys.readouterr().err
