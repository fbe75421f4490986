"""The stages on the control host as an operator who is not root, in a process of another user."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest

from checks import control
from checks.kubernetes import membership
from dlws.config.cluster import Cluster, load
from dlws.remote.change import Applier, Change
from dlws.remote.host import Host
from dlws.remote.local import open_local
from dlws.remote.ssh import Login, _load
from install import s3_03_control, s3_11_kubernetes
from tests.kits.api import admin_conf
from tests.kits.config_example import no_dns, write
from tests.kits.scripted import Scripted, change_on

OPERATOR = pwd.getpwnam("nobody").pw_uid
PYTHON = """\
#!/bin/sh
case "$*" in *" pip "*) exec touch "$(dirname "$0")/installed" ;; esac
exec /usr/bin/python3 "$@"
"""
"""This machine's Python may be in a folder that only root can enter."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """The operator's project; pytest's own folders are closed to other users."""
    path = Path(tempfile.mkdtemp())
    yield path
    shutil.rmtree(path)


@pytest.fixture
def cluster(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    found = load(write(folder), resolve=no_dns)
    (folder / "python").write_text(PYTHON)
    (folder / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    for path in (folder, *folder.iterdir()):
        os.chown(path, OPERATOR, OPERATOR)
    return found


def as_operator(act: Callable[[Change], object]) -> str:
    """What `act` returns as the operator, with a change on the control host; its error where it fails."""
    source, sink = os.pipe()
    if not (pid := os.fork()):
        try:
            os.setgroups([])
            os.setgid(OPERATOR)
            os.setuid(OPERATOR)
            connection = open_local()
            host = Host(connection)
            os.write(sink, str(act(Change(host, Applier(host, lambda: connection)))).encode())
        except BaseException as error:
            os.write(sink, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(sink)
    os.waitpid(pid, 0)
    with os.fdopen(source) as said:
        return said.read()


def owners(folder: Path) -> set[int]:
    return {path.stat().st_uid for path in folder.rglob("*")}


def test_the_key_that_a_stage_makes_is_one_that_the_operator_can_use(cluster: Cluster, folder: Path) -> None:
    def act(change: Change) -> str:
        s3_03_control.test_cluster_key(cluster, change.host, change)
        control.test_cluster_key(cluster, change.host)
        key = _load(Login("root", key=cluster.state.key))
        return f"{isinstance(key, paramiko.RSAKey)}"

    assert as_operator(act) == "True"
    assert owners(folder) == {OPERATOR}


def test_all_that_stages_make_on_the_control_host_is_the_operators(cluster: Cluster, folder: Path) -> None:
    script = {
        "cat /etc/kubernetes/admin.conf": (0, admin_conf(6443, b"ca", b"certificate", b"key"), ""),
        "test -e": (0, "", ""),
    }
    script |= {"grep -h": (1, "", ""), "find": (0, "", "")}
    master, on_master = change_on(Scripted("atlas01", script))

    def act(change: Change) -> list[str]:
        s3_03_control.test_control_environment(change)
        s3_03_control.test_cluster_id(cluster, change.host, master, change)
        s3_03_control.test_deploy_hosts_file(cluster, change)
        s3_11_kubernetes.test_admin_conf(cluster, change, on_master)
        control.test_deploy_hosts_file(cluster, change.host)
        return sorted(path.name for path in folder.rglob("*") if path.is_file())

    assert as_operator(act) == str(["admin.conf", "clusterID.yml", "config.yaml", "hosts", "installed", "python"])
    assert owners(folder) == {OPERATOR}


def test_a_key_of_roots_is_a_finding_that_names_the_operator(cluster: Cluster, folder: Path) -> None:
    cluster.state.keys.mkdir(parents=True)
    cluster.state.key.write_text("of an earlier run")
    cluster.state.key.chmod(0o600)
    said = as_operator(lambda change: control.test_cluster_key(cluster, change.host))
    assert said.endswith(f"id_rsa: expected 600, found 600 of root, not of the operator (uid {OPERATOR})")


def test_an_admin_conf_of_roots_is_a_finding_too(cluster: Cluster) -> None:
    cluster.state.keys.mkdir(parents=True)
    cluster.state.admin_conf.touch(0o600)
    said = as_operator(lambda change: membership.test_admin_conf(cluster, change.host, change.host))
    assert said.endswith(f"admin.conf: expected 600, found 600 of root, not of the operator (uid {OPERATOR})")
