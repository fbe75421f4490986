"""Ranges of pods and services that Kubernetes refuses, that meet something else, or that are too small for the room."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kits.config_example import findings, write

PODS, SERVICES = "66:15: error: pod_ip_range", "66:27: error: service_cluster_ip_range"


@pytest.mark.parametrize(
    ("key", "range_", "line"),
    [
        ("pod_ip_range", "10.3.0.0/17", f"{PODS}: the pod range 10.3.0.0/17 overlaps the service range 10.3.0.0/16"),
        (
            "service_cluster_ip_range",
            "172.16.0.0/12",
            f"{SERVICES}: the service range 172.16.0.0/12 overlaps the range of",
        ),
        ("service_cluster_ip_range", "10.3.0.0/29", f"{SERVICES}: kubeadm refuses 10.3.0.0/29 as service range"),
        ("service_cluster_ip_range", "10.32.0.0/11", f"{SERVICES}: kubeadm refuses 10.32.0.0/11 as service range"),
        (
            "pod_ip_range",
            "10.2.0.0/25",
            f"{PODS}: kubeadm refuses 10.2.0.0/25 as pod range (choose one from /8 to /24)",
        ),
        (
            "pod_ip_range",
            "10.2.0.0/24",
            "66:15: warning: pod_ip_range: 10.2.0.0/24 has room for the pods of 1 of 4 machines",
        ),
    ],
)
def test_such_a_range_gives_one_line(tmp_path: Path, key: str, range_: str, line: str) -> None:
    (finding,) = findings(write(tmp_path, ("suite:\n", f"{key}: {range_}\nsuite:\n")))
    assert line in str(finding)


@pytest.mark.parametrize(
    "line",
    ["service_cluster_ip_range: 10.3.0.0/28", "service_cluster_ip_range: 10.48.0.0/12", "pod_ip_range: 10.2.0.0/22"],
)
def test_the_smallest_and_the_largest_that_do_are_fine(tmp_path: Path, line: str) -> None:
    assert findings(write(tmp_path, ("suite:\n", f"{line}\nsuite:\n"))) == []


def test_no_host_is_in_a_range(tmp_path: Path) -> None:
    found = findings(write(tmp_path, ("suite:\n", "pod_ip_range: 192.168.0.0/20\nsuite:\n")))
    assert len(found) == 4
    assert "8:17: error: machines.atlas01.private-ip: 192.168.3.2 is in the pod range 192.168.0.0/20" in str(found[0])
