"""Ascend NPUs, by npu-smi and hccn_tool: each tool once per host, one call after the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dlws.parse.accelerators import ascend_models, hccn, npu_chip, npu_smi
from dlws.parse.accelerators.hccn import DeviceAddress
from dlws.parse.accelerators.npu_chip import ChipHealth, Common, Ecc
from dlws.parse.accelerators.npu_smi import ChipNumbers
from dlws.parse.host import lspci
from dlws.parse.platform import answers
from dlws.parse.platform.answers import Answers
from dlws.parse.text import unparsable
from dlws.remote.host import Host
from dlws.verdict import NotApplicable, Unknown, Unparsable

TOOLS = "/usr/local/Ascend/driver/tools"
ON_BUS = f"lspci -Dnn -d {ascend_models.VENDOR}::{ascend_models.ACCELERATOR_CLASS}"
LINKS = f"lspci -D -vv -d {ascend_models.VENDOR}::{ascend_models.ACCELERATOR_CLASS}"
REGISTERS = 'for a in EACH; do echo "== $a"; setpci -s "$a" CAP_EXP+0c.l CAP_EXP+12.w || exit; done'
"""The PCIe link's own registers, for speeds that lspci does not know. Nothing is set."""
OF_CARD = ("board", "ecc", "common")
OF_PORT = ("link", "speed", "net_health", "ip", "tls", "fec", "optical", "link_stat")
ALONE = "exec 9<. && { flock -w 60 9 || { echo 'others have asked hccn_tool for 60 s' >&2; exit 1; }; }"
"""Waits for another command that asks hccn_tool, and keeps it waiting: by a lock on the
tool's folder, which leaves nothing on the host."""
NO_PORT = "NPUs of this model have no network port"
DEADLINE = 120.0
"""Seconds for the calls about all chips of a host together: npu-smi takes up to a second for each."""


PING = f"cd {TOOLS} && timeout -k 1 20 ./hccn_tool -i %s -ping -g address %s"
SHARED_DEVICE_FILES = ("/dev/davinci_manager", "/dev/devmm_svm", "/dev/hisi_hdc")
"""Device files that all NPUs of a host have in common."""
INSTALL_RECORD = "/etc/ascend_install.info"


@dataclass(frozen=True, slots=True)
class ToolAnswers:
    """What a tool answers about the chips of a host."""

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

    def hccs(self, chip: ChipNumbers) -> str:
        """`npu-smi info -t hccs` of one chip."""
        return self.answers.output_of(f"npu-smi info -t hccs -i {chip.npu} -c {chip.chip}")

    def port(self, chip: ChipNumbers, kind: str) -> str:
        """`hccn_tool -KIND -g` of a chip's own network port."""
        return self.answers.output_of(f"./hccn_tool -i {device_number(chip)} -{kind} -g")

    def port_words(self, chip: ChipNumbers, kind: str) -> str:
        """The same, also of a call that failed."""
        return self.answers.words_of(f"./hccn_tool -i {device_number(chip)} -{kind} -g")


def functions_on_bus(host: Host) -> tuple[lspci.Function, ...]:
    """The NPUs on the PCI bus, with or without a driver; empty where there is none."""
    return tuple(f for f in lspci.functions(host.read(ON_BUS)) if f.device not in ascend_models.ENGINES)


def links_on_bus(host: Host) -> dict[str, lspci.PcieLink | None]:
    """The PCIe link of each NPU by its PCI address, None of one that does not answer any more.

    Engines of the CPU, which are on no link, are left out.
    """
    text = host.read(LINKS)
    try:
        found = lspci.links(text)
    except Unparsable:
        engines = {f.address for f in lspci.functions(host.read(ON_BUS)) if f.device in ascend_models.ENGINES}
        found = lspci.links(text, engines)
    if not found.untold:
        return found.told
    asked = " ".join(["%s"] * len(found.untold))
    registers = lspci.registered_links(host.read(REGISTERS.replace("EACH", asked), *found.untold))
    if registers.keys() != set(found.untold):
        raise unparsable("setpci", why=f"{len(registers)} of {len(found.untold)} links")
    return {**found.told, **registers}


def listing(host: Host, command: str) -> str:
    """What npu-smi lists. It may end with 1 where it says that there is no card; Unknown for any other status but 0."""
    result = host.run_expect([0, 1], command)
    text = str(result.stdout)
    if result.rc and not npu_smi.has_no_card(text):
        raise host.unexpected(result)
    return text


def npu_cards(host: Host) -> dict[int, int]:
    """The number of chips by card; empty where the host has no card."""
    return npu_smi.cards(listing(host, "npu-smi info -l"))


def required_npu_cards(host: Host) -> dict[int, int]:
    """As `npu_cards`. Unknown where there is none: what is said of no card is said of nothing."""
    if not (found := npu_cards(host)):
        raise Unknown("npu-smi: no NPU found")
    return found


def listed_chips(host: Host) -> tuple[ChipNumbers, ...]:
    """The chips that compute, by npu-smi; empty where the host has no card."""
    return npu_smi.mapping(listing(host, "npu-smi info -m"))


def chips(host: Host) -> tuple[ChipNumbers, ...]:
    """The chips that compute. Unknown where there is none: what is said of no chip is said of nothing."""
    found = listed_chips(host)
    if not found:
        raise Unknown("npu-smi: no NPU found")
    return found


def chip_name(chip: ChipNumbers) -> str:
    """How a finding names a chip: by its number in /dev/davinciN."""
    return f"NPU {chip.logic}"


def device_number(chip: ChipNumbers) -> int:
    """A chip's number for hccn_tool: the physical one, where npu-smi tells it; else its card's, which has no other."""
    return chip.npu if chip.phy is None else chip.phy


def may_have_port(chip: ChipNumbers) -> bool:
    """Whether a chip has a network port of its own; of a model that the suite does not know, it may."""
    row = ascend_models.find(chip.name)
    return row is None or row.port_speed is not None


def npu_smi_answers(host: Host) -> ToolAnswers:
    """What npu-smi reports of each card and of each chip's health."""
    found = chips(host)
    cards = " ".join(dict.fromkeys(str(chip.npu) for chip in found))
    pairs = " ".join(f"{chip.npu}:{chip.chip}" for chip in found)
    command = (
        f"for i in {cards}; do for t in {' '.join(OF_CARD)}; do q npu-smi info -t $t -i $i; done; done; "
        f"for c in {pairs}; do q npu-smi info -t health -i ${{c%:*}} -c ${{c#*:}}; done"
    )
    return ToolAnswers(found, answers.parse(host.read(answers.ASK + command, deadline=DEADLINE)))


def work_modes(host: Host) -> ToolAnswers:
    """What npu-smi reports of the work mode of each card."""
    found = chips(host)
    cards = " ".join(dict.fromkeys(str(chip.npu) for chip in found))
    loop = f"for i in {cards}; do q npu-smi info -t work-mode -i $i; done"
    return ToolAnswers(found, answers.parse(host.read(answers.ASK + loop, deadline=DEADLINE)))


def hccs_answers(host: Host) -> ToolAnswers:
    """What npu-smi reports of each chip's links to the others of the server."""
    found = chips(host)
    pairs = " ".join(f"{chip.npu}:{chip.chip}" for chip in found)
    loop = f"for c in {pairs}; do q npu-smi info -t hccs -i ${{c%:*}} -c ${{c#*:}}; done"
    return ToolAnswers(found, answers.parse(host.read(answers.ASK + loop, deadline=DEADLINE)))


def port_answers(host: Host, kinds: Sequence[str] = OF_PORT) -> ToolAnswers:
    """What hccn_tool reports of each chip's network port, by kind of question; of no chip where none has a port."""
    found = tuple(chip for chip in chips(host) if may_have_port(chip))
    if not found:
        return ToolAnswers((), Answers({}))
    numbers = " ".join(str(device_number(chip)) for chip in found)
    loop = f"for i in {numbers}; do for t in {' '.join(kinds)}; do q ./hccn_tool -i $i -$t -g; done; done"
    return ToolAnswers(
        found, answers.parse(host.read(f"{answers.ASK}cd {TOOLS} && {ALONE} && {loop}", deadline=DEADLINE))
    )


def hccn_tool_answers(host: Host, kinds: Sequence[str] = OF_PORT) -> ToolAnswers:
    """As `port_answers`. NotApplicable where no chip has a port."""
    if not (found := port_answers(host, kinds)).chips:
        raise NotApplicable(NO_PORT)
    return found


def lost_packets(host: Host, number: int, address: str) -> int:
    """How many packets are lost between a port and an address."""
    answer = host.run_active([0, 1], PING, number, address, deadline=30.0)
    return hccn.lost(answer.text)


def port_addresses(tool: ToolAnswers) -> dict[npu_smi.ChipNumbers, DeviceAddress | None]:
    """By chip the address of its port; None where hccn_tool says that it has none."""
    return {
        chip: None if hccn.has_no_address(tool.port_words(chip, "ip")) else hccn.ip(tool.port(chip, "ip"))
        for chip in tool.chips
    }


def port_health(tool: ToolAnswers) -> dict[str, str]:
    """By chip what its port says of its network."""
    return {chip_name(chip): hccn.net_health(tool.port(chip, "net_health")) for chip in tool.chips}


def device_files(host: Host) -> list[str]:
    """The device files of the NPUs, `/dev/davinci0` and so on; without the driver's own (davinci_manager)."""
    found = host.lines("find /dev -maxdepth 1 -name 'davinci[0-9]*'")
    for line in found:
        if not re.fullmatch("/dev/davinci[0-9]+", line):
            raise unparsable("find /dev", line)
    return found


def health_of(host: Host) -> dict[str, ChipHealth]:
    """By chip its own health."""
    tool = npu_smi_answers(host)
    return {chip_name(chip): npu_chip.health(tool.health(chip)) for chip in tool.chips}


def faulty_chips_of(host: Host) -> dict[int, int]:
    """By card how many of its chips npu-smi counts as faulty; 0 also for one that it tells nothing of (P03 says so)."""
    tool = npu_smi_answers(host)
    return {npu: npu_chip.faulty_chips(tool.answers.words_of(f"npu-smi info -t board -i {npu}")) for npu in tool.cards}


def ecc_of(host: Host) -> list[tuple[str, Ecc]]:
    """The memory's counters of each chip, by the name of its card where a card has several."""
    tool = npu_smi_answers(host)
    return [(f"card {npu}", ecc) for npu in tool.cards for ecc in npu_chip.ecc(tool.card(npu, "ecc"))]


@dataclass(frozen=True, slots=True)
class ChipState:
    """Rates, clocks, temperature and power of a chip, with its name in a finding and its model."""

    name: str
    model: str
    state: Common


def states_of(host: Host) -> list[ChipState]:
    """The state of each chip. Unparsable for one that npu-smi's mapping does not have."""
    tool = npu_smi_answers(host)
    models = {(chip.npu, chip.chip): chip.name for chip in tool.chips}
    found = [(card, common) for card in tool.cards for common in npu_chip.common(tool.card(card, "common"))]
    if strange := [f"card {card} chip {common.chip}" for card, common in found if (card, common.chip) not in models]:
        raise unparsable("npu-smi info -m", strange[0], "no chip like that of -t common")
    return [ChipState(f"card {card} chip {c.chip}", models[card, c.chip], c) for card, c in found]
