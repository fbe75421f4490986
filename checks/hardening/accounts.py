"""X: rights in the cluster that come with no name: those of the account of every pod that names none."""

from __future__ import annotations

from collections.abc import Iterator

from dlws.engine.check import check, expect
from dlws.engine.targets import whole_cluster
from dlws.kubernetes.objects import Object, name_of
from dlws.remote.kubernetes import Kubernetes
from dlws.verdict import Severity

ALL_ACCOUNTS = "system:serviceaccounts"
"""The group of every service account; with `:<namespace>` behind it, of those of a namespace."""
KUBERNETES_OWN = "system:service-account-issuer-discovery"
"""The one role that Kubernetes itself gives that group, to read its public keys (bootstrappolicy, from 1.20 on)."""


@check(
    "X27",
    section="3.11",
    source="CIS Kubernetes 5.1.5",
    on=whole_cluster,
    severity=Severity.WARNING,
    title_zh="默认服务账号没有任何权限",
    fix="kubectl delete the named binding; a pod that needs its rights gets a service account of its own",
)
def test_default_accounts_have_no_rights(kube: Kubernetes) -> None:
    """No role is bound to a service account `default` or to all service accounts: every pod would have its rights."""
    bindings = [*kube.list("clusterrolebindings"), *kube.list("rolebindings")]
    expect("bindings for every pod's account", found=sorted(f for b in bindings for f in _given(b)), expected=[])


def _given(binding: Object) -> Iterator[str]:
    role = binding["roleRef"]["name"]
    for subject in binding.get("subjects") or ():
        namespace = subject.get("namespace") or binding["metadata"].get("namespace")
        if (subject["kind"], subject["name"]) == ("ServiceAccount", "default"):
            yield f"{name_of(binding)}: {role} for {namespace}/default"
        elif subject["kind"] == "Group" and subject["name"].startswith(ALL_ACCOUNTS) and role != KUBERNETES_OWN:
            yield f"{name_of(binding)}: {role} for {subject['name']}"
