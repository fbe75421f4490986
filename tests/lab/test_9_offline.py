"""Hosts without a network: the whole runbook from a content folder, and nothing that is wrong there gets to a host."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dlws.config.cluster import load
from dlws.record.ledger import Result
from lab import offline
from tests.lab.conftest import forget_root_password
from tests.lab.suite import HOSTS, ROOT, Finished, configured, lab, run

pytestmark = [pytest.mark.lab, pytest.mark.long]

ARM, AMD = (f"packages/ubuntu-18.04-{arch}" for arch in ("arm64", "amd64"))


@pytest.fixture(scope="module", autouse=True)
def hosts_without_a_network() -> Iterator[None]:
    """Fresh hosts that reach each other alone, and the content that a machine with a network fetched."""
    lab("up", "--fresh", "--offline")
    fetch = shlex.split(" ".join(offline.prepare()))
    subprocess.run([sys.executable, "-m", *fetch], cwd=ROOT, check=True, capture_output=True)
    yield
    lab("up")


def removed(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def flipped(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        (byte,) = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def swapped(path: Path) -> None:
    name = path.name.replace("arm64", "amd64").replace("_all", "_amd64")
    shutil.copyfile(path.parent.parent / path.parent.name.replace("arm64", "amd64") / name, path)


@contextmanager
def spoilt(pattern: str, spoil: Callable[[Path], None]) -> Iterator[tuple[str, Path]]:
    """The content with one file spoilt: its path there, and the configuration that names this copy."""
    copy = offline.CONTENT.with_name("content-spoilt")
    shutil.copytree(offline.CONTENT, copy, copy_function=os.link)
    (path,) = copy.glob(pattern)
    shutil.copyfile(path, path.with_name("own"))  # what is spoilt must not be the link to the whole one
    path.with_name("own").replace(path)
    spoil(path)
    try:
        with configured(offline.CONFIG.read_text().replace("state/content", "state/content-spoilt")) as config:
            yield str(path.relative_to(copy)), config
    finally:
        shutil.rmtree(copy)


@pytest.mark.parametrize(
    ("pattern", "spoil", "says"),
    [
        (f"{ARM}/kubelet_*.deb", removed, "missing"),
        (f"{AMD}/docker.io_*.deb", cut, "cut off"),
        (f"{ARM}/libc6_*.deb", flipped, "its SHA-256 is"),
        (f"{ARM}/kubeadm_*.deb", swapped, "for amd64"),
        (f"{AMD}/Packages", cut, "cut off"),
        (f"{ARM}.tar", flipped, "its SHA-256 is"),
        ("images/*coredns*arm64.tar", removed, "missing"),
        ("images/*kube-proxy*arm64.tar", swapped, "is for amd64, arm64 is needed"),
        ("images/*mysql*.tar", cut, "cut off"),
        ("files/*cni.yaml", flipped, "its SHA-256 is"),
    ],
)
def test_what_is_wrong_is_named_and_no_host_is_changed(pattern: str, spoil: Callable[[Path], None], says: str) -> None:
    with spoilt(pattern, spoil) as (path, config):
        for command in ("preflight", "install"):
            judged = run("-m", command, config=config)
            (found,) = [found for result in judged.ledger.findings for found in of_the_content(result)]
            assert (path in found, says in found, judged.exit_status) == (True, True, 1), judged.output
            assert {host: judged.commands(host, "change") for host in HOSTS} == {host: [] for host in HOSTS}


def of_the_content(result: Result) -> list[str]:
    """What D49 found, judged by itself or by a stage."""
    judged = [result, *result.proofs]
    return [str(one.found) for one in judged if one.id == "D49"]


@pytest.fixture(scope="module")
def installed(hosts_without_a_network: None) -> Finished:
    """The first install of the whole."""
    first = run("-m", "install", config=offline.CONFIG)
    forget_root_password()
    return first


def test_the_runbook_needs_no_network(installed: Finished) -> None:
    assert (installed.red, installed.exit_status) == (set(), 0), installed.output
    assert [one for one in offline.attempts() if not one.known] == []


def test_the_link_has_carried_the_content_once_to_the_seed_alone(installed: Finished) -> None:
    nodes = load(offline.CONFIG).nodes
    sent = {node.name: offline.sent()[node.address] for node in nodes}
    whole = sum(file.stat().st_size for file in offline.CONTENT.rglob("*") if file.is_file())
    assert sent.pop(offline.SEED) < 1.2 * whole
    assert max(sent.values()) < 100 << 20, sent


def test_a_second_install_changes_and_sends_nothing(installed: Finished) -> None:
    before = sum(offline.sent().values())
    again = run("-m", "install", config=offline.CONFIG)
    assert (set(again.outcomes.values()), again.exit_status) == ({"unchanged"}, 0), again.output
    assert sum(offline.sent().values()) - before < 20 << 20


def test_the_cluster_is_healthy_and_nobody_tried_to_leave(installed: Finished) -> None:
    audit = run("-m", "verify", config=offline.CONFIG)
    assert (audit.red, audit.exit_status) == (set(), 0), audit.output
    assert [one for one in offline.attempts() if not one.known] == []
