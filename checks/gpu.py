"""G: NVIDIA GPUs."""

from __future__ import annotations

from cluster import versions
from cluster.config import Cluster
from cluster.inventory import Node
from cluster.parse import lspci, nvidia_smi
from cluster.parse.text import unparsable
from fixtures.check import check, expect, expect_that, preflight
from fixtures.targets import gpu_hosts
from remote.host import Host


@preflight
@check("G01", section="2.1", source="runbook 1", on=gpu_hosts, title_zh="GPU 数量与配置一致",
       fix="reseat or replace the missing card, or correct gpu_count_per_node")  # fmt: skip
def test_gpu_count(node: Node, host: Host) -> None:
    """As many GPUs on the PCI bus and in nvidia-smi as configured."""
    on_bus = len(lspci.display_cards(host.read("lspci -Dnn -d 10de:")))
    in_driver = len(nvidia_smi.listed(host.read("nvidia-smi -L")))
    counts = "{} on the PCI bus and {} in nvidia-smi"
    expected = counts.format(node.device_count, node.device_count)
    expect("GPUs", found=counts.format(on_bus, in_driver), expected=expected)


@preflight
@check("G02", section="2.1", source="runbook 1", on=gpu_hosts, title_zh="GPU 驱动版本不低于要求",
       fix="install the required NVIDIA driver by hand: the suite never installs one")  # fmt: skip
def test_gpu_driver(cluster: Cluster, host: Host) -> None:
    """The NVIDIA driver is at least the required version, the same on every card."""
    text = host.read("nvidia-smi --query-gpu=driver_version --format=csv,noheader")
    found = sorted({line.strip() for line in text.splitlines() if line.strip()})
    if not found:
        raise unparsable("nvidia-smi", why="no output")
    wanted = cluster.suite.required_gpu_driver
    enough = all(versions.nvidia(v) >= versions.nvidia(wanted) for v in found)
    expect_that(enough, "NVIDIA driver", found=found, expected=f"{wanted} or newer")
    expect_that(len(found) == 1, "NVIDIA driver", found=found, expected="the same on every card")
