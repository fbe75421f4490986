"""P: Huawei Ascend NPUs."""

from __future__ import annotations

import re

from cluster import versions
from cluster.config import Cluster
from cluster.inventory import Node
from cluster.parse import ascend, lspci, npu_smi
from cluster.parse.text import unparsable
from fixtures.check import check, expect, expect_that, preflight
from fixtures.targets import npu_hosts
from remote.host import Host


@preflight
@check("P01", section="2.1", source="runbook 1", on=npu_hosts, title_zh="NPU 数量与配置一致",
       fix="reseat or replace the missing card, or correct gpu_count_per_node")  # fmt: skip
def test_npu_count(node: Node, host: Host) -> None:
    """As many NPUs on the PCI bus, in npu-smi and as /dev/davinciN as configured."""
    on_bus = len(lspci.addresses(host.read("lspci -D -d 19e5:d801")))
    in_driver = len(npu_smi.cards(host.read("npu-smi info -l")))
    nodes = len(device_nodes(host))
    counts = "{} on the PCI bus, {} in npu-smi and {} as /dev/davinciN"
    expected = counts.format(*[node.device_count] * 3)
    expect("NPUs", found=counts.format(on_bus, in_driver, nodes), expected=expected)


@preflight
@check("P02", section="2.1", source="runbook 1", on=npu_hosts, title_zh="NPU 驱动版本不低于要求",
       fix="install the required Ascend driver by hand: the suite never installs one")  # fmt: skip
def test_npu_driver(cluster: Cluster, host: Host) -> None:
    """The Ascend driver is at least the required version."""
    found = ascend.version_info(host.read("cat /usr/local/Ascend/driver/version.info"))
    wanted = cluster.suite.required_npu_driver
    expect_that(
        versions.ascend(found) >= versions.ascend(wanted), "Ascend driver", found=found, expected=f"{wanted} or newer"
    )


def device_nodes(host: Host) -> list[str]:
    """The device files of the NPUs, `/dev/davinci0` and so on; without the driver's own (davinci_manager)."""
    found = host.lines("find /dev -maxdepth 1 -name 'davinci[0-9]*'")
    for line in found:
        if not re.fullmatch("/dev/davinci[0-9]+", line):
            raise unparsable("find /dev", line)
    return found
