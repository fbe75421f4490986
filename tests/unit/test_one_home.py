"""One fact, one home: what stands in a single file of the product, and what stands in none."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("dlws", "checks", "install", "fixtures", "reports")
FILES = {
    str(path.relative_to(ROOT)): path.read_text("utf-8") for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")
}
HOMES = {
    '/ "sshkey"': "dlws/config/state.py",
    '/ "id_rsa"': "dlws/config/state.py",
    '/ "rootpasswd"': "dlws/config/state.py",
    '/ "clusterID.yml"': "dlws/config/state.py",
    '/ "known_hosts"': "dlws/config/state.py",
    '"/var/lib/kubelet/config.yaml"': "dlws/parse/kubernetes/kubelet.py",
    '"/var/lib/kubelet/kubeadm-flags.env"': "dlws/parse/kubernetes/kubelet.py",
    "/var/log/dlws-kubeadm.log": "dlws/kubernetes/kubeadm.py",
    "range(30000, 50000)": "dlws/kubernetes/kubeadm.py",
    "kubectl --kubeconfig {ADMIN_CONF}": "dlws/kubernetes/membership.py",
    '"node-role.kubernetes.io/master"': "dlws/kubernetes/labels.py",
    '= "dlws-suite"': "dlws/kubernetes/apply_plan.py",
    "defalt_virtual_cluster_name": "dlws/config/schema.py",
    "def merged(": "dlws/parse/mappings.py",
}
RAW_DOCUMENT = {"dlws/platform/parameters.py", "dlws/platform/web_files.py"}
"""Who may read the configuration as plain values: what renders DLWorkspace's templates, and lints what is rendered."""


@pytest.mark.parametrize(("text", "home"), HOMES.items())
def test_a_fact_has_one_home(text: str, home: str) -> None:
    assert {name for name, source in FILES.items() if text in source} == {home}
    assert FILES[home].count(text) == 1


def test_the_configuration_is_typed_but_for_templates() -> None:
    readers = {name for name, source in FILES.items() if "cluster.document" in source}
    assert readers == RAW_DOCUMENT


@pytest.mark.parametrize("trick", ["globals()", "__qualname__ =", "__module__ ="])
def test_no_function_is_renamed_behind_its_readers_back(trick: str) -> None:
    assert [name for name, source in FILES.items() if trick in source] == []


def test_no_assert_of_a_check_only_narrows_a_type() -> None:
    """It would be a FAIL of the host: raise LookupError instead."""
    checks = {name: ast.walk(ast.parse(source)) for name, source in FILES.items() if name.startswith("checks/")}
    asserted = ((name, node) for name, nodes in checks.items() for node in nodes if isinstance(node, ast.Assert))
    assert [f"{name}:{node.lineno}" for name, node in asserted if narrows(node.test)] == []


@pytest.mark.parametrize(
    ("test", "is_narrow"),
    [
        ("x", True),
        ("cluster.cni_manifest", True),
        ("x is not None", True),
        ("isinstance(x, dict)", True),
        ("host.service('kubelet').is_enabled", False),
        ("x == 3", False),
    ],
)
def test_what_only_narrows_a_type(test: str, is_narrow: bool) -> None:
    assert narrows(ast.parse(test, mode="eval").body) is is_narrow


def narrows(test: ast.expr) -> bool:
    """Whether an assertion says nothing of a host: a bare name or field, `is not None`, isinstance."""
    match test:
        case ast.Compare(left=left, ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return is_plain(left)
        case ast.Call(func=ast.Name(id="isinstance")):
            return True
    return is_plain(test)


def is_plain(node: ast.expr) -> bool:
    """`x` or `cluster.cni_manifest`: nothing is asked."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)
