"""What the checks of NPUs ask of npu-smi and hccn_tool: each tool once per host, one call after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dlws.parse.accelerators import npu_smi
from dlws.parse.accelerators.npu_smi import ChipNumbers
from dlws.parse.platform import answers
from dlws.parse.platform.answers import Answers
from dlws.remote.host import Host
from dlws.verdict import Unknown

TOOLS = "/usr/local/Ascend/driver/tools"
OF_CARD = ("board", "ecc", "common")
OF_PORT = ("link", "speed", "net_health", "ip", "tls", "fec", "optical", "link_stat")
ALONE = "exec 9<. && { flock -w 60 9 || { echo 'others have asked hccn_tool for 60 s' >&2; exit 1; }; }"
"""Waits for the other command that asks hccn_tool (P22 beside P14 to P20), and keeps it waiting: by a lock on the
tool's folder, which leaves nothing on the host."""
DEADLINE = 120.0
"""Seconds for the calls about all chips of a host together: npu-smi takes up to a second for each."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a tool has told of the chips of a host."""

    chips: tuple[ChipNumbers, ...]
    answers: Answers

    @property
    def cards(self) -> list[int]:
        """The cards, each with one or several chips, as npu-smi counts them."""
        return list(dict.fromkeys(chip.npu for chip in self.chips))

    def card(self, npu: int, kind: str) -> str:
        """`npu-smi info -t KIND -i NPU`."""
        return self.answers.output_of(f"npu-smi info -t {kind} -i {npu}")

    def health(self, chip: ChipNumbers) -> str:
        """`npu-smi info -t health` of one chip; of the whole card its management unit would answer, and be well."""
        return self.answers.output_of(f"npu-smi info -t health -i {chip.npu} -c {chip.chip}")

    def port(self, chip: ChipNumbers, kind: str) -> str:
        """`hccn_tool -KIND -g` of a chip's own network port."""
        return self.answers.output_of(f"./hccn_tool -i {device(chip)} -{kind} -g")


def chips(host: Host) -> tuple[ChipNumbers, ...]:
    """The chips that compute. Unknown where there is none: what is said of no chip is said of nothing."""
    found = npu_smi.mapping(host.read("npu-smi info -m"))
    if not found:
        raise Unknown("npu-smi: no NPU found")
    return found


def called(chip: ChipNumbers) -> str:
    """How a finding names a chip: by its number in /dev/davinciN."""
    return f"NPU {chip.logic}"


def device(chip: ChipNumbers) -> int:
    """A chip's number for hccn_tool: the physical one, where npu-smi tells it; else its card's, which has no other."""
    return chip.npu if chip.phy is None else chip.phy


def from_npu_smi(host: Host) -> Told:
    """What npu-smi tells of each card and of each chip's health."""
    found = chips(host)
    cards = " ".join(dict.fromkeys(str(chip.npu) for chip in found))
    pairs = " ".join(f"{chip.npu}:{chip.chip}" for chip in found)
    command = (
        f"for i in {cards}; do for t in {' '.join(OF_CARD)}; do q npu-smi info -t $t -i $i; done; done; "
        f"for c in {pairs}; do q npu-smi info -t health -i ${{c%:*}} -c ${{c#*:}}; done"
    )
    return Told(found, answers.parse(host.read(answers.ASK + command, deadline=DEADLINE)))


def work_modes(host: Host) -> Told:
    """What npu-smi tells of the work mode of each card."""
    found = chips(host)
    cards = " ".join(dict.fromkeys(str(chip.npu) for chip in found))
    loop = f"for i in {cards}; do q npu-smi info -t work-mode -i $i; done"
    return Told(found, answers.parse(host.read(answers.ASK + loop, deadline=DEADLINE)))


def from_hccn_tool(host: Host, kinds: Sequence[str] = OF_PORT) -> Told:
    """What hccn_tool tells of each chip's network port, by kind of question."""
    found = chips(host)
    numbers = " ".join(str(device(chip)) for chip in found)
    loop = f"for i in {numbers}; do for t in {' '.join(kinds)}; do q ./hccn_tool -i $i -$t -g; done; done"
    return Told(found, answers.parse(host.read(f"{answers.ASK}cd {TOOLS} && {ALONE} && {loop}", deadline=DEADLINE)))
