"""X: rights in the cluster that come with no name: those of every pod's account, and of whoever has none."""

from __future__ import annotations

from collections.abc import Iterator

from dlws.engine.check import check, expect
from dlws.engine.targets import whole_cluster
from dlws.kubernetes.objects import Object, name_of, subjects
from dlws.remote.kubernetes import Kubernetes
from dlws.verdict import Severity

ALL_ACCOUNTS = "system:serviceaccounts"
"""The group of every service account; with `:<namespace>` behind it, of those of a namespace."""
SIGNED_IN, NOT_SIGNED_IN = "system:authenticated", "system:unauthenticated"
"""The groups of whoever has an account, every service account among them, and of whoever has none."""
NOBODY = "system:anonymous"
"""The user that whoever has no account is."""
_PUBLIC = frozenset({"system:basic-user", "system:discovery", "system:public-info-viewer"})
KUBERNETES_OWN = {
    ALL_ACCOUNTS: frozenset({"system:service-account-issuer-discovery"}),
    SIGNED_IN: _PUBLIC,
    NOT_SIGNED_IN: _PUBLIC,
    NOBODY: frozenset({"kubeadm:bootstrap-signer-clusterinfo"}),
}
"""The roles that Kubernetes itself gives them, to read its version, APIs and public keys (bootstrappolicy; up to 1.13
whoever has no account had all three), and kubeadm, to read the cluster's CA."""


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
    """No role is bound to a service account `default` or to all service accounts: every pod would have its rights.

    `system:authenticated` are all service accounts, too.
    """
    found = sorted(text for one in bindings(kube) for text in _given_to_pods(one))
    expect("bindings for every pod's account", found=found, expected=[])


@check(
    "X28",
    section="3.11",
    source="CIS Kubernetes 5.1, 1.2.1",
    on=whole_cluster,
    title_zh="未登录者在集群中没有任何权限",
    fix="kubectl delete the named binding at once: whoever reaches port 6443 has these rights",
)
def test_nobody_has_rights_without_an_account(kube: Kubernetes) -> None:
    """No role is bound to whoever has not signed in, but for those by which Kubernetes and kubeadm say who they are."""
    found = sorted(text for one in bindings(kube) for text in _given_to_nobody(one))
    expect("bindings for whoever has no account", found=found, expected=[])


def bindings(kube: Kubernetes) -> list[Object]:
    """Every binding of a role, of the cluster and of a namespace."""
    return [*kube.list("clusterrolebindings"), *kube.list("rolebindings")]


def _given_to_pods(binding: Object) -> Iterator[str]:
    role = binding["roleRef"]["name"]
    for subject in subjects(binding):
        namespace = subject.get("namespace") or binding["metadata"].get("namespace")
        group = next((g for g in (ALL_ACCOUNTS, SIGNED_IN) if f"{subject['name']}:".startswith(f"{g}:")), "")
        if (subject["kind"], subject["name"]) == ("ServiceAccount", "default"):
            yield f"{name_of(binding)}: {role} for {namespace}/default"
        elif subject["kind"] == "Group" and group and role not in KUBERNETES_OWN[group]:
            yield f"{name_of(binding)}: {role} for {subject['name']}"


def _given_to_nobody(binding: Object) -> Iterator[str]:
    role = binding["roleRef"]["name"]
    for subject in subjects(binding):
        who = (subject["kind"], subject["name"])
        if who in (("Group", NOT_SIGNED_IN), ("User", NOBODY)) and role not in KUBERNETES_OWN[subject["name"]]:
            yield f"{name_of(binding)}: {role} for {subject['name']}"
