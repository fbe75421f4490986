"""`change` and the Kubernetes API: every alteration is an action, planned ones are not asked, refused ones fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dlws.record.evidence import Transcript
from dlws.record.redaction import Redactor
from dlws.remote.api_server import ApiServer
from dlws.remote.change import Applier, Change, ChangeFailed, Planner, Sender
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from dlws.remote.local import open_local
from dlws.verdict import Unknown
from tests.kits.api import FakeApi, status

PATCHED = "/api/v1/nodes/atlas01?fieldManager=dlws-suite"
LABEL = {"metadata": {"labels": {"worker": "active"}}}
DAEMONS = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "plugin", "namespace": "kube-system"}}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[FakeApi]:
    with FakeApi(tmp_path) as running:
        running.on(PATCHED, {})
        yield running


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    connection = open_local()
    yield Host(connection)
    connection.close()


def change_by(sender: Sender, host: Host, api: FakeApi) -> Change:
    server = ApiServer(api.admin_conf, "127.0.0.1", lambda: host.connection)
    return Change(host, sender, kube=Kubernetes(server, Transcript(api.folder / "evidence", Redactor([]))))


@pytest.fixture
def change(host: Host, api: FakeApi) -> Change:
    return change_by(Applier(host, lambda: host.connection), host, api)


def test_a_patch_is_an_action_in_words(change: Change, api: FakeApi) -> None:
    change.patch("nodes", "atlas01", LABEL)
    assert [action.text for action in change.actions] == [
        'patch nodes atlas01: {"metadata": {"labels": {"worker": "active"}}}'
    ]
    assert [asked.body for asked in api.asked] == [LABEL]


def test_applying_and_deleting_name_the_object(change: Change, api: FakeApi) -> None:
    api.on("/apis/apps/v1", {"resources": [{"name": "daemonsets", "kind": "DaemonSet", "namespaced": True}]})
    place = "/apis/apps/v1/namespaces/kube-system/daemonsets/plugin"
    api.on(f"{place}?fieldManager=dlws-suite&force=true", DAEMONS)
    change.apply(DAEMONS)
    change.delete("daemonsets", "plugin", namespace="kube-system")
    texts = [action.text for action in change.actions]
    assert texts == ["apply DaemonSet kube-system/plugin", "delete daemonsets kube-system/plugin"]
    assert [asked.method for asked in api.asked] == ["GET", "PATCH", "DELETE"]


def test_a_plan_asks_nothing(host: Host, api: FakeApi) -> None:
    planned = change_by(Planner(), host, api)
    planned.patch("nodes", "atlas01", LABEL)
    planned.apply(DAEMONS)
    assert (len(planned.actions), api.asked) == (2, [])


def test_a_refusal_is_a_failed_change(change: Change, api: FakeApi) -> None:
    api.on(PATCHED, (422, status("metadata.labels: Invalid value")))
    with pytest.raises(ChangeFailed, match=r"refuses to patch nodes atlas01: .*: metadata.labels: Invalid value"):
        change.patch("nodes", "atlas01", LABEL)


def test_an_answer_that_does_not_come_is_unknown_and_still_an_action(change: Change, api: FakeApi) -> None:
    api.on(PATCHED, (503, status("etcd is leaderless")))
    with pytest.raises(Unknown, match="503"):
        change.patch("nodes", "atlas01", LABEL)
    assert (len(change.actions), len(api.asked)) == (1, 1)


def test_the_values_of_a_secret_are_in_no_action(change: Change, api: FakeApi) -> None:
    api.on("/api/v1/namespaces/default/secrets/regcred?fieldManager=dlws-suite", {})
    change.patch("secrets", "regcred", {"stringData": {"password": "hunter22"}}, namespace="default")
    assert "hunter22" not in change.actions[0].text
    assert api.asked[0].body == {"stringData": {"password": "hunter22"}}


API_SERVICE = {
    "apiVersion": "apiregistration.k8s.io/v1",
    "kind": "APIService",
    "metadata": {"name": "v1beta1.custom.metrics.k8s.io"},
}
API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"


def test_what_takes_no_apply_is_created_and_later_merged(change: Change, api: FakeApi) -> None:
    known = {"resources": [{"name": "apiservices", "kind": "APIService", "namespaced": False}]}
    api.on("/apis/apiregistration.k8s.io/v1", known)
    api.on(f"{API_SERVICES}?fieldManager=dlws-suite", (201, API_SERVICE))
    api.on(f"{API_SERVICES}/v1beta1.custom.metrics.k8s.io?fieldManager=dlws-suite", API_SERVICE)
    change.create(API_SERVICE)
    change.merge(API_SERVICE)
    changes = [asked for asked in api.asked if asked.method != "GET"]
    assert [(asked.method, asked.content_type) for asked in changes] == [
        ("POST", "application/json"),
        ("PATCH", "application/merge-patch+json"),
    ]
    texts = [action.text.split()[0] for action in change.actions]
    assert texts == ["create", "change"]


def test_what_a_manifest_names_is_found_or_not_there_yet(change: Change, api: FakeApi) -> None:
    assert change.kube
    api.on("/apis/apps/v1", {"resources": [{"name": "daemonsets", "kind": "DaemonSet", "namespaced": True}]})
    assert change.kube.find(DAEMONS) is None
    api.on("/apis/apps/v1/namespaces/kube-system/daemonsets/plugin", DAEMONS)
    assert change.kube.find(DAEMONS) == DAEMONS
    assert change.kube.find({**DAEMONS, "apiVersion": "unheard/v1"}) is None
    api.on("/apis/apps/v1", (503, status("try later")))
    with pytest.raises(Unknown):
        change.kube.find(DAEMONS)
