"""What the lab's stand-in would hide of a checkout: a field that is otherwise is told, a name within a pod is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlws.platform import rendering
from dlws.platform.renderings import Platform
from tests.kits.checkout import WEBUI3, cluster_of, spoilt
from tests.upstream import stand_in


def told(folder: Path, old: str, new: str) -> list[str]:
    """What is told of a checkout that is the stand-in with another text in webui3's manifest."""
    ours, text = cluster_of(folder), (Path(stand_in.__file__).parents[2] / "lab/checkout" / WEBUI3).read_text()
    assert old in text
    theirs = spoilt(folder, WEBUI3, text.replace(old, new))
    left, right = (Platform(cluster, rendering.renderer(cluster)) for cluster in (theirs, ours))
    return [str(difference) for difference in stand_in.differences(left, right)]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("hostNetwork: true", "hostNetwork: false", "spec.template.spec.hostNetwork"),
        ("path: /var/log/webui3", "path: /var/log/web", "volumeMounts./var/log/webui3.hostPath.path"),
        ("imagePullPolicy: Always", "imagePullPolicy: Never", "containers[0].imagePullPolicy"),
    ],
)
def test_a_field_that_the_lab_has_otherwise_is_told(tmp_path: Path, old: str, new: str, place: str) -> None:
    (line,) = told(tmp_path, old, new)
    assert line.startswith("object DaemonSet default/webui3-arm64: ")
    assert place in line


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: config", "name: etc"),
        ("- name: webui3\n", "- name: web\n"),
    ],
)
def test_a_name_within_a_pod_is_the_stand_ins_own(tmp_path: Path, old: str, new: str) -> None:
    assert told(tmp_path, old, new) == []
