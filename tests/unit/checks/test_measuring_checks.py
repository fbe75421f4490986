"""What a proof cannot show: many hosts side by side, and the pods that kubectl is fed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from checks.acceptance import speed
from checks.across_hosts import unique
from checks.jobs import pods
from dlws.config.cluster import Cluster
from dlws.facts.probes.speed import COPIES
from dlws.platform.renderings import INIT_CONTAINER
from dlws.verdict import Mismatch
from tests.kits.proof_cases import HEALTHY, example, loaded


def larger() -> Cluster:
    """The cluster of the proofs with a third NPU host and a second GPU host; hosts of a kind may differ by 10 %."""
    document = yaml.safe_load((HEALTHY / "cluster.yaml").read_text())
    npu = {"role": "worker", "type": "npu", "vendor": "huawei", "archtype": "arm64", "private-ip": "192.168.3.7"}
    gpu = {"role": "worker", "type": "gpu", "vendor": "nvidia", "archtype": "amd64", "private-ip": "192.168.3.3"}
    document["scale_up"] |= {"atlas03": npu, "atlas-gpu02": gpu}
    document["suite"]["acceptance"] = {"spread": 10}
    return loaded(yaml.safe_dump(document))


def test_a_host_at_the_agreed_spread_does_not_lag() -> None:
    speeds = {"atlas02": 1000.0, "atlas01": 1000.0, "atlas03": 900.0}
    assert speed.lagging(larger(), speeds, 10) == []
    assert speed.lagging(larger(), speeds | {"atlas03": 899.0}, 10) == ["atlas03 899 of 1000"]


def test_a_host_is_as_quick_as_its_slowest_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    slowest = {"atlas-gpu01": 26.0, "atlas-gpu02": 11.0}

    def copied(host: Any) -> dict[str, dict[int, float]]:
        return {test: {0: 26.0, 1: slowest[host.name]} for test in COPIES}

    monkeypatch.setattr(speed, "core_speed", lambda host: 1000.0)
    monkeypatch.setattr(speed, "copy_speeds", copied)
    hosts: Any = {node.name: SimpleNamespace(name=node.name) for node in larger().nodes}
    with pytest.raises(Mismatch, match=r"found atlas-gpu02 11 of 18\.5 \(host_to_device_memcpy_ce, GB/s\)"):
        speed.test_no_host_lags(larger(), hosts)


@pytest.mark.parametrize(
    ("name", "resource", "command", "log"),
    [
        ("atlas-gpu01", "nvidia.com/gpu", ["nvidia-smi", "-L"], "GPU 0: Tesla V100-SXM2-32GB (UUID: GPU-0004b000)"),
        ("atlas01", "npu.huawei.com/NPU", ["sh", "-c", "ls /dev"], "davinci0"),
    ],
)
def test_a_probe_asks_for_one_device(
    name: str, resource: str, command: list[str], log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    nobody: Any = None

    def ended(master: object, probes: list[Any]) -> list[Any]:
        asked.extend(probes)
        return [({"status": {"phase": "Succeeded"}}, log)]

    monkeypatch.setattr("checks.jobs.pods.rendered.ask", lambda *_: "lab/init-container:1")
    monkeypatch.setattr(pods, "ended", ended)
    pods.test_pod_gets_one_device(example().node(name), example(), nobody, nobody)
    [container] = asked[0]["spec"]["containers"]
    assert (container["command"], container["resources"]) == (command, {"limits": {resource: 1}})


def test_clocks_apart_are_told_in_the_order_of_the_hosts() -> None:
    read = {name: (10.0 * n, 0.0) for n, name in enumerate("edcba")}
    told = [(one, other) for n, one in enumerate("edcba") for other in "edcba"[:n]]
    assert unique.clocks_apart(read, 5, unique.at_least) == told


def test_jobs_begin_with_the_init_container() -> None:
    builds = [
        SimpleNamespace(image=SimpleNamespace(name=name), full_name=f"lab/{name}:1")
        for name in ("other", INIT_CONTAINER)
    ]
    wanted: Any = SimpleNamespace(builds=lambda arch: builds)
    assert pods.init_container(wanted, example().node("atlas01")) == f"lab/{INIT_CONTAINER}:1"
