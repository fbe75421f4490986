"""What hosts say of themselves: accelerators by bus and driver, and what cannot be in a configuration."""

from __future__ import annotations

import re

import pytest

from dlws.init.listing import Listed
from dlws.init.survey import Contradiction, Surveyed, as_listed, survey
from dlws.inventory import Arch, Device, Node, Origin, Role
from dlws.remote.host import Host
from dlws.verdict import Unknown
from tests.kits.bare_hosts import GPU, GPUS, NPU
from tests.kits.scripted import Scripted

ADDRESS = "2: eth0    inet 192.168.3.2/24 scope global eth0\\       valid_lft forever preferred_lft forever"
CARD = "\tNPU ID                         : {}\n\tChip Count                     : {}\n"
ONE_CHIP, TWO_CHIPS = ("".join(CARD.format(n, chips) for n in range(8)) for chips in (1, 2))
A3 = "\n".join(f"0000:{n:02x}:00.0 Processing accelerators [1200]: Device [19e5:d803] (rev 20)" for n in range(1, 17))
BIONIC = 'NAME="Ubuntu"\nVERSION="18.04.1 LTS (Bionic Beaver)"\nID=ubuntu\nVERSION_ID="18.04"\n'
ENGINE = "0000:75:00.0 Processing accelerators [1200]: HiSilicon ZIP Engine{} [19e5:a25{}] (rev 21)\n"
ENGINES = ENGINE.format("", 0) + ENGINE.format("(Virtual Function)", 1)
LISTED = Listed("192.168.3.2", "hosts.csv:2")


def asked(listed: Listed = LISTED, **more: str) -> Surveyed:
    said = {
        "19e5": "",
        "10de": "",
        "npu_smi": "",
        "nvidia_smi": "",
        "ip -4 -o addr": ADDRESS,
        "ip -4 route": "default via 192.168.3.1 dev eth0\n192.168.3.0/24 dev eth0 scope link",
        "uname": "aarch64",
        "os-release": BIONIC,
        "hostname": "atlas02.site.example",
        "ss -Hlntup": "tcp LISTEN 0 128 *:22 *:*\n",
    }
    script = {key.replace("_smi", "-smi"): (0, text, "") for key, text in (said | more).items() if text != "missing"}
    script |= {key.replace("_smi", "-smi"): (127, "", "not found") for key, text in more.items() if text == "missing"}
    node = Node("192.168.3.2", "192.168.3.2", "", Role.WORKER, Arch.AMD64, Device.CPU, Origin.MACHINES)
    return survey(listed, Host(Scripted("192.168.3.2", script), node))


@pytest.mark.parametrize(
    ("said", "kind", "count"),
    [
        ({"19e5": NPU, "npu_smi": ONE_CHIP}, Device.NPU, 8),
        ({"10de": GPU, "nvidia_smi": GPUS}, Device.GPU, 4),
        ({}, Device.CPU, 0),
        ({"19e5": ENGINES}, Device.CPU, 0),  # of a Kunpeng CPU
        ({"19e5": ENGINES + NPU, "npu_smi": ONE_CHIP}, Device.NPU, 8),
        ({"19e5": ENGINES, "10de": GPU, "nvidia_smi": GPUS}, Device.GPU, 4),
    ],
)
def test_accelerators_are_found_and_counted(said: dict[str, str], kind: Device, count: int) -> None:
    found = asked(**said)
    assert (found.device, found.device_count, found.remarks) == (kind, count, found.remarks)
    assert (found.name, found.arch) == ("atlas02", Arch.ARM64)


def test_of_an_a3_cards_or_chips_may_be_promised() -> None:
    found = asked(Listed("192.168.3.2", "hosts.csv:2", device_count=8), **{"19e5": A3, "npu_smi": TWO_CHIPS})
    assert (found.device_count, found.card_count) == (16, 8)


def test_a_card_that_its_driver_does_not_see_is_counted_and_told() -> None:
    lost = asked(**{"10de": GPU, "nvidia_smi": "\n".join(GPUS.splitlines()[:3])})
    assert (lost.device_count, lost.remarks) == (4, ("4 accelerators on the PCI bus, but its driver sees 3",))
    bare = asked(**{"19e5": NPU, "npu_smi": "missing"})
    assert bare.device_count == 8
    assert bare.remarks[0].startswith("8 accelerators by the PCI bus; its driver does not tell: ")


@pytest.mark.parametrize(
    ("said", "listed", "why"),
    [
        ({"uname": "riscv64"}, LISTED, "riscv64 is neither amd64 nor arm64"),
        ({"19e5": NPU, "10de": GPU}, LISTED, "8 NPUs and 4 GPUs are in it"),
        (
            {},
            Listed("192.168.3.9", "--hosts"),
            "no interface of atlas02.site.example has this address",
        ),
        ({}, Listed("192.168.3.2", "t.csv:4", arch=Arch.AMD64), "t.csv:4 has archtype amd64, the host is arm64"),
        ({}, Listed("192.168.3.2", "t.csv:4", device=Device.NPU), "t.csv:4 has type npu, the host is cpu"),
    ],
)
def test_what_cannot_be_is_said_with_the_fix(said: dict[str, str], listed: Listed, why: str) -> None:
    with pytest.raises(Contradiction, match=re.escape(why)) as caught:
        asked(listed, **said)
    assert str(caught.value).endswith(")")


def test_a_host_of_storage_is_believed() -> None:
    assert asked(Listed("192.168.3.2", "t.csv:4", device=Device.STORAGE)).device is Device.STORAGE


def test_without_lspci_nothing_is_claimed() -> None:
    with pytest.raises(Unknown, match="tool missing"):
        asked(**{"19e5": "missing"})


def test_listeners_among_the_node_ports_are_told() -> None:
    row = 'tcp LISTEN 0 128 0.0.0.0:30080 0.0.0.0:* users:(("nginx",pid=7,fd=3))'
    found = asked(**{"ss -Hlntup": row, "cgroup": ""})
    assert found.remarks == ("has listeners among the NodePorts, 30000 to 49999: 30080/tcp (nginx); move them",)


def test_a_release_that_the_runbook_does_not_know_is_told() -> None:
    found = asked(**{"os-release": BIONIC.replace("18.04", "20.04")})
    assert found.remarks[0].startswith("runs ubuntu 20.04.1, the runbook wants ubuntu 18.04")


def test_without_a_login_a_row_must_say_everything() -> None:
    with pytest.raises(Contradiction, match="has no name, archtype, devices"):
        as_listed(Listed("192.168.3.2", "t.csv:2", device=Device.NPU))
