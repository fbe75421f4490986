"""Q: what has gone wrong with the hardware over a soak: counters now against those of an audit before it."""

from __future__ import annotations

from datetime import timedelta

from dlws.config.cluster import Cluster
from dlws.engine.check import Mismatch, active, check, expect
from dlws.engine.targets import every_host
from dlws.facts import nvidia
from dlws.facts.ascend import chip_name, ecc_of, port_answers
from dlws.facts.hardware import memory_errors
from dlws.facts.network import interface_states
from dlws.inventory import Device, Node
from dlws.parse.accelerators import hccn_link, nvidia_log
from dlws.parse.text import unparsable
from dlws.remote.change import boot_of
from dlws.remote.host import Host
from dlws.verdict import NotApplicable, Unknown
from fixtures.earlier import Earlier


@active
@check(
    "Q05",
    section="2.1",
    source="azurehpc, 终验 practice",
    on=every_host,
    title_zh="持续运行期间无重启、断链与新增硬件错误",
    fix="find the cause (kernel log of that time), fix it, and start the soak again",
)
def test_soak(node: Node, cluster: Cluster, host: Host, earlier: Earlier) -> None:
    """Over the agreed hours, the host has not rebooted, lost a link or had a new hardware error.

    Counters are compared with those of the newest audit that is at least that old, so run one at the start. Pod
    restarts are covered by W02.
    """
    hours = cluster.suite.acceptance.soak_hours
    if hours is None:
        raise NotApplicable("suite.acceptance.soak_hours does not say how long the hosts must run without a fault")
    then = earlier.host(hours=hours)
    if then is None:
        raise Unknown(
            f"no run at least {hours:g} h old covers {node.name}: run -m verify now, and this check afterwards"
        )
    if boot_of(host) != boot_of(then):
        raise Mismatch(f"boot of {node.name}", found="a different one", expected=f"the same as {hours:g} h ago")
    before, now = counters(node, then), counters(node, host)
    grown = [f"{what}: {before[what]} then, {n} now" for what, n in now.items() if n != before.get(what, n)]
    expect("counters that have increased", found=grown, expected=[])
    expect("counters no longer available", found=sorted(before.keys() - now.keys()), expected=[])
    if node.device is Device.NPU:
        answers = port_answers(host)
        lost = {
            chip_name(c): hccn_link.downs(answers.port(c, "link_stat"), timedelta(hours=hours)) for c in answers.chips
        }
        expect("NPU ports whose link went down", found=[f"{port}: {n}" for port, n in lost.items() if n], expected=[])


def counters(node: Node, host: Host) -> dict[str, int]:
    """Error counters of a host, none of which may rise in a soak: `{"eth0 errors": 0, "mc0/ue_count": 0}`."""
    found: dict[str, int] = {}
    for interface, state in interface_states(host)[1].items():
        errors = state.receive_errors + state.send_errors
        found |= {f"{interface} lost links": state.lost_links, f"{interface} errors": errors}
    found |= {name: n for name, n in memory_errors(host)[1].items() if name.endswith("ue_count")}
    if node.device is Device.GPU:
        field = "ecc.errors.uncorrected.aggregate.total"
        cards = nvidia.cards_with_ecc(nvidia.cards(host))
        found |= {
            f"{nvidia.card_name(card)} uncorrected ECC errors": nvidia.required_number(card, field) for card in cards
        }
        log = nvidia_log.errors(nvidia.kernel_errors(host))
        if log.unread:
            raise unparsable("kernel log", log.unread[0])
        found |= {"critical Xid errors": len(log.grave)}
    if node.device is Device.NPU:
        found |= {f"{name} double-bit errors": ecc.double_total for name, ecc in ecc_of(host)}
    return found
