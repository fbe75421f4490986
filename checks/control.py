"""D: the configuration, and the machine that runs the suite."""

from __future__ import annotations

import uuid

import yaml

from dlws.config.cluster import Cluster
from dlws.engine import targets
from dlws.engine.check import check, expect, expect_present, expect_that, preflight
from dlws.engine.targets import control_host, image_builders
from dlws.facts.cluster_ids import ids_on
from dlws.facts.control_host import access_to, known_values, other_libraries, reread_configuration
from dlws.facts.files import mode_of, text_of
from dlws.facts.system import machine_of
from dlws.hostfiles import hosts_file
from dlws.inventory import Node
from dlws.parse import plain_yaml
from dlws.parse.text import unparsable
from dlws.remote import lease
from dlws.remote.host import Host
from dlws.remote.notes import Notes
from dlws.verdict import NotApplicable, Severity
from fixtures.host_keys import KnownKeys


@preflight
@check(
    "D11",
    section="3.2",
    source="runbook 3.2",
    on=control_host,
    title_zh="config.yaml 有效",
    fix="run dlws lint FILE to see every finding with its line",
)
def test_configuration_is_valid(cluster: Cluster, notes: Notes) -> None:
    """config.yaml is complete, consistent and unchanged since this run started."""
    errors, changed = notes.take("read config.yaml again", lambda: reread_configuration(cluster))
    expect_that(not errors, str(cluster.path), found="\n".join(errors), expected="no errors")
    expect("settings changed since this run started", found=changed, expected=[])


@check(
    "D14",
    section="3.4",
    source="upstream build",
    on=control_host,
    title_zh="集群 ID 存在且有效，与主节点上的一致",
    harmful="with another id the platform gets an empty database, and users and jobs are gone from sight",
    fix="copy the state folder of the control host that installed the cluster, or restore clusterID.yml from a backup;"
    " the database is named after it",
)
def test_cluster_id(cluster: Cluster, control: Host, master: Host) -> None:
    """The cluster has its id, a UUID, and the platform on the master has no other; the database is named after it."""
    text = text_of(control, str(cluster.state.cluster_id))
    found = "no file" if text is None else text
    expect_that(is_cluster_id(found), "deploy/clusterID.yml", found=found, expected="one line, clusterId: <UUID>")
    own = str(plain_yaml.load(found)["clusterId"])
    there = ids_on(master, cluster)
    expect_that(there in ([], [own]), f"cluster id on {master.name}", found=there, expected=own)


@check(
    "D15",
    section="3.4",
    source="upstream build",
    on=control_host,
    title_zh="集群 SSH 密钥有效且仅属主可读",
    fix="restore deploy/sshkey/id_rsa from a backup (a new key would lock the suite out); chmod 600;"
    " chown it to the user who runs the suite",
)
def test_cluster_key(cluster: Cluster, control: Host) -> None:
    """The cluster's SSH key exists, only the operator can read it, and its public key matches."""
    key = str(cluster.state.key)
    expect("mode of deploy/sshkey/id_rsa", found=access_to(control, key), expected="600")
    derived = control.run_expect([0, 255], "ssh-keygen -y -P '' -f %s", key)
    expect_that(derived.rc == 0, "id_rsa", found=derived.stderr.strip(), expected="a key without a passphrase")
    if not derived.stdout.startswith("ssh-rsa "):
        raise unparsable("ssh-keygen -y", why="no RSA key in the output")
    public = text_of(control, str(cluster.state.public_key))
    found = "no file" if public is None else "a different key"
    belongs = public is not None and public.split()[:2] == derived.stdout.split()[:2]
    expect_that(belongs, "id_rsa.pub", found=found, expected="the public key of id_rsa")


@check(
    "D16",
    section="3.5",
    source="runbook 3.5",
    on=control_host,
    title_zh="root 密码文件仅属主可读",
    fix="chmod 600 deploy/sshkey/rootpasswd, or delete it once the SSH keys are installed",
)
def test_root_credential_is_private(cluster: Cluster, control: Host) -> None:
    """The root password file, if there is one, is accessible only to its owner."""
    file = control.file(str(cluster.state.root_password))
    if file.exists:
        private = file.mode in (0o600, 0o400)
        expect_that(private, "mode of deploy/sshkey/rootpasswd", found=f"{file.mode:o}", expected="600")


@check(
    "U16",
    section="3.5",
    source="runbook 3.5",
    on=targets.whole_cluster,
    severity=Severity.WARNING,
    title_zh="root 密码文件在不再需要后已删除",
    fix="delete deploy/sshkey/rootpasswd from the state folder; new hosts need it again, in scale_up",
)
def test_root_password_is_gone(cluster: Cluster, control: Host, host_keys: KnownKeys) -> None:
    """The root password file is gone once every host accepts an SSH key."""
    if not control.file(str(cluster.state.root_password)).exists:
        return
    if needed := host_keys.password_only():
        raise NotApplicable(f"no login with an SSH key has succeeded at {', '.join(needed)}")
    expect("deploy/sshkey/rootpasswd", found="a file that no host needs any more", expected="no file")


@check(
    "D17",
    section="3.3",
    source="requirements.lock",
    on=control_host,
    title_zh="控制主机的 Python 库与锁定文件一致",
    fix="make env",
)
def test_control_environment(notes: Notes) -> None:
    """The suite's Python libraries are those in requirements.lock."""
    differing = "libraries that differ from requirements.lock"
    expect(differing, found=notes.take(differing, other_libraries), expected=[])


@check(
    "D18",
    section="2.1",
    source="runbook 2.1",
    on=image_builders,
    title_zh="编译节点架构与所编译镜像的架构一致",
    fix="correct archtype in config.yaml, or set suite.images: prebuilt",
)
def test_build_architecture(node: Node, host: Host) -> None:
    """Images are built on a cluster host of the same architecture, whatever the control host's is."""
    expect("uname -m", found=machine_of(host), expected=node.arch.machine)


@check(
    "D19",
    section="2.4",
    source="runbook 2.4",
    on=control_host,
    title_zh="deploy/etc/hosts 与配置一致",
    fix="correct deploy/etc/hosts in the state folder",
)
def test_deploy_hosts_file(cluster: Cluster, control: Host) -> None:
    """deploy/etc/hosts names every host, as the runbook's deploy.py expects."""
    text = text_of(control, str(cluster.state.hosts))
    every = "a file with every host's names"
    there = hosts_file.parse(expect_present(text, "deploy/etc/hosts", found="no file", expected=every))
    wanted = {name: address for address, names in cluster.names_by_address.items() for name in names}
    found = {name: "+".join(there.addresses_of(name)) or "nothing" for name in wanted}
    wrong = [f"{name} -> {found[name]}" for name, address in wanted.items() if found[name] != address]
    expect("names missing or wrong in deploy/etc/hosts", found=wrong, expected=[])


@check(
    "U07",
    section="3.2",
    source="runbook 3.5",
    on=control_host,
    title_zh="控制主机上的 config.yaml、镜像仓库凭据文件与密钥目录仅属主可访问",
    fix="chmod 600 config.yaml and the file of suite.registry_config; chmod 700 deploy/sshkey",
)
def test_secrets_of_the_control_host_are_private(cluster: Cluster, control: Host) -> None:
    """config.yaml, the registry's login and the folder with the cluster's keys are accessible only to their owner."""
    places = {"config.yaml": cluster.path, "deploy/sshkey": cluster.state.keys}
    places |= {"registry_config": cluster.registry_config} if cluster.registry_config else {}
    found = {name: mode_of(control, str(path)) for name, path in places.items()}
    wrong = [f"{name} {mode}" for name, mode in found.items() if not mode.endswith("00")]
    expect("paths open to others", found=wrong, expected=[])


@check(
    "U11",
    section="3.2",
    source="runbook 3.2",
    on=control_host,
    severity=Severity.WARNING,
    title_zh="config.yaml 中没有公开、占位或易猜的密码",
    fix="choose your own values; dlws lint FILE gives details",
)
def test_no_secret_is_known(cluster: Cluster, notes: Notes) -> None:
    """config.yaml contains no password or key that is published, a placeholder or easily guessed."""
    found = notes.take("look for known values in config.yaml", lambda: known_values(cluster))
    expect("values that are published, placeholders or easily guessed", found=found, expected=[])


@check(
    "D29",
    section="3.2",
    source="dlws.remote.lease",
    on=targets.master,
    severity=Severity.WARNING,
    title_zh="审计期间没有其他运行在更改集群",
    fix="wait for that run to end, then audit again: what was read meanwhile may be half done",
)
def test_no_run_changes_the_cluster(host: Host) -> None:
    """No run of the suite, from any control host, is changing the cluster while it is audited."""
    holder = lease.holder_on(host)
    expect("run that is changing the cluster", found=[holder] if holder else [], expected=[])


def is_cluster_id(text: str) -> bool:
    """Whether this is upstream's clusterID.yml: `clusterId:` and a UUID in its canonical form."""
    try:
        found = plain_yaml.load(text)["clusterId"]
        return bool(found == str(uuid.UUID(found)))
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError):
        return False
