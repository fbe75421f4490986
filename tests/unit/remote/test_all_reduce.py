"""Check W12: the pods it starts, the arithmetic of its bandwidth, and its program as far as it goes without torch."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dlws.config.cluster import Cluster, load
from dlws.engine.targets import first_device_host_of_each_kind
from dlws.facts.probes.all_reduce import SCRIPT
from dlws.facts.probes.all_reduce_pods import manifests
from dlws.kubernetes import device_plugins
from dlws.parse.accelerators import all_reduce
from dlws.parse.accelerators.all_reduce import Reduced
from dlws.verdict import Unparsable
from tests.kits.config_example import no_dns, write

SUITE = ("suite:\n", "suite:\n  devices: {atlas-gpu02: 4}\n")
TAKES_JOBS = ("  kubernetes:\n", "  kubernetes:\n    master_as_worker: true\n")
SERIES = ("  atlas-gpu02:\n", "  atlas-gpu02:\n    series: V100\n")
SAID = 'dlws-probe {"ranks": 16, "bytes": 268435456, "seconds": 0.0625, "wrong": [9]}\n'


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return load(write(tmp_path, SUITE, TAKES_JOBS), resolve=no_dns)


def pods(cluster: Cluster, *names: str) -> list[dict[str, Any]]:
    pair = [cluster.node(name) for name in names]
    counts = {node.name: node.device_count for node in pair}
    return [dict(pod["spec"]) for pod in manifests(cluster, pair, "lab/torch:2", counts)]


def told(spec: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(spec["containers"][0]["command"][3])
    return found


def test_the_hosts_of_a_kind_are_those_that_jobs_may_ask_for(tmp_path: Path) -> None:
    plain, other = (load(write(tmp_path, *edits), resolve=no_dns) for edits in ([TAKES_JOBS], [SERIES]))
    assert [n.name for n in device_plugins.alike(plain, plain.node("atlas02"))] == ["atlas01", "atlas02"]
    assert [str(t.name) for t in first_device_host_of_each_kind(plain)] == ["atlas01", "atlas-gpu01"]
    assert [n.name for n in device_plugins.alike(other, other.node("atlas-gpu02"))] == ["atlas-gpu02"]
    assert device_plugins.kind(other, other.node("atlas-gpu02")) == "nvidia_gpu_amd64_V100"


def test_each_pod_has_all_accelerators_of_its_host(cluster: Cluster) -> None:
    one, two = pods(cluster, "atlas-gpu01", "atlas-gpu02")
    assert [spec["nodeSelector"]["kubernetes.io/hostname"] for spec in (one, two)] == ["atlas-gpu01", "atlas-gpu02"]
    assert [spec["containers"][0]["resources"] for spec in (one, two)] == [
        {"limits": {"nvidia.com/gpu": 8}},
        {"limits": {"nvidia.com/gpu": 4}},
    ]
    assert [(told(spec)["first"], told(spec)["count"], told(spec)["ranks"]) for spec in (one, two)] == [
        (0, 8, 12),
        (8, 4, 12),
    ]


def test_the_pods_meet_on_the_addresses_of_their_hosts(cluster: Cluster) -> None:
    one, two = pods(cluster, "atlas-gpu01", "atlas-gpu02")
    assert one["hostNetwork"]
    assert two["hostNetwork"]
    assert {told(spec)["address"] for spec in (one, two)} == {"192.168.3.4"}
    assert [told(spec)["own"] for spec in (one, two)] == ["192.168.3.4", "192.168.3.3"]


def test_the_pods_end_by_themselves(cluster: Cluster) -> None:
    for spec in pods(cluster, "atlas01", "atlas02"):
        assert (spec["restartPolicy"], told(spec)["join"] >= 120) == ("Never", True)
        assert told(spec)["join"] < told(spec)["end"] < spec["activeDeadlineSeconds"]


def test_npus_come_with_the_driver_of_their_host(cluster: Cluster) -> None:
    npus, gpus = pods(cluster, "atlas01", "atlas02")[0], pods(cluster, "atlas-gpu01", "atlas-gpu02")[0]
    assert [v["hostPath"] for v in npus["volumes"] if "hostPath" in v] == [
        {"path": "/usr/local/Ascend/driver", "type": "Directory"},
        {"path": "/etc/hccn.conf", "type": "FileOrCreate"},
    ]
    assert [m["mountPath"] for m in npus["containers"][0]["volumeMounts"] if m.get("readOnly")] == [
        "/usr/local/Ascend/driver",
        "/etc/hccn.conf",
    ]
    assert [v["name"] for v in gpus["volumes"]] == ["shm"]
    assert [told(spec)["backend"] for spec in (npus, gpus)] == ["hccl", "nccl"]


def test_bus_bandwidth_is_that_of_nccl_tests() -> None:
    """A row of a real run of all_reduce_perf on 8 GPUs: 1073741824 bytes in 5503.4 us, algbw 195.10, busbw 341.43."""
    assert Reduced(8, 1073741824, 5503.4e-6, ()).bus == pytest.approx(195.10 * 14 / 8, rel=1e-4)
    assert Reduced(2, 10**9, 1.0, ()).bus == pytest.approx(1.0)


def test_the_result_is_found_among_what_torch_says() -> None:
    assert all_reduce.parse(f"[W1127 socket.cpp:494] [c10d] x\n{SAID}bye\n") == Reduced(16, 1 << 28, 0.0625, (9,))


@pytest.mark.parametrize(
    "text",
    [
        "",
        SAID + SAID,
        SAID[:-3],
        SAID.replace("16", "1"),
        SAID.replace("[9]", "[16]"),
        SAID.replace("[9]", "[-1]"),
        SAID.replace("[9]", "9"),
        SAID.replace("[9]", "[true]"),
        SAID.replace("0.0625", "0.0"),
        SAID.replace("0.0625", "Infinity"),
        SAID.replace("0.0625", "NaN"),
        SAID.replace('"wrong"', '"right"'),
        "dlws-probe []",
    ],
)
def test_other_results_are_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        all_reduce.parse(text)


def test_the_program_is_one_for_the_python_of_older_images() -> None:
    ast.parse(SCRIPT, feature_version=(3, 7))


def ran(folder: Path, torch: str, end: int = 60) -> tuple[int, str]:
    """The exit status of the program, two ranks of four, and what it says of itself, with a module in torch's place."""
    (folder / "torch.py").write_text(torch)
    says = folder / "says"
    given = {
        "backend": "gloo",
        "ranks": 4,
        "first": 2,
        "count": 2,
        "address": "127.0.0.1",
        "own": "127.0.0.1",
        "port": 29512,
        "join": 5,
        "end": end,
        "bytes": 1024,
        "says": str(says),
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(given)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(folder)},
        timeout=60,
    )
    assert done.stdout == ""
    return done.returncode, says.read_text()


def test_a_rank_that_fails_says_why(tmp_path: Path) -> None:
    rc, says = ran(tmp_path, "raise ImportError('libhccl.so:\\n no such \u2603 file')")
    assert (rc, says.splitlines()[0][6:]) == (1, ": ImportError: libhccl.so: no such ? file")
    assert {line[:7] for line in says.splitlines()} <= {"rank 2:", "rank 3:"}


def test_a_rank_that_is_killed_is_told(tmp_path: Path) -> None:
    rc, says = ran(tmp_path, "import os, signal, time\nos.kill(os.getpid(), signal.SIGKILL)")
    assert rc == 1
    assert "ended by signal 9" in says


def test_ranks_that_do_not_end_are_ended(tmp_path: Path) -> None:
    assert ran(tmp_path, "import time\ntime.sleep(60)", end=1) == (1, "ranks 2, 3: not at their end after 1 s\n")
