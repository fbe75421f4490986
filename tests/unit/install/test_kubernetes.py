"""The bodies of the cluster's stages on hosts that answer from a script: what is sent, what never is."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from dlws.config.cluster import Cluster, load
from dlws.kubernetes import membership
from dlws.kubernetes.membership import CONTROL_PLANE, NODE
from dlws.parse.kubernetes import kubeconfig
from dlws.record.answer import Answer
from dlws.record.evidence import Transcript
from dlws.record.redaction import Redactor
from dlws.remote.change import Applier, Change, ChangeFailed
from dlws.remote.fleet import Fleet
from install import s3_11_kubernetes as stages
from tests.kits.api import admin_conf
from tests.kits.config_example import no_dns, write
from tests.kits.scripted import Scripted, change_on, script


class Echoing(Scripted):
    """A host whose kubeadm fails and repeats its whole configuration."""

    def _answer(self, command: str) -> Answer:
        log = (0, "".join(fed.decode() for _, fed in self.sent), "")
        return Answer(command, 0, log[1].encode(), b"", 0.0) if stages.LOG in command else super()._answer(command)


CA = (Path(__file__).parents[1] / "data" / "ca.crt").read_text()
OTHER_CA = (Path(__file__).parents[1] / "data" / "other_ca.crt").read_text()
FAILED_PREFLIGHT = "\t[ERROR Swap]: running with swap on is not supported\nTo see the stack trace ... --v=5 or higher\n"


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return load(write(tmp_path), resolve=no_dns)


def join(cluster: Cluster, worker: Scripted, master: Scripted) -> tuple[Change, Change]:
    host, change = change_on(worker)
    _, on_master = change_on(master)
    stages.test_kube_join(cluster.node("atlas02"), cluster, host, change, on_master)
    return change, on_master


def master_of(**more: tuple[int, str, str]) -> Scripted:
    return Scripted("atlas01", script([*NODE, *CONTROL_PLANE], CA, **more))


def test_init_goes_to_an_empty_host_once_with_its_configuration_on_stdin(cluster: Cluster) -> None:
    connection = Scripted("atlas01", script())
    host, change = change_on(connection)
    stages.test_kube_init(cluster, host, change)
    (command, stdin), (waiting, _) = connection.sent
    assert "kubeadm init --skip-token-print --config /dev/stdin" in command
    assert b"kind: ClusterConfiguration" in stdin
    assert "readyz" in waiting
    assert "10248/healthz" in waiting


def test_init_is_not_sent_to_a_control_plane_that_does_not_answer(cluster: Cluster) -> None:
    connection = Scripted("atlas01", script([*NODE, *CONTROL_PLANE]), fails="readyz")
    host, change = change_on(connection)
    with pytest.raises(ChangeFailed, match="before the wait: a whole control plane; see journalctl"):
        stages.test_kube_init(cluster, host, change)
    assert not any("kubeadm init" in command for command, _ in connection.sent)


def test_init_is_not_sent_to_half_a_control_plane(cluster: Cluster) -> None:
    connection = Scripted("atlas01", script([membership.ADMIN_CONF]))
    host, change = change_on(connection)
    with pytest.raises(ChangeFailed, match="not run: part of a control plane"):
        stages.test_kube_init(cluster, host, change)
    assert connection.sent == []


def test_kubeadms_preflight_errors_are_the_message(cluster: Cluster) -> None:
    connection = Scripted("atlas01", {**script(), f"cat {stages.LOG}": (0, FAILED_PREFLIGHT, "")}, fails="kubeadm init")
    host, change = change_on(connection)
    with pytest.raises(ChangeFailed, match="preflight: Swap: running with swap on is not supported"):
        stages.test_kube_init(cluster, host, change)


def test_where_the_kubelet_does_not_run_its_journal_says_why(cluster: Cluster) -> None:
    log = (
        "[kubelet-check] The HTTP call equal to 'curl -sSL http://localhost:10248/healthz' failed with error: refused\n"
    )
    journal = (
        "Flag --resolv-conf has been deprecated\nError: failed to run Kubelet: running with swap on is not supported\n"
    )
    answers = {f"cat {stages.LOG}": (0, log, ""), stages.KUBELET_JOURNAL: (0, journal, "")}
    host, change = change_on(Scripted("atlas01", {**script(), **answers}, fails="kubeadm init"))
    with pytest.raises(ChangeFailed, match="the kubelet: failed to run Kubelet: running with swap on"):
        stages.test_kube_init(cluster, host, change)


def test_a_join_takes_a_token_of_its_own_and_shows_it_nowhere(cluster: Cluster) -> None:
    worker, master = Scripted("atlas02", script()), master_of()
    change, on_master = join(cluster, worker, master)
    (create, made), (command, used) = master.sent[0], worker.sent[0]
    assert "kubeadm token create" in create
    assert "kubeadm join --config /dev/stdin" in command
    token = made.decode().partition("token: ")[2].split()[0]
    assert token in used.decode()
    assert membership.ca_hash(CA) in used.decode()
    said = [*(c for c, _ in [*worker.sent, *master.sent]), *(a.text for a in [*change.actions, *on_master.actions])]
    assert not any(token in words for words in said)


def test_a_node_of_another_cluster_is_left_as_it_is(cluster: Cluster) -> None:
    worker = Scripted("atlas02", script(NODE, OTHER_CA))
    with pytest.raises(ChangeFailed, match="kubeadm join was not run: a whole worker, its CA is sha256:"):
        join(cluster, worker, master := master_of())
    assert (worker.sent, master.sent) == ([], [])


def test_a_node_that_the_api_forgot_registers_anew_without_a_join(cluster: Cluster) -> None:
    worker, master = Scripted("atlas02", script(NODE, CA)), master_of()
    join(cluster, worker, master)
    assert worker.sent[0][0] == "systemctl restart kubelet"
    assert master.sent == []


RUNS_PROGRAMS = {
    "client-key-data:": "exec: {apiVersion: client.authentication.k8s.io/v1, command: touch, args: [owned]}",
    "client-certificate-data:": "auth-provider: {name: gcp, config: {cmd-path: touch, cmd-args: owned}}",
    "server:": "proxy-url: http://eve:3128",
    "certificate-authority-data:": "insecure-skip-tls-verify: true",
}


@pytest.mark.parametrize(("beside", "line"), RUNS_PROGRAMS.items())
def test_admin_conf_brings_no_program_of_the_masters(cluster: Cluster, beside: str, line: str) -> None:
    hostile = admin_conf(6443, b"ca", b"certificate", b"secret").replace(f"    {beside}", f"    {line}\n    {beside}")
    assert line in hostile
    control = Scripted("control")
    master = master_of(**{"test -e": (0, "", ""), f"cat {membership.ADMIN_CONF}": (0, hostile, "")})
    stages.test_admin_conf(cluster, change_on(control)[1], change_on(master)[1])
    [written] = [stdin.decode() for _, stdin in control.sent if stdin]
    assert kubeconfig.parse(written) == kubeconfig.parse(hostile)
    assert line.partition(":")[0] not in written


def test_admin_conf_travels_without_a_trace(cluster: Cluster) -> None:
    secret = admin_conf(6443, b"ca", b"certificate", b"secret")
    control = Scripted("control")
    master = master_of(**{"test -e": (0, "", ""), f"cat {membership.ADMIN_CONF}": (0, secret, "")})
    _, change = change_on(control)
    _, on_master = change_on(master)
    stages.test_admin_conf(cluster, change, on_master)
    assert [kubeconfig.parse(stdin.decode()).key for _, stdin in control.sent if stdin] == [b"secret"]
    assert not any("c2VjcmV0" in words for words in [*(c for c, _ in control.sent), *(a.text for a in change.actions)])


def test_a_token_that_kubeadm_repeats_is_not_written_down(cluster: Cluster, tmp_path: Path) -> None:
    hosts = {"atlas02": Echoing("atlas02", script(), fails="kubeadm join"), cluster.master.name: master_of()}
    transcript = Transcript(tmp_path / "evidence", Redactor([]))
    fleet = Fleet(cluster.nodes, lambda node: hosts[node.name], transcript)
    worker, master = fleet.host("atlas02"), fleet.host(cluster.master.name)
    change, on_master = (Change(host, Applier(host, partial(fleet.connection, host.name))) for host in (worker, master))
    with pytest.raises(ChangeFailed) as caught:
        stages.test_kube_join(cluster.node("atlas02"), cluster, worker, change, on_master)
    token = hosts[cluster.master.name].sent[0][1].decode().partition("token: ")[2].split()[0]
    written = "".join(path.read_text() for path in transcript.folder.iterdir())
    assert "token: ***" in written
    assert token not in written + transcript.redactor.text(str(caught.value))
