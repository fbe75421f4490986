"""The offline lab: what it counts, what its configuration says, and its packages for hosts that are arm64 in name."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from lab import offline, ports
from lab.plan import LAB
from tests.kits import debs


def a_set(name: str, *elements: tuple[list[object], int]) -> dict[str, object]:
    elem = [{"elem": {"val": {"concat": value}, "counter": {"packets": n, "bytes": 60 * n}}} for value, n in elements]
    return {"set": {"name": name, "elem": elem} if elem else {"name": name}}


def test_the_counter_names_who_tried_to_reach_what() -> None:
    kubelet = (["192.168.3.2", "169.254.169.254", "tcp", 80], 6)
    tcp = a_set(
        "tried", (["192.168.3.2", "8.8.8.8", "udp", 53], 2), (["192.168.3.6", "192.168.3.1", "tcp", 3143], 5), kubelet
    )
    icmp = a_set("tried_without_port", (["192.168.3.2", "1.1.1.1", "icmp"], 1))
    found = offline.parse(json.dumps({"nftables": [{"metainfo": {}}, tcp, icmp]}))
    assert [str(one) for one in found] == [
        "192.168.3.2 -> 1.1.1.1 icmp: 1 packets",
        "192.168.3.2 -> 169.254.169.254:80 tcp: 6 packets (kubelet's look for a cloud's credentials)",
        "192.168.3.2 -> 8.8.8.8:53 udp: 2 packets",
        "192.168.3.6 -> 192.168.3.1:3143 tcp: 5 packets",
    ]


@pytest.mark.parametrize(
    ("to", "port", "known"),
    [
        ("10.3.0.1", 443, True),  # pods ask the API server
        ("10.3.210.122", 443, True),  # the API server asks the metrics adapter
        ("10.4.0.1", 443, False),
        ("169.254.169.254", 443, False),
    ],
)
def test_a_services_address_is_of_the_cluster(to: str, port: int, known: bool) -> None:
    assert bool(offline.Attempt("192.168.3.2", to, "tcp", port, 5).known) is known


def test_nobody_tried_is_no_attempt() -> None:
    text = json.dumps({"nftables": [a_set("tried"), a_set("tried_without_port")]})
    assert offline.parse(text) == []


def test_its_configuration_differs_in_where_things_come_from_alone() -> None:
    ours = yaml.safe_load((LAB / "config.yaml").read_text())
    theirs = yaml.safe_load(offline.configuration((LAB / "config.yaml").read_text()))
    assert {key for key in ours if ours[key] != theirs[key]} == {"dockerregistry", "dockers", "suite"}
    assert {
        key for key in {**ours["suite"], **theirs["suite"]} if ours["suite"].get(key) != theirs["suite"].get(key)
    } == {
        "image_archives",
        "content",
        "seeds",
    }


def test_the_bytes_sent_to_each_host_are_counted_apart() -> None:
    elem = [{"elem": {"val": f"192.168.3.{n}", "counter": {"packets": 1, "bytes": n * 100}}} for n in (2, 6)]
    tried = a_set("tried", (["192.168.3.2", "8.8.8.8", "udp", 53], 2))
    text = json.dumps({"nftables": [tried, {"set": {"name": "sent", "elem": elem}}]})
    assert offline.parse_sent(text) == {"192.168.3.2": 200, "192.168.3.6": 600}
    assert len(offline.parse(text)) == 1


@pytest.mark.parametrize(("name", "depends"), [("curl", "libc6"), ("docker.io", "dlws-lab-arm64, libc6")])
def test_a_package_of_the_ports_is_for_every_architecture(name: str, depends: str, tmp_path: Path) -> None:
    package = debs.package(tmp_path, name, "1:2.0+x", "amd64", depends="libc6", files={"usr/bin/x": "x" * 3})
    ports.for_all(package, tmp_path / "new.deb")
    fields = ("Package", "Version", "Architecture", "Depends")
    told = subprocess.run(["dpkg-deb", "-f", tmp_path / "new.deb", *fields], capture_output=True, text=True, check=True)
    assert told.stdout == f"Package: {name}\nVersion: 1:2.0+x\nArchitecture: all\nDepends: {depends}\n"
    assert "./usr/bin/x" in subprocess.check_output(["dpkg-deb", "-c", tmp_path / "new.deb"], text=True)


def test_a_package_for_all_is_installed_once_for_all() -> None:
    text = "Package: libc6\nArchitecture: amd64\nMulti-Arch: same\nDepends: libgcc-s1\n"
    assert ports.control(text) == "Package: libc6\nArchitecture: all\nDepends: libgcc-s1\n"
