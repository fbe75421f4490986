"""Which objects an apply would change; live ones are as the API server gives them, with defaults and managers."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from dlws.kubernetes import apply_plan
from dlws.kubernetes.apply_plan import Effect

MANIFEST: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "jobmanager", "namespace": "default", "labels": {"run": "dlws"}},
    "spec": {
        "selector": {"matchLabels": {"app": "jobmanager"}},
        "template": {
            "metadata": {"labels": {"app": "jobmanager"}},
            "spec": {
                "hostNetwork": True,
                "hostPID": False,
                "nodeSelector": {"jobmanager": "active"},
                "containers": [
                    {
                        "name": "jobmanager",
                        "image": "x/restfulapi2:latest",
                        "command": ["/runScheduler.sh"],
                        "env": [{"name": "KEY", "value": "invented-secret"}, {"name": "EMPTY", "value": ""}],
                        "ports": [{"protocol": "TCP", "containerPort": 9200}],
                        "resources": {"limits": {"memory": "1Gi", "cpu": "1000m"}},
                    }
                ],
                "tolerations": [{"key": "node-role.kubernetes.io/master", "effect": "NoSchedule"}],
            },
        },
    },
}
CONTAINER = 'k:{"name":"jobmanager"}'
POD = ("spec", "template", "spec")


def served(**fields: Any) -> dict[str, Any]:
    """What the API server makes of MANIFEST; `fields` are more that the container was applied with, and had."""
    live = copy.deepcopy(MANIFEST)
    live["metadata"] |= {"uid": "1", "generation": 3, "annotations": {"deprecated.daemonset.template.generation": "3"}}
    live["spec"] |= {"revisionHistoryLimit": 10, "updateStrategy": {"type": "RollingUpdate"}}
    live["status"] = {"numberReady": 1}
    pod = live["spec"]["template"]["spec"]
    del pod["hostPID"]
    pod |= {"dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "securityContext": {}}
    (container,) = pod["containers"]
    container |= {"terminationMessagePath": "/dev/termination-log", "imagePullPolicy": "Always", **fields}
    container["env"][1] = {"name": "EMPTY"}
    container["ports"] = [{"hostPort": 9200, "containerPort": 9200, "protocol": "TCP"}]
    container["resources"]["limits"]["cpu"] = "1"
    owned = {
        **{f"f:{key}": {} for key in ("name", "image", "command", *fields)},
        ".": {},
        "f:env": {f'k:{{"name":"{name}"}}': {".": {}, "f:name": {}, "f:value": {}} for name in ("KEY", "EMPTY")},
        "f:ports": {'k:{"containerPort":9200,"protocol":"TCP"}': {".": {}, "f:containerPort": {}, "f:protocol": {}}},
        "f:resources": {"f:limits": {"f:memory": {}, "f:cpu": {}}},
    }
    spec = {"f:hostNetwork": {}, "f:nodeSelector": {"f:jobmanager": {}}, "f:containers": {CONTAINER: owned}}
    template = {"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": {**spec, "f:tolerations": {}}}
    fields_v1 = {
        "f:metadata": {"f:labels": {"f:run": {}}},
        "f:spec": {"f:selector": {}, "f:template": template},
    }
    controller = {"manager": "kube-controller-manager", "operation": "Update", "fieldsV1": {"f:status": {}}}
    ours = {"manager": apply_plan.FIELD_MANAGER, "operation": "Apply", "fieldsV1": fields_v1}
    live["metadata"]["managedFields"] = [controller, ours]
    return live


def edited(thing: dict[str, Any], path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """A copy with another value at a path."""
    made = copy.deepcopy(thing)
    within: Any = made
    for part in path[:-1]:
        within = within[part]
    within[path[-1]] = value
    return made


def paths(manifest: dict[str, Any], live: dict[str, Any]) -> list[str]:
    return list(apply_plan.differences(manifest, live))


def test_what_was_applied_and_left_alone_does_not_change() -> None:
    assert paths(MANIFEST, served()) == []


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ((*POD, "containers", 0, "image"), "x/restfulapi2:2", "spec.template.spec.containers[jobmanager].image"),
        ((*POD, "containers", 0, "command"), ["/run.sh"], "spec.template.spec.containers[jobmanager].command"),
        ((*POD, "containers", 0, "env", 0, "value"), "y", "spec.template.spec.containers[jobmanager].env[KEY].value"),
        ((*POD, "containers", 0, "resources", "limits", "memory"), "2Gi", "limits.memory"),
        ((*POD, "containers", 0, "ports", 0, "containerPort"), 9201, "containers[jobmanager].ports[0]"),
        ((*POD, "nodeSelector", "jobmanager"), "no", "spec.template.spec.nodeSelector.jobmanager"),
        ((*POD, "hostNetwork"), False, "spec.template.spec.hostNetwork"),
        ((*POD, "dnsPolicy"), "Default", "spec.template.spec.dnsPolicy"),
        ((*POD, "automountServiceAccountToken"), False, "spec.template.spec.automountServiceAccountToken"),
        ((*POD, "tolerations"), [], "spec.template.spec.tolerations"),
        (("metadata", "labels"), {"run": "other"}, "metadata.labels.run"),
    ],
)
def test_another_value_in_the_manifest_is_a_change(path: tuple[str | int, ...], value: Any, found: str) -> None:
    assert any(one.endswith(found) or found in one for one in paths(edited(MANIFEST, path, value), served()))


def test_an_edit_by_somebody_else_is_a_change() -> None:
    live = edited(served(), (*POD, "containers", 0, "image"), "x/other:1")
    assert paths(MANIFEST, live) == ["spec.template.spec.containers[jobmanager].image"]


def test_what_others_add_is_theirs() -> None:
    live = edited(served(), ("metadata", "annotations"), {"kubectl.kubernetes.io/restartedAt": "now"})
    live["spec"]["template"]["spec"]["containers"].append({"name": "sidecar", "image": "x/sidecar:1"})
    assert paths(MANIFEST, live) == []


def test_what_was_applied_and_is_no_longer_in_the_manifest_is_a_change() -> None:
    live = served(workingDir="/x")
    assert paths(MANIFEST, live) == ["spec.template.spec.containers[jobmanager].workingDir"]


def test_a_container_or_variable_that_was_taken_out_is_a_change() -> None:
    without = edited(MANIFEST, (*POD, "containers", 0, "env"), [{"name": "EMPTY", "value": ""}])
    assert paths(without, served()) == ['spec.template.spec.containers[jobmanager].env[{"name":"KEY"}]']


def test_an_item_missing_from_an_atomic_list_is_a_change() -> None:
    more = [*MANIFEST["spec"]["template"]["spec"]["tolerations"], {"key": "x", "operator": "Exists"}]
    assert paths(MANIFEST, edited(served(), (*POD, "tolerations"), more)) == ["spec.template.spec.tolerations"]


def test_a_key_that_is_gone_from_an_item_of_such_a_list_is_a_change() -> None:
    without = edited(MANIFEST, (*POD, "tolerations", 0), {"key": "node-role.kubernetes.io/master"})
    assert paths(without, served()) == ["spec.template.spec.tolerations[0].effect"]


def test_an_object_that_deploy_py_made_alike_is_kept() -> None:
    live = served()
    live["metadata"]["managedFields"] = [{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {}}}]
    assert paths(MANIFEST, live) == []


def test_a_config_map_is_compared_key_by_key() -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "1", "b": "2"}}
    live = edited(manifest, ("data", "b"), "3")
    assert paths(manifest, live) == ["data.b"]


def secret(digest: str, **fields: Any) -> dict[str, Any]:
    """A Secret with the digest of its values; `fields` are what the API server has of it besides."""
    about = {"name": "x", "annotations": {"digest": digest}, **fields}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": about, "data": {"a": "MQ==" if not fields else "***"}}


def applied(*keys: str) -> list[dict[str, Any]]:
    """The record of an apply that still owns these values."""
    owned = {"f:data": {".": {}, **{f"f:{key}": {} for key in keys}}}
    return [{"manager": apply_plan.FIELD_MANAGER, "operation": "Apply", "fieldsV1": owned}]


def test_a_secret_is_compared_by_its_digest() -> None:
    assert paths(secret("1"), secret("1", managedFields=applied("a"))) == []
    assert paths(secret("2"), secret("1", managedFields=applied("a"))) == ["metadata.annotations.digest"]


def test_a_value_of_a_secret_that_another_has_set_is_a_change() -> None:
    assert paths(secret("1"), secret("1", managedFields=applied())) == ["data.a"]


def test_a_plan_says_what_would_be_made_changed_and_kept() -> None:
    other, new = (edited(MANIFEST, ("metadata", "name"), name) for name in ("other", "new"))
    changed = edited(other, (*POD, "containers", 0, "image"), "x/restfulapi2:2")
    live = {apply_plan.key_of(thing): thing for thing in (served(), other)}
    found = apply_plan.plan([MANIFEST, changed, new], live)
    assert [planned.action for planned in found] == [Effect.KEEP, Effect.CHANGE, Effect.CREATE]
    assert [str(planned) for planned in found[1:]] == [
        "change DaemonSet default/other: spec.template.spec.containers[jobmanager].image",
        "create DaemonSet default/new",
    ]


def test_a_plan_names_paths_and_never_values() -> None:
    changed = edited(MANIFEST, (*POD, "containers", 0, "env", 0, "value"), "another-secret")
    assert "secret" not in str(apply_plan.planned(changed, served()))


def test_objects_are_told_apart_by_group_kind_namespace_and_name() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "mysql"}}
    assert apply_plan.key_of(service) == ("", "Service", "default", "mysql")
    assert apply_plan.key_of(MANIFEST) == ("apps", "DaemonSet", "default", "jobmanager")
