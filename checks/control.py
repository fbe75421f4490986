"""D: the configuration, and the machine that runs the suite."""

from __future__ import annotations

import uuid
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import yaml

from cluster import config as cluster_config
from cluster import hosts_file
from cluster.config import Cluster
from cluster.verdict import Unknown
from fixtures.check import check, expect, expect_that, preflight
from fixtures.targets import building_control_host, control_host
from remote.host import Host

LOCK = Path(__file__).resolve().parent.parent / "requirements.lock"


@preflight
@check("D11", section="3.2", source="runbook 3.2", on=control_host, title_zh="config.yaml 有效",
       fix="python -m cluster lint FILE shows every finding with its line")  # fmt: skip
def test_configuration_is_valid(cluster: Cluster) -> None:
    """config.yaml is complete, consistent, and the one this run began with."""
    try:
        expect("configuration", found=cluster_config.load(cluster.path), expected=cluster)
    except cluster_config.ConfigError as error:
        raise AssertionError(f"configuration: {error}") from error


@check("D14", section="3.4", source="upstream build", on=control_host, title_zh="集群 ID 存在且有效",
       fix="restore clusterID.yml from a backup: the database is named after it")  # fmt: skip
def test_cluster_id(cluster: Cluster, control: Host) -> None:
    """The cluster has its id, a UUID: the platform's database is named after it."""
    text = control.run("cat %s", str(cluster.state / "deploy/clusterID.yml")).stdout
    expect_that(text, "deploy/clusterID.yml", found="no file", expected="clusterId: <uuid>")
    expect("clusterId", found=canonical_uuid(yaml.safe_load(text)), expected=yaml.safe_load(text).get("clusterId"))


@check("D15", section="3.4", source="upstream build", on=control_host, title_zh="集群 SSH 密钥有效且私有",
       fix="restore deploy/sshkey/id_rsa from a backup (a new key locks the suite out), mode 0600")  # fmt: skip
def test_cluster_key(cluster: Cluster, control: Host) -> None:
    """The cluster's SSH key is there, private, and its public half belongs to it."""
    key = str(cluster.state / "deploy/sshkey/id_rsa")
    expect_that(control.run("test -f %s", key).rc == 0, "deploy/sshkey/id_rsa", found="no file", expected="an RSA key")
    expect("mode of id_rsa", found=control.read("stat -c %%a %s", key).strip(), expected="600")
    derived = control.read("ssh-keygen -y -P '' -f %s", key).split()[:2]
    expect("id_rsa.pub", found=control.read("cat %s", f"{key}.pub").split()[:2], expected=derived)


@check("D16", section="3.5", source="runbook 3.5", on=control_host, title_zh="root 凭据文件为私有",
       fix="chmod 600 deploy/sshkey/rootpasswd, or delete it once the keys are placed")  # fmt: skip
def test_root_credential_is_private(cluster: Cluster, control: Host) -> None:
    """The file with the root password, where there is one, is its owner's alone."""
    path = str(cluster.state / "deploy/sshkey/rootpasswd")
    mode = control.read("if [ -e %s ]; then stat -c %%a %s; else echo none; fi", path, path).strip()
    expect_that(mode in ("600", "400", "none"), "mode of rootpasswd", found=mode, expected="600")


@check("D17", section="3.3", source="requirements.lock", on=control_host, title_zh="控制机 Python 环境与锁定文件一致",
       fix="make env")  # fmt: skip
def test_control_environment() -> None:
    """The suite's libraries are those of its lock file."""
    pinned = dict(pin.split()[0].split("==") for pin in LOCK.read_text().splitlines() if "==" in pin.split(" ")[0])
    expect(
        "libraries that differ from requirements.lock",
        found=sorted(n for n, v in pinned.items() if installed(n) != v),
        expected=[],
    )


@check("D18", section="2.1", source="runbook 2.1", on=building_control_host, title_zh="编译节点架构与 master 一致",
       fix="build on a machine of the master's architecture, or set suite.images: prebuilt")  # fmt: skip
def test_build_architecture(cluster: Cluster, control: Host) -> None:
    """Images are built on the master's architecture."""
    expect("uname -m", found=control.read("uname -m").strip(), expected=cluster.master.arch.machine)


@check("D19", section="2.4", source="runbook 2.4", on=control_host, title_zh="deploy/etc/hosts 与配置一致",
       fix="correct deploy/etc/hosts in the state folder")  # fmt: skip
def test_deploy_hosts_file(cluster: Cluster, control: Host) -> None:
    """The runbook's deploy/etc/hosts names every host, as deploy.py expects it."""
    text = control.run("cat %s", str(cluster.state / "deploy/etc/hosts")).stdout
    expect_that(text, "deploy/etc/hosts", found="no file", expected="every host's names")
    there = {name: entry.address for entry in hosts_file.parse(text).entries for name in entry.names}
    wanted = {name: address for address, names in cluster.names_by_address.items() for name in names}
    expect("names missing or wrong", found={n for n, a in wanted.items() if there.get(n) != a}, expected=set())


def canonical_uuid(document: object) -> str:
    """The clusterId of clusterID.yml in canonical form. Unknown when it is no UUID."""
    try:
        return str(uuid.UUID(str(document["clusterId"])))  # type: ignore[index]
    except (KeyError, TypeError, ValueError) as error:
        raise Unknown(f"clusterID.yml holds no UUID: {error}") from error


def installed(name: str) -> str | None:
    """The installed version of a library."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
