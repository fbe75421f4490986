"""First contact: what a host is told before anybody has confirmed its key, and how an operator confirms it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dlws.cli import dlws
from dlws.config.cluster import Cluster, load
from dlws.engine.options import COMMANDS
from dlws.engine.site import Context, open_fleet
from dlws.record.answer import LoginRefused
from dlws.remote import command
from dlws.remote.hostkeys import Remark, keys_of
from tests.kits.config_example import no_dns, write
from tests.kits.ssh_server import HOST_KEY, WORKS, Server, Ssh, run_for_real, user_key, with_sudo

PASSWORD = "right horse"


@pytest.fixture
def ssh() -> Ssh:
    return Ssh(run_for_real)


@pytest.fixture
def cluster(tmp_path: Path, ssh: Ssh) -> Iterator[Cluster]:
    """A cluster of one host, atlas01, which takes root's password and nothing else."""
    server = Server(ssh)
    made = load(write(tmp_path), resolve=no_dns)
    node = replace(made.node("atlas01"), address="127.0.0.1", ssh_port=server.node.ssh_port)
    yield replace(made, nodes=(node,))
    server.listener.close()
    for connection in server.accepted:
        connection.close()


def login_of(cluster: Cluster, command: str) -> None:
    folder = cluster.path.parent / command
    context = Context("run", folder, None, command, False, False, "root", PASSWORD)
    fleet = open_fleet(cluster, context, "main")
    try:
        fleet.connection("atlas01")
    finally:
        fleet.close()


@pytest.mark.parametrize("command", sorted({*COMMANDS} - {"preflight", "install", "scale_up"}))
def test_only_runs_that_meet_new_hosts_offer_a_password(cluster: Cluster, ssh: Ssh, command: str) -> None:
    keys_of(cluster).pin(cluster.node("atlas01"), HOST_KEY)
    with pytest.raises(LoginRefused, match="no login works"):
        login_of(cluster, command)
    assert ssh.tried == []
    login_of(cluster, "install")
    assert ssh.tried == [f"root:{PASSWORD}"]


def test_a_host_that_was_given_the_key_meanwhile_comes_back_by_the_key(cluster: Cluster, ssh: Ssh) -> None:
    keys_of(cluster).pin(cluster.node("atlas01"), HOST_KEY)
    folder = cluster.path.parent / "install"
    fleet = open_fleet(cluster, Context("run", folder, None, "install", False, False, "root", PASSWORD), "main")
    connection = fleet.connection("atlas01")
    ssh.kinds = "publickey,password"
    user_key(cluster.state.key)  # stages make it and place it, and another worker has logged in with it
    keys_of(cluster).pin(cluster.node("atlas01"), HOST_KEY, Remark.KEY_LOGIN)
    connection.renew()
    ssh.execute = lambda channel, command: run_for_real(channel, command, env=with_sudo(cluster.path.parent, WORKS))
    assert connection.ask(["echo back"])[0].text == "back\n"
    assert ssh.tried == [f"root:{PASSWORD}", "dlwsadmin key"]
    fleet.close()


@pytest.fixture
def host_keys(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setattr(command, "load", lambda path: cluster)
    return lambda *words, says="": CliRunner().invoke(dlws, ["host-keys", *words], input=says, standalone_mode=False)


@pytest.mark.parametrize("said", [b"\x1b]52;c;cm0=\x07\x1b[2J\r\n" * 2000, b"SSH-1.5-\x1b[2J\x9b2J\r\n"])
def test_whatever_answers_at_a_hosts_address_steers_no_terminal(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    server = Server(lambda connection: connection.sendall(said))
    hostile = replace(cluster, nodes=(replace(cluster.node("atlas01"), ssh_port=server.node.ssh_port),))
    monkeypatch.setattr(command, "load", lambda path: hostile)
    shown = CliRunner().invoke(dlws, ["host-keys", "--pin"], standalone_mode=False)
    server.listener.close()
    assert (shown.return_value, shown.stdout.count("\n")) == (1, 1)
    assert shown.stdout.rstrip("\n").isprintable()
    assert "key exchange failed" in shown.stdout


def test_an_operator_sees_the_keys_and_pins_them(cluster: Cluster, ssh: Ssh, host_keys: Callable[..., Result]) -> None:
    shown = host_keys()
    assert f"atlas01        127.0.0.1       {HOST_KEY}  NOT CONFIRMED" in shown.stdout
    assert (shown.return_value, cluster.state.host_keys.exists()) == (1, False)
    assert "pinned in" not in host_keys("--pin", says="n\n").stdout
    with pytest.raises(LoginRefused, match="nobody has confirmed the host key"):
        login_of(cluster, "preflight")
    assert ssh.tried == []
    assert host_keys("--pin", says="y\n").return_value == 0
    assert "confirmed: known_hosts" in host_keys().stdout
    login_of(cluster, "preflight")
    assert ssh.tried == [f"root:{PASSWORD}"]


def test_keys_that_nobody_says_are_right_are_not_pinned(cluster: Cluster, host_keys: Callable[..., Result]) -> None:
    refused = host_keys("--pin").exception
    assert str(refused).startswith('"Has each of the 1 keys that are not confirmed been compared')
    assert str(refused).endswith("write the fingerprints that were compared into suite.host_keys)")
    assert not cluster.state.host_keys.exists()


def test_a_changed_key_is_shown_and_never_pinned(cluster: Cluster, host_keys: Callable[..., Result]) -> None:
    keys_of(cluster).pin(cluster.node("atlas01"), replace(HOST_KEY, blob=b"another"))
    before = cluster.state.host_keys.read_text()
    result = host_keys("--pin", says="y\n")
    assert "host key changed" in result.stdout
    assert (result.return_value, cluster.state.host_keys.read_text()) == (1, before)


def test_a_key_in_the_configuration_is_the_only_one(cluster: Cluster, ssh: Ssh, tmp_path: Path) -> None:
    named = {"atlas01": HOST_KEY.fingerprint}
    settings = cluster.suite.model_copy(update={"host_keys": named})
    login_of(replace(cluster, suite=settings), "preflight")
    assert ssh.tried == [f"root:{PASSWORD}"]
    other = cluster.suite.model_copy(update={"host_keys": {"atlas01": "SHA256:" + "A" * 43}})
    with pytest.raises(Exception, match="not the confirmed host key"):
        login_of(replace(cluster, suite=other), "preflight")
    assert len(ssh.tried) == 1
