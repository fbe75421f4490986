"""A reboot drains only what is a node, and takes back its own cordon, of a run that was killed too."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest

from dlws.engine.check import Mismatch
from dlws.remote.change import Change, ChangeFailed
from dlws.remote.host import Host
from dlws.remote.kubernetes import Listing
from install import leaving, reboot
from install.reboot import restart
from tests.kits.scripted import Scripted, change_on

NODE: Any = SimpleNamespace(name="atlas02")


class Api(Scripted):
    """The master's kubectl, on one node; the run is killed at a command that contains `fatal`."""

    fatal = "nothing"
    node: dict[str, Any]

    def send(self, command: str, **more: Any) -> Any:
        if self.fatal in command:
            raise KeyboardInterrupt
        if found := re.search(r"patch node atlas02 --type=merge -p '(.*)'", command):
            patch = json.loads(found[1])
            self.node["spec"]["unschedulable"] = patch["spec"]["unschedulable"]
            self.node["metadata"]["annotations"] |= patch["metadata"]["annotations"]
            annotations = self.node["metadata"]["annotations"]
            self.node["metadata"]["annotations"] = {k: v for k, v in annotations.items() if v is not None}
        return super().send(command, **more)

    def list(self, resource: str) -> Any:
        return Listing([self.node], None)


@pytest.fixture
def master(monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr(leaving, "drain", lambda cluster, node, on_master: on_master.run("kubectl drain"))
    monkeypatch.setattr(reboot, "wait_until_ready", lambda *args: None)
    api = Api("atlas01")
    api.node = {"metadata": {"name": "atlas02", "annotations": {"theirs": "kept"}}, "spec": {}}
    return api


def reboot_it(master: Api) -> None:
    host, on_master = change_on(master)
    change: Any = SimpleNamespace(reboot=lambda: on_master.run("systemctl restart"))
    cluster: Any = None
    kube: Any = master
    restart(NODE, cluster, host, kube, change, on_master)


def killed(master: Api, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is killed at a command does nothing after it, whatever its `finally` says."""
    with monkeypatch.context() as patch:
        patch.setattr(master, "fatal", at, raising=False)
        patch.setattr(reboot, "uncordon", lambda *args: None)
        with pytest.raises(KeyboardInterrupt):
            reboot_it(master)


def take_up(master: Api) -> tuple[Host, Change]:
    host, on_master = change_on(master)
    kube: Any = master
    with pytest.raises(Mismatch, match="cordon of an earlier pytest -m reboot: expected none, found atlas02"):
        reboot.test_no_cordon_of_ours_is_left(NODE, kube)
    reboot.test_uncordoned(NODE, on_master)
    reboot.test_no_cordon_of_ours_is_left(NODE, kube)
    return host, on_master


def test_a_host_that_is_no_node_is_not_restarted() -> None:
    kube: Any = SimpleNamespace(list=lambda resource: Listing([], None))
    untouched: Any = SimpleNamespace()
    with pytest.raises(ChangeFailed, match="atlas02 is not a node of the cluster"):
        restart(NODE, untouched, untouched, kube, untouched, untouched)


def test_a_node_takes_pods_again_and_bears_no_mark(master: Api) -> None:
    reboot_it(master)
    assert [command.split()[-1] for command, _ in master.sent[1:3]] == ["drain", "restart"]
    assert master.node["spec"] == {"unschedulable": None}
    assert master.node["metadata"]["annotations"] == {"theirs": "kept"}


@pytest.mark.parametrize("at", ["kubectl drain", "systemctl restart"])
def test_the_cordon_of_a_killed_run_is_taken_up_by_the_next(
    master: Api, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(master, at, monkeypatch)
    assert master.node["spec"] == {"unschedulable": True}
    take_up(master)
    assert master.node["spec"] == {"unschedulable": None}


def test_an_operators_cordon_stays(master: Api) -> None:
    master.node["spec"]["unschedulable"] = True
    kube: Any = master
    reboot.test_no_cordon_of_ours_is_left(NODE, kube)
    reboot_it(master)
    assert master.node["spec"] == {"unschedulable": True}
    assert not any("patch" in command for command, _ in master.sent)
