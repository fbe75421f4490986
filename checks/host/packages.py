"""H: apt's sources, and whether the packages that the runbook installs can be had from them."""

from __future__ import annotations

import hashlib

from dlws.config.cluster import Cluster
from dlws.content.on_host import SETTINGS
from dlws.engine.check import check, expect, preflight
from dlws.engine.targets import hosts_with_apt_source, hosts_with_apt_sources
from dlws.facts.apt_sources import (
    absent_sources,
    has_lists,
    keyring,
    keys_trusted_for_all,
    packages_to_install,
    without_candidate,
)
from dlws.facts.files import digest_of, text_of
from dlws.hostfiles.apt_source import AptSource
from dlws.inventory import Node
from dlws.remote.host import Host
from dlws.remote.notes import Notes
from dlws.verdict import NotApplicable


@check(
    "H38",
    section="3.8",
    source="upstream prepare_ubuntu.sh",
    on=hosts_with_apt_sources,
    title_zh="配置的软件源已添加，密钥只用于各自的源",
    fix="run pytest -m install --stages package_sources",
)
def test_package_sources(cluster: Cluster, node: Node, host: Host, notes: Notes) -> None:
    """apt has the sources of suite.apt_sources, each with its signing key for that source alone."""
    for source in cluster.apt_sources(node):
        _expect_source(source, host, notes)


@check(
    "K29",
    section="3.10",
    source="upstream install_kubeadm.sh",
    on=hosts_with_apt_source,
    title_zh="Kubernetes 软件源已配置",
    fix="run pytest -m install --stages kube_source",
)
def test_kubernetes_source(cluster: Cluster, host: Host, notes: Notes) -> None:
    """apt has the configured source of the Kubernetes packages, and its signing key for that source alone."""
    if source := cluster.kubernetes_source:
        _expect_source(source, host, notes)


@preflight
@check(
    "H39",
    section="3.8",
    source="upstream prepare_ubuntu.sh, install_kubeadm.sh",
    title_zh="将要安装的每个软件包在软件源中都有候选版本",
    fix="apt-get update; if that is not enough, name the source that has them: suite.apt_sources (Docker, NVIDIA), "
    "suite.kubernetes.apt_source, or the package as your sources call it in suite.packages",
)
def test_packages_have_candidates(cluster: Cluster, node: Node, host: Host) -> None:
    """apt can install every package that the runbook needs and that is not there yet, in the configured version."""
    lacking = without_candidate(host, packages_to_install(cluster, node, host))
    if lacking and not has_lists(host):
        raise NotApplicable("apt has no lists of packages yet; an install updates them first")
    if lacking and cluster.content and text_of(host, SETTINGS) is None:
        raise NotApplicable("apt does not have the packages of suite.content yet; an install brings them first")
    if lacking and (absent := absent_sources(cluster, node, host)):
        raise NotApplicable(
            f"apt does not have the configured source {', '.join(absent)} yet; an install adds it first"
        )
    expect("packages without a candidate", found=lacking, expected=[])


def _expect_source(source: AptSource, host: Host, notes: Notes) -> None:
    expect(source.path, found=text_of(host, source.path) or "no file", expected=source.text)
    if source.key is not None:
        digest = notes.take(
            f"SHA-256 of the key for {source.path}", lambda: hashlib.sha256(keyring(source)).hexdigest()
        )
        expect("SHA-256 of the signing key", found=digest_of(host, source.keyring), expected=digest)
        expect("signing keys trusted for every source", found=keys_trusted_for_all(host, source), expected=[])
