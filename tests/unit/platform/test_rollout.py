"""What a workload carries so that it takes up a change, and starts no second pod beside the first."""

from __future__ import annotations

from typing import Any

from dlws.platform.manifests import Manifest
from dlws.platform.rollout import CONFIGURATION, IN_PLACE, from_hosts, prepared


def workload(kind: str = "DaemonSet", *volumes: dict[str, Any], **spec: Any) -> Manifest:
    pod = {"containers": [{"name": "x", "image": "dlws/x:latest"}], "volumes": list(volumes), **spec}
    found = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "x"}, "spec": {"template": {"spec": pod}}}
    return Manifest("x.yaml", found, ("atlas01",))


def config_map(name: str, text: str) -> Manifest:
    found = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"x": text}}
    return Manifest("x.yaml", found, None)


def digest(manifest: Manifest) -> str | None:
    about = manifest.object["spec"]["template"].get("metadata") or {}
    found: str | None = (about.get("annotations") or {}).get(CONFIGURATION)
    return found


MAP = {"name": "x", "configMap": {"name": "rules"}}
FOLDER = {"name": "y", "hostPath": {"path": "/etc/WebUI"}}


def test_a_changed_config_map_changes_what_mounts_it_and_nothing_else() -> None:
    _, one, other = prepared([config_map("rules", "a"), workload("DaemonSet", MAP), workload()], {}, {})
    _, changed, same = prepared([config_map("rules", "b"), workload("DaemonSet", MAP), workload()], {}, {})
    assert digest(one) != digest(changed)
    assert other.object == same.object
    assert digest(other) is None


def test_a_changed_file_of_the_host_changes_what_mounts_its_folder() -> None:
    (one,) = prepared([workload("DaemonSet", FOLDER)], {"/etc/WebUI/local.yaml": "a"}, {})
    (two,) = prepared([workload("DaemonSet", FOLDER)], {"/etc/WebUI/local.yaml": "b"}, {})
    (elsewhere,) = prepared([workload("DaemonSet", FOLDER)], {"/etc/WebUIs/local.yaml": "a"}, {})
    assert digest(one) != digest(two)
    assert digest(elsewhere) is None


def test_the_digest_says_nothing_of_what_it_is_of() -> None:
    (one,) = prepared([workload("DaemonSet", FOLDER)], {"/etc/WebUI/local.yaml": "sign: secret"}, {})
    assert "secret" not in str(one.object)


def test_a_deployment_on_the_hosts_network_gives_up_its_ports_first() -> None:
    (on_host,) = prepared([workload("Deployment", hostNetwork=True)], {}, {})
    (inside,) = prepared([workload("Deployment")], {}, {})
    assert on_host.object["spec"]["strategy"] == IN_PLACE
    assert "strategy" not in inside.object["spec"]


def test_an_image_that_is_built_anew_is_rolled_out_though_its_name_stays() -> None:
    (one,) = prepared([workload()], {}, {"dlws/x:latest": "1"})
    (two,) = prepared([workload()], {}, {"dlws/x:latest": "2"})
    (other,) = prepared([workload()], {}, {"dlws/y:latest": "1"})
    assert digest(one) != digest(two)
    assert digest(other) is None


def test_images_that_only_hosts_have_are_asked_of_no_registry() -> None:
    (pod,) = from_hosts([workload()])
    (before,) = [workload()]
    policies = [container["imagePullPolicy"] for container in pod.object["spec"]["template"]["spec"]["containers"]]
    assert policies == ["IfNotPresent"]
    assert "imagePullPolicy" not in str(before.object)
