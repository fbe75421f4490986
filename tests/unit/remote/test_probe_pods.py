"""The command that runs pods to their end, carried out by a real shell with a kubectl that plays the cluster."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from dlws.facts.probes import pods
from dlws.facts.probes.pods import ended
from dlws.record.evidence import Transcript
from dlws.record.redaction import Redactor
from dlws.remote.fleet import Fleet
from dlws.remote.host import Host
from dlws.remote.local import open_local
from dlws.verdict import Unknown

KUBECTL = """#!/bin/sh
shift 5  # --kubeconfig X --request-timeout=20s -n default
here=$(dirname "$0"); echo "$@" >> "$here/calls"
case "$1" in
create) cat > "$here/made";;
get) case "$5" in
  json) cat "$here/$3.json";;
  *spec.nodeName*) cat "$here/$3.state";;
  *) cut -d/ -f1 < "$here/$3.state";;
  esac;;
logs) cat "$here/$2.log";;
delete) [ ! -e "$here/stuck" ];;
esac
"""
ONE, TWO = ({"metadata": {"name": name}, "spec": {"activeDeadlineSeconds": 3}} for name in ("one", "two"))


@pytest.fixture
def master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    (tmp_path / "kubectl").write_text(KUBECTL)
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(pods, "START", 1)
    monkeypatch.setattr(pods, "TAIL", 0)
    fleet = Fleet([], lambda node: open_local(), Transcript(tmp_path / "evidence", Redactor([])))
    yield Host(fleet.connection("control"))
    fleet.close()


def play(folder: Path, states: Mapping[str, str]) -> None:
    """What kubectl says of the pods: phase, host, and what their container waits for."""
    for name, state in states.items():
        (folder / f"{name}.state").write_text(state)
        (folder / f"{name}.json").write_text(json.dumps({"metadata": {"name": name}}))
        (folder / f"{name}.log").write_text(f"{name} was here\n")


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def test_pods_that_succeed_tell_what_they_printed(tmp_path: Path, master: Host) -> None:
    play(tmp_path, {"one": "Succeeded/a/", "two": "Succeeded/b/"})
    [(one, log), (two, other)] = ended(master, [ONE, TWO])
    assert (one["metadata"]["name"], log, two["metadata"]["name"], other) == (
        "one",
        "one was here\n",
        "two",
        "two was here\n",
    )
    assert [pod["metadata"]["name"] for pod in json.loads((tmp_path / "made").read_text())["items"]] == ["one", "two"]


@pytest.mark.parametrize(
    "state", ["Failed/b/", "Pending//", "Pending/b/ErrImagePull", "Pending/b/ImagePullBackOff", "Running/b/"]
)
def test_no_longer_is_waited_than_can_help(tmp_path: Path, master: Host, state: str) -> None:
    play(tmp_path, {"one": "Running/a/", "two": state})
    assert [log for _, log in ended(master, [ONE, TWO])] == ["", ""]
    assert not [line for line in calls(tmp_path) if line.startswith("logs")]


def test_pods_are_removed_before_and_after(tmp_path: Path, master: Host) -> None:
    play(tmp_path, {"one": "Succeeded/a/", "two": "Failed/b/"})
    ended(master, [ONE, TWO])
    gone = "delete pod one two --ignore-not-found --grace-period=1 --wait="
    assert [line for line in calls(tmp_path) if line.startswith("delete")] == [f"{gone}true", f"{gone}false"]
    assert (calls(tmp_path)[0], calls(tmp_path)[-1]) == (f"{gone}true", f"{gone}false")


def test_pods_are_removed_where_kubectl_fails_meanwhile(tmp_path: Path, master: Host) -> None:
    play(tmp_path, {"one": "Succeeded/a/"})
    with pytest.raises(Unknown, match=r"two\.state: No such file"):
        ended(master, [ONE, TWO])
    assert calls(tmp_path)[-1].startswith("delete pod one two")


def test_a_log_that_cannot_be_had_is_unknown(tmp_path: Path, master: Host) -> None:
    play(tmp_path, {"one": "Succeeded/a/"})
    (tmp_path / "one.log").unlink()
    with pytest.raises(Unknown, match=r"one\.log: No such file"):
        ended(master, [ONE])


def test_pods_that_cannot_be_removed_are_unknown(tmp_path: Path, master: Host) -> None:
    (tmp_path / "stuck").touch()
    play(tmp_path, {"one": "Succeeded/a/"})
    with pytest.raises(Unknown, match="exit status 9"):
        ended(master, [ONE])
