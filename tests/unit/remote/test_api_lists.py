"""A list of the Kubernetes API is bounded as a whole: pages, time and size; an audit keeps it small."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from dlws.record.answer import Unreachable
from dlws.record.evidence import Transcript
from dlws.record.redaction import Redactor
from dlws.remote.api_server import ApiServer
from dlws.remote.connection import Connection
from dlws.remote.kubernetes import Kubernetes
from dlws.verdict import Unknown
from tests.kits import api as api_kit
from tests.kits.api import FakeApi, nodes


@pytest.fixture
def api(tmp_path: Path) -> Iterator[FakeApi]:
    with FakeApi(tmp_path) as running:
        yield running


def no_master() -> Connection:
    raise Unreachable("atlas02: unreachable")


@pytest.fixture
def kube(api: FakeApi, tmp_path: Path) -> Kubernetes:
    """As installs have it: every question is asked."""
    return Kubernetes(ApiServer(api.admin_conf, "127.0.0.1", no_master), Transcript(tmp_path / "e", Redactor([])))


@pytest.fixture
def audit(api: FakeApi, tmp_path: Path) -> Kubernetes:
    """As audits have it: what is listed is remembered."""
    return Kubernetes(ApiServer(api.admin_conf, "127.0.0.1", no_master), Transcript(tmp_path / "e", Redactor([])), {})


def endless(api: FakeApi, **page: object) -> None:
    """A list that names a next page on each, the same one or another."""
    tokens = iter(range(100_000))
    answer = nodes("atlas01", more="t1") | page
    api.on_any(lambda handler: api_kit.send_json(handler, answer | {"metadata": {"continue": f"t{next(tokens)}"}}))


def test_a_list_without_an_end_is_unknown(api: FakeApi, kube: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlws.remote.kubernetes.PAGES", 20)
    endless(api)
    with pytest.raises(Unknown, match="GET /api/v1/nodes: no end after 20 pages"):
        kube.list("nodes")
    assert len(api.asked) == 20


def test_all_pages_of_a_list_share_one_deadline(
    api: FakeApi, kube: Kubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlws.remote.kubernetes.LIST_DEADLINE", 0.5)
    monkeypatch.setattr("dlws.remote.kubernetes.PAGES", 100_000)
    endless(api)
    with pytest.raises(Unknown, match=r"GET /api/v1/nodes: the whole list did not come within 0\.5 s"):
        kube.list("nodes")


def test_the_pages_of_a_list_have_a_size_together(
    api: FakeApi, kube: Kubernetes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlws.remote.kubernetes.LIST_CAP", 1 << 20)
    endless(api, padding="x" * 300_000)
    with pytest.raises(Unknown, match="GET /api/v1/nodes: more than 1 MiB came"):
        kube.list("nodes")
    assert len(api.asked) == 4


def test_a_list_keeps_no_names_of_the_owners_of_fields(api: FakeApi, kube: Kubernetes) -> None:
    answer = nodes("atlas01", "atlas02")
    for node in answer["items"]:
        node["metadata"]["managedFields"] = [{"manager": "kubelet", "fieldsV1": {"f:spec": {}}}]
    api.on_any(lambda handler: api_kit.send_json(handler, answer))
    listed = kube.list("nodes")
    assert [one["metadata"]["name"] for one in listed] == ["atlas01", "atlas02"]
    assert not any("managedFields" in one["metadata"] for one in listed)
    alone = answer["items"][0]
    api.on_any(lambda handler: api_kit.send_json(handler, alone))
    assert kube.get("nodes", "atlas01") == alone


def test_of_a_custom_resource_only_the_metadata_is_asked_for(api: FakeApi, kube: Kubernetes) -> None:
    accepted: list[str] = []
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": '{"spec":{"password":"geheim"}}', "a": "b"}
    answer = {
        "kind": "PartialObjectMetadataList",
        "items": [{"kind": "PartialObjectMetadata", "metadata": {"name": "x", "annotations": annotations}}],
    }

    def answering(handler: BaseHTTPRequestHandler) -> None:
        accepted.append(handler.headers["Accept"])
        api_kit.send_json(handler, answer)

    api.on("/apis/example.com/v1/things?limit=500", answering)
    [thing] = kube.metadata("things.example.com/v1")
    assert accepted == ["application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"]
    assert "geheim" not in str(thing)
    assert thing["metadata"]["annotations"]["a"] == "b"


def on_nodes(api: FakeApi) -> None:
    """Three nodes on two pages, two of which have the same images."""
    images = [[{"names": ["pause"], "sizeBytes": size}] for size in (1, 1, True)]
    pages = [{**nodes(f"atlas0{at}"), "metadata": {"continue": "t1"} if not at else {}} for at in range(2)]
    pages[1]["items"] += nodes("atlas02")["items"]
    for node, held in zip([*pages[0]["items"], *pages[1]["items"]], images, strict=True):
        node["status"] = {"images": held}
    api.on("/api/v1/nodes?limit=500", pages[0])
    api.on("/api/v1/nodes?limit=500&continue=t1", pages[1])


def test_an_audit_keeps_equal_parts_of_objects_once(api: FakeApi, audit: Kubernetes) -> None:
    on_nodes(api)
    one, other, another = (node["status"]["images"] for node in audit.list("nodes"))
    assert one is other
    assert another[0]["sizeBytes"] is True


def test_an_install_may_change_an_object_that_it_has_listed(api: FakeApi, kube: Kubernetes) -> None:
    on_nodes(api)
    one, other, _ = (node["status"]["images"] for node in kube.list("nodes"))
    assert (one == other, one is other) == (True, False)
