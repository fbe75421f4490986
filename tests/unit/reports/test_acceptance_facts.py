from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlws.record.evidence import CONTENT, PINNED_KEYS
from dlws.record.run_folder import Command
from reports.acceptance import facts
from reports.acceptance.facts import Facts
from tests.kits.acceptance import good, made, rows, text_of, written
from tests.kits.proof_cases import HOSTS
from tests.kits.proof_kit import usually

DATA = Path(__file__).parents[2] / "data" / "parse"
GPU = "GPU-0004b000-7c1e-4d2a-9f30-5e8d41c60400"


def asked(command: str, out: str, **more: object) -> Facts:
    return facts.of_host([Command(n=1, command=command, out=out, rc=0, **more)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("command", "out", "name", "value"),
    [
        ("uname -m", "aarch64\n", "arch", "aarch64"),
        ("uname -r", "4.15.0-45-generic\n", "kernel", "4.15.0-45-generic"),
        ("nproc", "192\n", "cpus", "192"),
        ("cat /proc/meminfo", "MemTotal: 1048576 kB\nMemAvailable: 1 kB\nSwapTotal: 0 kB\n", "memory", "1.0 GiB"),
        ("cat /sys/class/dmi/id/product_serial", "2102312NNU10K5000123\n", "serial", "2102312NNU10K5000123"),
        ("cat /sys/class/dmi/id/product_uuid", "4c4c4544-0042\n", "product_uuid", "4c4c4544-0042"),
        (PINNED_KEYS, '{"ssh-ed25519 SHA256:P3427mt": "suite.host_keys"}', "host_key", "SHA256:P3427mt"),
        ("nvidia-smi --query-gpu=driver_version --format=csv,noheader", "440.64\n440.64\n", "gpu_driver", "440.64"),
        ("cat /usr/local/Ascend/driver/version.info", "Version=1.72.T2.100.B020\n", "npu_driver", "1.72.T2.100.B020"),
        ("dpkg-query -W -f '...' -- kubelet", "kubelet\t1.20.2-00\tii \n", "kubelet", "1.20.2-00"),
    ],
)
def test_a_fact_is_read_from_the_command_that_tells_it(command: str, out: str, name: str, value: str) -> None:
    assert asked(command, out).values[name] == value


def test_the_content_tells_its_lock_and_the_digests_of_its_images() -> None:
    image = {"id": "2f" * 32, "digest": f"sha256:{'1b' * 32}"}
    found = asked(CONTENT, json.dumps({"sha256": "c0" * 32, "images": {"k8s.gcr.io/pause:3.2": image}}))
    assert found.values["content"] == "c0" * 32
    assert found.images == {"k8s.gcr.io/pause:3.2": f"sha256:{'1b' * 32}"}


def test_docker_tells_its_version_and_the_kernel_s() -> None:
    found = asked("docker info -f '{{json .}}'", (DATA / "docker_info_20.10.json").read_text())
    assert found.values["docker"].startswith("20.10")
    assert found.values["kernel"]


def test_a_board_s_serial_number_outweighs_a_uuid() -> None:
    listed = Command(n=1, command="nvidia-smi -L", out=f"GPU 0: Tesla V100 (UUID: {GPU})\n", rc=0)
    query = "nvidia-smi --query-gpu=index,name,serial --format=csv,noheader,nounits"
    asked_more = Command(n=2, command=query, out="0, Tesla V100, 0323718012345\n", rc=0)
    for order in ([listed, asked_more], [asked_more, listed]):
        (device,) = facts.accelerators(facts.of_host(order))
        assert (device.model, device.serial) == ("Tesla V100", "0323718012345")


def test_npus_have_their_board_s_firmware_and_serial() -> None:
    call, board = "npu-smi info -t board -i 0", (DATA / "npu_smi_board.txt").read_text()
    (device,) = facts.accelerators(asked(f'q() {{ "$@"; }}; q {call}', f"== {call}\n{board}\n== exit 0\n"))
    assert device.kind == "NPU"
    assert device.firmware != ""


def told_by(kind: str) -> Facts:
    """What a healthy host's answers to the checks hold, as tests/proofs/healthy has recorded them."""
    given = [(command, answer) for command, answer in usually(kind).items() if isinstance(answer.out, str)]
    return facts.of_host([Command(n=n, command=c, out=a.out, rc=a.rc) for n, (c, a) in enumerate(given)])


@pytest.mark.parametrize("kind", ["npu", "gpu"])
def test_an_audit_tells_serial_number_and_firmware_of_each_accelerator(kind: str) -> None:
    found = list(facts.accelerators(told_by(kind)))
    assert len({device.serial for device in found}) == len(found) > 3
    assert all(device.model and device.firmware for device in found)
    assert not any(device.serial.startswith("GPU-") for device in found)


def test_every_fact_is_still_asked_for_by_some_check() -> None:
    asked_for = [CONTENT, PINNED_KEYS, *(command for kind in HOSTS for command in usually(kind))]
    assert [p.pattern for p, _ in facts._PROBES if not any(map(p.search, asked_for))] == []


def test_network_cards_have_their_addresses() -> None:
    ip = "2: eth0    inet 192.168.3.2/24 scope global eth0\\  valid_lft forever preferred_lft forever\n"
    macs = "eth0 physical 02:42:c0:a8:03:02\ndocker0 virtual 02:42:00:00:00:01\n"
    answers = [
        Command(n=1, command="ip -4 -o addr show up", out=ip, rc=0),
        Command(n=2, command="cd /sys/class/net && for i in */; do :; done", out=macs, rc=0),
    ]
    (card,) = facts.cards(facts.of_host(answers), "192.168.3.2")
    assert (card.name, card.mac, card.addresses) == ("eth0", "02:42:c0:a8:03:02", ["192.168.3.2/24"])


@pytest.mark.parametrize("more", [{"truncated": True}, {"timed_out": True}, {"changes": True}])
def test_an_answer_that_is_not_whole_tells_nothing(more: dict[str, bool]) -> None:
    assert asked("uname -m", "aarch64\n", **more).values == {}


@pytest.mark.parametrize("out", ["", "NVIDIA-SMI has failed: no driver\n", "\x00\n", "a\nb\n"])
def test_an_answer_that_is_not_understood_tells_nothing(out: str) -> None:
    assert asked("nvidia-smi --query-gpu=driver_version --format=csv,noheader", out).values == {}
    assert asked("cat /proc/meminfo", out).values == {}


def test_kubernetes_tells_what_the_host_was_not_asked(tmp_path: Path) -> None:
    node = {"metadata": {"name": "atlas02"}, "status": {"nodeInfo": {"kubeletVersion": "v1.20.2"}}}
    sample = good()
    sample.record("kubernetes", "gw0", "GET /api/v1/nodes?limit=500", out=json.dumps({"items": [node]}))
    sample.record("kubernetes", "gw0", "GET /version", out=json.dumps({"gitVersion": "v1.20.2"}))
    document = made(written(sample, tmp_path, cluster={"nodes": [], "kubernetes_version": "v1.20.2"}))
    listed = {row[0]: row[1:3] for row in rows(document.parts[4], 4)}
    assert "v1.20.2: atlas02" in listed["Running kubelet"][1]
    assert listed["API Server"][1] == "v1.20.2"


def test_the_required_version_is_the_configuration_s(tmp_path: Path) -> None:
    sample = good()
    sample.record("atlas-gpu01", "gw9", "nvidia-smi --query-gpu=driver_version --format=csv,noheader", out="440.64\n")
    (row,) = [row for row in rows(made(written(sample, tmp_path)).parts[4], 4) if row[0] == "NVIDIA driver"]
    assert row[1].endswith("→ ≥ 430")
    assert row[2].startswith("440.64: atlas-gpu01")
    assert row[3] == "PASS"


def test_what_was_not_read_is_said(tmp_path: Path) -> None:
    assert "This audit did not read any accelerators." in text_of(made(written(good(), tmp_path)).parts[3])
