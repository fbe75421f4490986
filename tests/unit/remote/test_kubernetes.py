"""The Kubernetes API over real TLS: what is answered, what is not, and what is never sent twice."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from dlws.record.answer import ApiUnreachable, Unreachable
from dlws.record.evidence import Transcript
from dlws.record.redaction import Redactor
from dlws.remote.api_server import ApiServer, without_passwords
from dlws.remote.connection import Connection
from dlws.remote.kubernetes import Kubernetes, Refused
from dlws.remote.replay import Replay, ReplayedApi
from dlws.verdict import Unknown, Unparsable
from tests.kits import api as api_kit
from tests.kits.api import Authority, FakeApi, nodes, status

NODES = "/api/v1/nodes?limit=500"
NEXT = "/api/v1/nodes?limit=500&continue=t1"
CORE = {
    "resources": [
        {"name": "services", "kind": "Service", "namespaced": True},
        {"name": "services/status", "kind": "Service", "namespaced": True},
        {"name": "nodes", "kind": "Node", "namespaced": False},
    ]
}
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "probe", "namespace": "default"}}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[FakeApi]:
    with FakeApi(tmp_path) as running:
        yield running


@pytest.fixture
def transcript(tmp_path: Path) -> Transcript:
    return Transcript(tmp_path / "evidence", Redactor(["hunter22"]))


def no_master() -> Connection:
    raise Unreachable("atlas02: unreachable")


class Master(Connection):
    """A master that connects for us, or says why not."""

    host, user = "atlas02", "root"

    def __init__(self, error: OSError | None = None, port: int = 0) -> None:
        self._error, self._port = error, port
        self.tunnels = 0

    def tunnel(self, address: str, port: int, timeout: float) -> socket.socket:
        if self._error:
            raise self._error
        self.tunnels += 1
        return socket.create_connection(("127.0.0.1", self._port or port), timeout)

    def _nothing(self, *_: object, **__: object) -> None:
        raise AssertionError("nothing else is asked of the master")

    ask = send = renew = close = _nothing  # type: ignore[assignment]


def server_of(api: FakeApi, master: Callable[[], Connection] = no_master, address: str = "127.0.0.1") -> ApiServer:
    return ApiServer(api.admin_conf, address, master)


@pytest.fixture
def kube(api: FakeApi, transcript: Transcript) -> Kubernetes:
    """As installs have it: every question is asked."""
    return Kubernetes(server_of(api), transcript)


@pytest.fixture
def audit(api: FakeApi, transcript: Transcript) -> Kubernetes:
    """As audits have it: every question is asked once."""
    return Kubernetes(server_of(api), transcript, {})


def names(kube: Kubernetes) -> list[str]:
    return [node["metadata"]["name"] for node in kube.list("nodes")]


def test_a_list_is_plain_objects_with_the_servers_clock(api: FakeApi, kube: Kubernetes) -> None:
    api.on(NODES, nodes("atlas01", "atlas02"))
    assert names(kube) == ["atlas01", "atlas02"]
    assert abs(kube.list("nodes").at.timestamp() - time.time()) < 5


def test_the_passwords_of_containers_are_used_and_not_written_down() -> None:
    said = rb'{"env":[{"name":"MYSQL_ROOT_PASSWORD","value":"a\"b$"},{"name":"TZ","value":"UTC"},{"name":"A_TOKEN"}]}'
    copy = rb'"last-applied":"{\"env\":[{\"name\":\"DB_PASSWORD\",\"value\":\"hunter\"}]}"'
    assert without_passwords(said) == said.replace(rb"a\"b$", b"***")
    assert without_passwords(copy) == copy.replace(b"hunter", b"***")


def test_a_list_comes_page_by_page(api: FakeApi, kube: Kubernetes) -> None:
    api.on(NODES, nodes("atlas01", more="t1"))
    api.on(NEXT, nodes("atlas02"))
    assert names(kube) == ["atlas01", "atlas02"]


def test_a_list_begins_anew_when_the_server_forgot_its_place(api: FakeApi, kube: Kubernetes) -> None:
    api.on(NODES, nodes("atlas01", more="t1"))
    api.on(NEXT, (410, status("expired")), nodes("atlas02"))
    assert names(kube) == ["atlas01", "atlas02"]
    assert [a.path for a in api.asked] == [NODES, NEXT, NODES, NEXT]


def test_a_server_that_always_forgets_is_unknown(api: FakeApi, kube: Kubernetes) -> None:
    api.on(NODES, nodes("atlas01", more="t1"))
    api.on(NEXT, (410, status("expired")))
    with pytest.raises(Unknown, match="forgot its place in the list 3 times"):
        kube.list("nodes")


def test_a_slow_answer_keeps_no_other_request_waiting(api: FakeApi, kube: Kubernetes) -> None:
    begun, other = threading.Event(), threading.Event()

    def slow(handler: BaseHTTPRequestHandler) -> None:
        begun.set()
        api_kit.send_json(handler, {"waited": other.wait(10)})

    api.on("/slow", slow)
    api.on("/quick", {})
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(kube.document, "/slow")
        assert begun.wait(10)
        kube.document("/quick")
        other.set()
        assert answer.result() == {"waited": True}


def test_requests_after_one_another_share_a_connection(api: FakeApi, kube: Kubernetes) -> None:
    api.on(NODES, nodes("atlas01"))
    assert [names(kube) for _ in range(3)] == [["atlas01"]] * 3
    assert api.connections == 1


def test_what_is_not_there_is_none(kube: Kubernetes) -> None:
    assert kube.get("configmaps", "absent", namespace="kube-system") is None


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((429, status("slow down")), r"429 \(too many requests\) .*slow down"),
        ((500, status("etcdserver: no leader")), "500 .*etcdserver: no leader"),
        ((503, "no backend"), "503 .*no backend"),
        ((401, status("Unauthorized")), r"401 \(admin.conf is not accepted\)"),
        ((403, status("forbidden")), r"403 \(admin.conf may not do this\)"),
        (api_kit.cut_short, "connection broke"),
        (api_kit.reset, "connection broke"),
    ],
)
def test_a_list_that_does_not_come_is_unknown(api: FakeApi, kube: Kubernetes, answer: object, message: str) -> None:
    api.on(NODES, answer)
    with pytest.raises(Unknown, match=message):
        kube.list("nodes")


@pytest.mark.parametrize("answer", [api_kit.torn_json, "[]", '{"kind":"NodeList"}', '{"items": 3}', "", "\x00"])
def test_what_is_no_list_is_unparsable(api: FakeApi, kube: Kubernetes, answer: object) -> None:
    api.on(NODES, answer)
    with pytest.raises(Unparsable):
        kube.list("nodes")


def test_an_error_on_the_second_page_is_no_shorter_list(api: FakeApi, kube: Kubernetes) -> None:
    api.on(NODES, nodes("atlas01", more="t1"))
    api.on(NEXT, (500, status("etcdserver: request timed out")))
    with pytest.raises(Unknown, match="500"):
        kube.list("nodes")


def test_a_read_is_asked_again_when_its_connection_broke(api: FakeApi, kube: Kubernetes) -> None:
    api.on(NODES, api_kit.reset, nodes("atlas01"))
    assert names(kube) == ["atlas01"]


@pytest.mark.parametrize("answer", [api_kit.silent, api_kit.dripping])
def test_a_slow_answer_is_given_up_at_its_deadline(
    api: FakeApi, kube: Kubernetes, answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlws.remote.kubernetes.DEADLINE", 0.4)
    api.on(NODES, answer)
    began = time.monotonic()
    with pytest.raises(ApiUnreachable, match=r"no whole answer within 0.4 s to GET /api/v1/nodes"):
        kube.list("nodes")
    assert time.monotonic() - began < 15  # by default it would have 20


def test_a_port_that_never_speaks_is_given_up(api: FakeApi, kube: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlws.remote.kubernetes.DEADLINE", 0.4)
    with api_kit.mute_port() as port:
        api.admin_conf.write_text(api.admin_conf.read_text().replace(str(api.port), str(port)))
        with pytest.raises(ApiUnreachable, match="no whole answer within"):
            kube.list("nodes")


def test_credentials_of_another_cluster_are_told_apart(api: FakeApi, kube: Kubernetes) -> None:
    api.write_admin_conf(Authority())
    with pytest.raises(ApiUnreachable, match=r"no trust between .*admin.conf and the server at 127.0.0.1: .*verify"):
        kube.list("nodes")


def test_without_credentials_there_is_nothing_to_ask(api: FakeApi, kube: Kubernetes) -> None:
    api.admin_conf.unlink()
    with pytest.raises(ApiUnreachable, match="no cluster yet"):
        kube.list("nodes")


def test_new_credentials_are_taken_up(api: FakeApi, kube: Kubernetes) -> None:
    api.on(NODES, nodes("atlas01"))
    good = api.admin_conf.read_text()
    api.admin_conf.write_text("apiVersion: v1\n")
    with pytest.raises(ApiUnreachable, match=r"admin.conf cannot be used: kubeconfig: there is no current-context"):
        kube.list("nodes")
    api.admin_conf.write_text(good)
    assert names(kube) == ["atlas01"]


def test_the_private_key_is_in_no_file_and_no_message(api: FakeApi, kube: Kubernetes) -> None:
    api.admin_conf.write_text(api.admin_conf.read_text().replace("client-key-data: ", "client-key-data: !"))
    with pytest.raises(ApiUnreachable) as caught:
        kube.list("nodes")
    assert "LS0" not in str(caught.value)
    assert not [link for link in Path("/proc/self/fd").iterdir() if "memfd" in str(link.resolve())]


def test_it_goes_through_the_master_where_the_address_cannot_be_reached(api: FakeApi, transcript: Transcript) -> None:
    api.on(NODES, nodes("atlas01"))
    master = Master(port=api.port)
    api.admin_conf.write_text(api.admin_conf.read_text().replace(f":{api.port}", ":1"))
    kube = Kubernetes(server_of(api, lambda: master), transcript)
    assert [names(kube), names(kube), master.tunnels] == [["atlas01"], ["atlas01"], 1]


@pytest.mark.parametrize(
    ("master", "words"),
    [
        (lambda: Master(OSError(113, "the host cannot connect either")), "through the master: the host cannot connect"),
        (lambda: Master(PermissionError(1, "sshd forbids forwarding")), "through the master: sshd forbids forwarding"),
        (lambda: Master(TimeoutError()), "through the master: no answer within 3 s"),
        (no_master, "through the master: atlas02: unreachable"),
    ],
)
def test_no_way_at_all_names_every_way_that_was_tried(
    api: FakeApi, transcript: Transcript, master: Callable[[], Connection], words: str
) -> None:
    api.admin_conf.write_text(api.admin_conf.read_text().replace(f":{api.port}", ":1"))
    with pytest.raises(ApiUnreachable, match=f"no API server at .*:1: straight: Connection refused; {words}"):
        Kubernetes(server_of(api, master), transcript).list("nodes")


def test_one_connection_serves_many_questions(api: FakeApi, kube: Kubernetes) -> None:
    api.on(NODES, nodes("atlas01"))
    for _ in range(5):
        kube.list("nodes")
    assert api.connections == 1


def test_an_audit_asks_once_and_each_check_has_its_evidence(
    api: FakeApi, audit: Kubernetes, transcript: Transcript
) -> None:
    api.on(NODES, nodes("atlas01"))
    with transcript.collecting() as first:
        audit.list("nodes")
    with transcript.collecting() as second:
        audit.list("nodes")
    assert first == second == ["kubernetes.main.jsonl#1"]
    assert len(api.asked) == 1


def test_an_audit_does_not_knock_again_at_a_server_that_is_gone(audit: Kubernetes, api: FakeApi) -> None:
    api.admin_conf.unlink()
    with pytest.raises(ApiUnreachable):
        audit.list("nodes")
    api.write_admin_conf(api.authority)
    with pytest.raises(ApiUnreachable, match="no cluster yet"):
        audit.get("configmaps", "kubeadm-config", namespace="kube-system")


def test_an_install_asks_afresh(api: FakeApi, kube: Kubernetes) -> None:
    api.on(NODES, nodes(), nodes("atlas01"))
    assert [names(kube), names(kube)] == [[], ["atlas01"]]


def test_a_run_is_judged_again_from_its_recording(
    api: FakeApi, kube: Kubernetes, transcript: Transcript, tmp_path: Path
) -> None:
    api.on(NODES, nodes("atlas01", more="t1"))
    api.on(NEXT, nodes("atlas02"))
    live = kube.list("nodes")
    recorded = ReplayedApi(Replay(tmp_path, {}, transcript))
    again = Kubernetes(recorded, recorded)
    assert (again.list("nodes"), again.list("nodes").at) == (live, live.at)
    with pytest.raises(Unknown, match="not in the evidence of the run that is replayed: GET /api/v1/pods"):
        again.list("pods")


def test_the_values_of_secrets_reach_nobody(api: FakeApi, kube: Kubernetes, tmp_path: Path) -> None:
    token = {
        "metadata": {"name": "t", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "c2VjcmV0"}},
        "data": {"token-secret": "c2VjcmV0", "expiration": "MjAyNg=="},
    }
    api.on("/api/v1/namespaces/kube-system/secrets?limit=500", {"kind": "SecretList", "items": [token]})
    found = kube.list("secrets", namespace="kube-system")[0]
    assert found["data"] == {"token-secret": "***", "expiration": "MjAyNg=="}
    assert "c2VjcmV0" not in (tmp_path / "evidence" / "kubernetes.main.jsonl").read_text()


def test_a_torn_list_of_secrets_leaves_nothing_behind(api: FakeApi, kube: Kubernetes, tmp_path: Path) -> None:
    path = "/api/v1/namespaces/kube-system/secrets?limit=500"
    api.on(path, lambda handler: api_kit.send(handler, 200, b'{"items":[{"data":{"token-secret":"c2VjcmV0"'))
    with pytest.raises(Unparsable):
        kube.list("secrets", namespace="kube-system")
    assert "c2VjcmV0" not in (tmp_path / "evidence" / "kubernetes.main.jsonl").read_text()


def test_configured_secrets_are_masked_in_the_evidence(api: FakeApi, kube: Kubernetes, tmp_path: Path) -> None:
    api.on(NODES, {"items": [{"env": "hunter22"}]})
    kube.list("nodes")
    assert "hunter22" not in (tmp_path / "evidence" / "kubernetes.main.jsonl").read_text()


def test_the_kind_of_a_manifest_leads_to_its_place(api: FakeApi, kube: Kubernetes) -> None:
    api.on("/api/v1", CORE)
    assert kube.path_of(SERVICE) == "/api/v1/namespaces/default/services/probe"
    assert kube.path_of({**SERVICE, "kind": "Node"}) == "/api/v1/nodes/probe"
    with pytest.raises(Refused, match="knows no Gadget of v1"):
        kube.path_of({**SERVICE, "kind": "Gadget"})


def test_apply_is_server_side(api: FakeApi, kube: Kubernetes) -> None:
    path = "/api/v1/namespaces/default/services/probe?fieldManager=dlws-suite&force=true"
    api.on("/api/v1", CORE)
    api.on(path, SERVICE)
    kube.apply(SERVICE)
    sent = api.asked[-1]
    assert (sent.method, sent.path, sent.body) == ("PATCH", path, SERVICE)
    assert sent.content_type == "application/apply-patch+yaml"


def test_a_patch_merges(api: FakeApi, kube: Kubernetes) -> None:
    path = "/api/v1/nodes/atlas01?fieldManager=dlws-suite"
    api.on(path, {})
    kube.patch("nodes", "atlas01", {"metadata": {"labels": {"worker": "active"}}})
    sent = api.asked[-1]
    assert (sent.method, sent.content_type) == ("PATCH", "application/merge-patch+json")
    assert sent.body == {"metadata": {"labels": {"worker": "active"}}}


def test_what_is_gone_need_not_be_deleted(api: FakeApi, kube: Kubernetes) -> None:
    kube.delete("nodes", "atlas09")
    assert [(a.method, a.path) for a in api.asked] == [("DELETE", "/api/v1/nodes/atlas09?propagationPolicy=Background")]


@pytest.mark.parametrize("code", [400, 403, 409, 422])
def test_a_refused_change_says_why(api: FakeApi, kube: Kubernetes, code: int) -> None:
    api.on("/api/v1/nodes/atlas01?fieldManager=dlws-suite", (code, status("field is immutable")))
    with pytest.raises(Refused, match="field is immutable"):
        kube.patch("nodes", "atlas01", {})


@pytest.mark.parametrize("answer", [api_kit.reset, api_kit.cut_short, (500, status("no")), (429, status("later"))])
def test_a_change_is_sent_once_whatever_happens(
    api: FakeApi, kube: Kubernetes, transcript: Transcript, tmp_path: Path, answer: object
) -> None:
    api.on("/api/v1/nodes/atlas01?fieldManager=dlws-suite", answer)
    with pytest.raises(Unknown):
        kube.patch("nodes", "atlas01", {})
    assert len(api.asked) == 1
    lines = (tmp_path / "evidence" / "kubernetes.main.jsonl").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["change"]


def test_groups_without_a_fixed_version_are_asked_for_it(api: FakeApi, kube: Kubernetes) -> None:
    group = "/apis/certificates.k8s.io"
    api.on(group, {"preferredVersion": {"groupVersion": "certificates.k8s.io/v1beta1"}})
    api.on(f"{group}/v1beta1/certificatesigningrequests?limit=500", {"items": None})
    assert kube.list("certificatesigningrequests") == []


def test_text_comes_as_it_is_and_a_bad_status_is_an_answer_too(api: FakeApi, kube: Kubernetes) -> None:
    api.on("/readyz?verbose", "[+]ping ok\nreadyz check passed\n", (500, "[-]etcd failed: reason withheld\n"))
    assert kube.answer("/readyz?verbose").text == "[+]ping ok\nreadyz check passed\n"
    answer = kube.answer("/readyz?verbose")
    assert (answer.rc, answer.text) == (500, "[-]etcd failed: reason withheld\n")
