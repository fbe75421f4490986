"""What an audit does once for the cluster is not done once for each host, or for each pair of hosts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from checks.across_hosts import unique
from checks.host.swap import test_swap_is_off
from dlws.config import named_file, shares
from dlws.config.cluster import Cluster, load
from dlws.engine import items
from dlws.engine.check import check_of
from dlws.engine.judgement import Course, Declared, Judgement, result_of
from dlws.facts import kube_host
from dlws.inventory import Node, Target
from dlws.parse.kubernetes import kubelet
from dlws.record.evidence import Transcript
from dlws.record.ledger import ItemRow, Proof
from dlws.record.redaction import Redactor
from dlws.remote.hostkeys import keys_of
from dlws.remote.kubernetes import Listing
from dlws.verdict import Verdict
from fixtures import earlier
from tests.kits.config_example import no_dns, write
from tests.kits.project import CONFTEST, Project


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return load(write(tmp_path), resolve=no_dns)


class Counting(dict[str, Any]):
    """An object of the API that counts how often it is looked at."""

    looks = 0

    def __getitem__(self, key: str) -> Any:
        type(self).looks += 1
        return super().__getitem__(key)


def test_each_pod_is_looked_at_once_for_all_nodes() -> None:
    Counting.looks = 0
    pods: list[Any] = [Counting(spec={"nodeName": f"n{n % 10}"}) for n in range(100)]
    listing = Listing(pods, None)
    assert [len(listing.on(f"n{n}")) for n in range(10)] == [10] * 10
    assert Counting.looks == 100
    assert listing.on("elsewhere") == ()


def test_the_targets_of_a_check_are_found_once(cluster: Cluster) -> None:
    asked: list[Cluster] = []

    def every_host(cluster: Cluster) -> tuple[Target, ...]:
        asked.append(cluster)
        return cluster.nodes

    spec = check_of(test_swap_is_off)
    assert spec is not None
    spec = replace(spec, on=every_host)
    assert [spec.explains(node, cluster) for node in cluster.nodes] == [[node] for node in cluster.nodes]
    assert len(asked) == 1


def test_a_machine_is_found_by_name_without_a_search(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.node("atlas02")
    monkeypatch.setattr(Node, "__eq__", lambda *_: pytest.fail("the nodes were searched"))
    assert [cluster.node(node.name).name for node in cluster.nodes] == [node.name for node in cluster.nodes]


def test_evidence_is_listed_once_and_in_order(tmp_path: Path) -> None:
    with Transcript(tmp_path, Redactor([])).collecting() as found:
        transcript = Transcript(tmp_path, Redactor([]))
    with transcript.collecting() as found:
        for _ in range(2):
            for n in (3, 1, 2):
                transcript.use(f"a.main.jsonl#{n}")
    assert found == ["a.main.jsonl#3", "a.main.jsonl#1", "a.main.jsonl#2"]


def test_an_earlier_run_is_listed_once_for_all_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[Path] = []
    monkeypatch.setattr(earlier, "transcripts", lambda run: listed.append(run) or ())
    for n in range(10):
        assert earlier.answers_in(tmp_path, f"h{n}") == {}
    assert listed == [tmp_path]


def test_clocks_that_agree_are_not_compared_in_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = {f"h{n:03}": (n / 1000, 0.001) for n in range(300)}
    worded: list[str] = []
    monkeypatch.setattr(unique, "in_words", lambda one, other, read: worded.append(one) or one)
    assert unique.clocks_apart(clocks, 5.0, unique.at_most) == []
    assert unique.clocks_apart(clocks, 0.2995, unique.at_most) == [("h000", "h298"), ("h000", "h299"), ("h001", "h299")]
    assert unique.clocks_apart(clocks, 0.2955, unique.at_least) == [
        ("h000", "h298"),
        ("h000", "h299"),
        ("h001", "h299"),
    ]


ONE_CHECK = """
@check("T01", title_zh="在", fix="make it")
def test_made(host):
    \"\"\"made is there.\"\"\"
    expect("made", found=host.run("test -e made").rc, expected=0)
"""
ONE_STAGE = """
@stage(section="1", proves=[facts.test_made])
def test_make(change):
    \"\"\"Make it.\"\"\"
    change.run("touch made")
"""
SAYS = """
def pytest_runtest_logreport(report):
    print("REPORT", report.nodeid.rpartition(":")[2], report.when, len(report.keywords))
"""


def test_a_check_has_one_report_and_a_stage_its_three(tmp_path: Path) -> None:
    project = Project(tmp_path, stages=ONE_STAGE, checks=ONE_CHECK, hosts=("a1",))
    (tmp_path / "conftest.py").write_text(CONFTEST + SAYS)
    said = [line.split()[1:] for line in project.run("-m", "verify").out.splitlines() if line.startswith("REPORT")]
    assert said == [["test_made[a1]", "call", "0"]]
    said = [line.split()[2] for line in project.run("-m", "install", "-n", "0").out.splitlines() if "REPORT" in line]
    assert said == ["setup", "call", "teardown"]


PHASES = """
import pytest
def phase(name):
    return lambda: print("PHASE", name)
pytest_runtest_logstart, pytest_runtest_logfinish = phase("logstart"), phase("logfinish")
pytest_runtest_setup, pytest_runtest_call, pytest_runtest_teardown = phase("setup"), phase("call"), phase("teardown")
@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    print("PHASE makereport")
    return (yield)
"""


def test_a_check_is_run_without_the_hooks_of_phases(tmp_path: Path) -> None:
    project = Project(tmp_path, checks=ONE_CHECK, hosts=("a1",))
    (tmp_path / "conftest.py").write_text(CONFTEST + PHASES)
    assert "PHASE" not in project.run("-m", "verify").out


def test_a_check_that_pytest_would_skip_meets_every_hook(tmp_path: Path) -> None:
    project = Project(tmp_path, checks=f"import pytest\n@pytest.mark.skip{ONE_CHECK}", hosts=("a1",))
    (tmp_path / "conftest.py").write_text(CONFTEST + PHASES)
    out = project.run("-m", "verify").out
    assert next(line.split()[1] for line in out.splitlines() if line.startswith("PHASE")) == "logstart"


def test_what_kubeadm_writes_on_each_host_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    content = {"kind": "KubeletConfiguration"}
    monkeypatch.setattr(kubelet.plain_yaml, "load", lambda text: parsed.append(text) or content)
    for _ in range(100):
        kubelet.settings("counted: 1")
        kubelet.running("counted: 1", "kubelet\n--node-ip=10.0.0.1")
    assert parsed == ["counted: 1"]


def test_the_list_of_images_is_asked_for_by_one_text(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Cluster] = []
    monkeypatch.setattr(kube_host, "pod_network_of", lambda *_: [])
    monkeypatch.setattr(kube_host.kubeadm, "init_config", lambda cluster, **_: made.append(cluster) or "kind: x")
    host: Any = SimpleNamespace(read=lambda *_: "k8s.gcr.io/pause:3.2\n")
    for node in cluster.nodes:
        kube_host.wanted_images(node, cluster, host, host)
    assert len(made) == 1


def test_pinned_keys_are_read_once_for_all_hosts(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    cluster.state.host_keys.parent.mkdir(parents=True, exist_ok=True)
    lines = (f"{node.address} ssh-ed25519 b25l {node.name}\n" for node in cluster.nodes)
    cluster.state.host_keys.write_text("".join(lines))
    text = named_file.text
    monkeypatch.setattr(named_file, "text", lambda path, *more: read.append(path) or text(path, *more))
    for node in cluster.nodes:
        assert [pin.name for pin in keys_of(cluster).pins(node)] == [node.name]
    assert read == [cluster.state.host_keys]


def test_the_server_of_a_share_is_found_without_a_search(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[Node] = []
    fqdn = Node.fqdn.fget
    monkeypatch.setattr(Node, "fqdn", property(lambda node: named.append(node) or fqdn(node)))
    fresh = replace(cluster, name="fresh")
    for node in fresh.nodes * 100:
        shares.served_by(fresh, node)
    assert len(named) == len(fresh.nodes)


LEFT = """
import gc, pytest
from dlws.engine.items import TargetItem
from dlws.record.ledger import Result

@pytest.hookimpl(tryfirst=True)
def pytest_dlws_run_ended(folder):
    kept = [type(o).__name__ for o in gc.get_objects() if type(o) is Result or isinstance(o, TargetItem)]
    (folder / "kept").write_text(repr(kept))
"""


def test_reports_are_made_when_tests_and_results_are_no_longer_in_memory(tmp_path: Path) -> None:
    made = Project(tmp_path, checks=ONE_CHECK, hosts=["a1", "a2"])
    (tmp_path / "conftest.py").write_text(CONFTEST + LEFT)
    made.run("-m", "verify", "-n", "0")
    assert (made.folder / "kept").read_text() == "[]"


def test_nothing_is_masked_in_a_result_that_says_nothing() -> None:
    masked: list[str] = []
    declared = Declared(item=ItemRow(nodeid="n", name="swap_is_off", host="a1", id="H09"))
    result = result_of(declared, Judgement(verdict=Verdict.PASS), Course(worker="main"))
    assert items.recorded(result, lambda text: masked.append(text) or text) is result
    assert masked == []
    found = replace(
        result, found="hunter2", proofs=(Proof(id="H09", name="x", verdict=Verdict.FAIL, remark="hunter2"),)
    )
    told = items.recorded(found, lambda text: text.replace("hunter2", "***"))
    assert (told.found, told.proofs[0].remark) == ("***", "***")
