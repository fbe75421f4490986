"""What is remembered of the last audit is run as root: nobody else can put a command there."""

from __future__ import annotations

import fcntl
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dlws.config.cluster import Cluster, load
from dlws.engine.site import Context, open_fleet
from dlws.remote import foresight, ssh
from dlws.remote.connection import CAP
from dlws.remote.foresight import Foresight, kept_for, source_digest
from dlws.remote.local import open_process
from tests.kits.config_example import no_dns, write
from tests.kits.fake_fleet import World


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A project whose hosts are this machine, and an operator with a home of his own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / "cache"))
    monkeypatch.setattr(ssh, "open_ssh", lambda node, *_, **__: open_process(node.name).connect())
    (tmp_path / "project").mkdir()
    return load(write(tmp_path / "project"), resolve=no_dns)


def audit(cluster: Cluster, folder: Path) -> None:
    """An audit that only connects to a host."""
    settled: dict[str, Any] = {"resumed": None, "command": "verify", "plan": False, "strict": False}
    context = Context(run="r", folder=folder, root_user="root", root_password=None, **settled)
    fleet = open_fleet(cluster, context, "main")
    fleet.connection(cluster.master.name)
    fleet.close()


def content(cluster: Cluster, command: str, suite: str) -> dict[str, Any]:
    kinds = {cluster.master.kind: {"run": "earlier", "commands": [[command, 30.0, CAP]]}}
    return {"suite": suite, "selections": {"verify": {"kinds": kinds}}}


def planted(path: Path | None, text: Any) -> None:
    assert path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(text))
    path.chmod(0o600)


def test_what_this_suite_has_learnt_is_asked_ahead(cluster: Cluster, tmp_path: Path) -> None:
    planted(kept_for(cluster.path), content(cluster, f"touch {tmp_path}/asked", source_digest()))
    audit(cluster, tmp_path / "run")
    assert (tmp_path / "asked").exists()


def test_a_project_from_a_stranger_brings_no_command(cluster: Cluster, tmp_path: Path) -> None:
    whole = content(cluster, f"touch {tmp_path}/owned", source_digest())
    for text in (whole, whole["selections"]):
        planted(cluster.state.folder / "foresight.json", text)
        planted(cluster.path.parent / ".cache" / "dlws" / "foresight.json", text)
        audit(cluster, tmp_path / "run")
    assert not (tmp_path / "owned").exists()


def test_what_another_version_asked_is_not_asked_by_this_one(cluster: Cluster, tmp_path: Path) -> None:
    planted(kept_for(cluster.path), content(cluster, f"touch {tmp_path}/owned", "0" * 64))
    audit(cluster, tmp_path / "run")
    assert not (tmp_path / "owned").exists()


def test_a_link_to_a_file_is_not_followed(cluster: Cluster, tmp_path: Path) -> None:
    path = kept_for(cluster.path)
    assert path
    planted(tmp_path / "elsewhere.json", content(cluster, f"touch {tmp_path}/owned", source_digest()))
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "elsewhere.json")
    audit(cluster, tmp_path / "run")
    assert not (tmp_path / "owned").exists()


def test_what_is_saved_is_the_operators_alone(cluster: Cluster) -> None:
    path = kept_for(cluster.path)
    learner = Foresight(path, suite="this", selection="verify", run="1")
    learner.learn(cluster.master, "uname -s", 30.0, CAP)
    learner.save()
    assert path
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [c for c, _, _ in Foresight(path, suite="this", selection="verify").foreseen(cluster.master)] == ["uname -s"]


def test_a_file_that_stays_locked_keeps_no_audit_waiting(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foresight, "LOCK_PATIENCE", 0.1)
    kept = kept_for(cluster.path)
    assert kept
    kept.parent.mkdir(parents=True)
    learnt = Foresight(kept)
    learnt.learn(cluster.master, "true", 1.0, CAP)
    with kept.with_suffix(".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        learnt.save()
        assert not kept.exists()
    learnt.save()
    assert kept.exists()


def test_a_user_without_a_home_remembers_nothing(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert kept_for(cluster.path) is None


@pytest.mark.parametrize("home", ["/dev/null", "/proc"], ids=["no folder", "nothing can be made there"])
def test_a_home_that_cannot_be_written_breaks_no_audit(cluster: Cluster, home: str) -> None:
    learner = Foresight(Path(home) / "dlws" / "foresight" / "it.json", suite=source_digest(), selection="verify")
    learner.learn(cluster.master, "uname -s", 30.0, CAP)
    learner.save()


def test_a_command_that_names_no_host_is_remembered_as_it_is(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    node = cluster.master
    learnt = Foresight()
    learnt.learn(node, f"ping -c 1 {node.fqdn}; grep {node.name} /etc/hosts; ip -br a | grep {node.address}", 30.0, CAP)
    monkeypatch.setattr(foresight.re, "sub", lambda *_: pytest.fail("looked for names that are not in it"))
    learnt.learn(node, "cat /proc/swaps", 30.0, CAP)
    other = next(one for one in cluster.nodes if one.name != node.name)
    templates = {foresight._specific(template, other) for template in learnt._common(node.kind)}
    named = f"ping -c 1 {other.fqdn}; grep {other.name} /etc/hosts; ip -br a | grep {other.address}"
    assert templates == {named, "cat /proc/swaps"}


def asked_by(cluster: Cluster, *askers: str) -> set[str]:
    """What is foreseen after each of these hosts has asked a command of its own, and those that are named `a`, `b`."""
    learnt = Foresight()
    for asker in askers:
        name, *commands = asker
        node = replace(cluster.master, name=f"n{name}", address=f"10.0.0.{name}")
        for command in [f"ping 10.1.1.{name}", "uname", *commands, *commands]:
            learnt.learn(node, command, 30.0, CAP)
    return {command for command, _, _ in learnt.foreseen(cluster.master)}


def test_a_command_of_half_of_the_hosts_is_foreseen_whoever_of_them_ask_it(cluster: Cluster) -> None:
    assert asked_by(cluster, "1", "2") == {"uname", "ping 10.1.1.1", "ping 10.1.1.2"}
    assert asked_by(cluster, "1a", "2", "3a") == {"uname", "a"}
    assert asked_by(cluster, "1", "2", "3a", "4ab") == {"uname", "a"}
    assert asked_by(cluster, "1", "2", "3a", "4a", "5", "3a") == {"uname"}


def test_a_command_of_one_host_alone_is_not_kept(cluster: Cluster) -> None:
    """Each host of a room has some that name others: of a thousand they were 24 MB, and looked through for each."""
    learnt = Foresight()
    for at in range(100):
        learnt.learn(replace(cluster.master, name=f"n{at}"), f"ping 10.1.1.{at}", 30.0, CAP)
    assert list(learnt._asked[cluster.master.kind]) == list(learnt._bounds) == ["ping 10.1.1.0", "ping 10.1.1.1"]


def test_a_command_that_touches_something_is_never_asked_ahead(tmp_path: Path) -> None:
    world = World(tmp_path)
    foresight = Foresight(tmp_path / "foresight.json", selection="verify", run="1")
    fleet = world.fleet(foresight)
    for name in ("n0", "n1"):
        connection = fleet.connection(name)
        connection.ask(["uname -s"])
        assert [connection.run_active("mktemp /mnt/x").text for _ in range(2)] == ["2", "3"]
    assert [read[0] for read in foresight.foreseen(world.nodes[2])] == ["uname -s"]
