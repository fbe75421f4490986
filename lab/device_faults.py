"""Faults of a host's accelerators, injected as cells of the tables from which the stand-ins answer."""

from __future__ import annotations

from lab import hosts
from lab.faults import Memory, fault, need, script
from lab.network_faults import FAULTS
from lab.plan import LabHost
from lab.process import LabError

__all__ = ["FAULTS"]

CARD = "3"
"""The card or chip that gets the fault."""
CELLS = {
    "ecc_errors": ("gpu", "a GPU has had uncorrected memory errors", "ecc.errors.uncorrected.volatile.total", "2"),
    "ecc_off": ("gpu", "ECC is disabled on a GPU", "ecc.mode.current", "Disabled"),
    "page_pending": ("gpu", "a GPU has a memory page pending retirement", "retired_pages.pending", "Yes"),
    "pages_retired": ("gpu", "a GPU has retired 12 memory pages", "retired_pages.single_bit_ecc.count", "12"),
    "pcie_narrow": ("gpu", "a GPU's PCIe link runs with 8 of 16 lanes", "pcie.link.width.current", "8"),
    "gpu_hot": ("gpu", "a GPU has reached its throttling temperature", "temperature.gpu", "91"),
    "gpu_slowed": ("gpu", "a GPU is throttled by its power brake", "clocks_throttle_reasons.active", "0x80"),
    "gpu_unreadable": ("gpu", "a GPU's temperature cannot be read", "temperature.gpu", "[Unknown Error]"),
    "persistence_off": ("gpu", "a GPU is not in persistence mode", "persistence_mode", "Disabled"),
    "power_capped": ("gpu", "a GPU's power limit has been lowered", "power.limit", "150.00 W"),
    "npu_alarm": ("npu", "a chip raises an alarm", "health", "Alarm"),
    "npu_hbm_error": ("npu", "a chip's HBM has had a double-bit error", "hbm_double_bit", "1"),
    "npu_hot": ("npu", "a chip is at 92 degrees", "temperature", "92"),
    "npu_firmware_old": ("npu", "a card was skipped in a firmware upgrade", "firmware", "1.71.T5.0.B060"),
    "npu_link_down": ("npu", "the link of a chip's network port is down", "link", "DOWN"),
    "npu_net_unhealthy": ("npu", "a chip's port cannot reach its gateway", "net_health", "Receive timeout"),
    "npu_address_lost": ("npu", "a chip's port has a different address than in /etc/hccn.conf", "ip", "10.20.3.250"),
    "npu_fec_differs": ("npu", "a chip's port has a different FEC mode than all others", "fec", "no FEC mode"),
    "npu_dark": ("npu", "a chip's optical module receives no light", "rx_power", "0.0000"),
}
"""By name: the kind of host, a description, and the column and value of the table cell that shows the fault."""

_CELL = 'awk -F "\\t" -v row="$2" -v name="$3" '
_AT = "NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i } "
READ = _CELL + "'" + _AT + 'NR > 1 && $1 == row { print $at }\' "/etc/dlws-lab/$1.tsv"'
# In place, as containers have the table mounted and sed -i would replace the file.
WRITE = (
    "rows=$(" + _CELL + '-v OFS="\\t" -v value="$4" ' + "'" + _AT + "NR > 1 && $1 == row { $at = value } { print }' "
    '"/etc/dlws-lab/$1.tsv"); printf "%s\\n" "$rows" > "/etc/dlws-lab/$1.tsv"'
)


def _replace(host: LabHost, kind: str, column: str, value: str) -> Memory:
    need(host, kind)
    before = hosts.execute(host, READ, kind, CARD, column).strip()
    if not before:
        raise LabError(f"{host.name} has no card {CARD}, or its table no {column}")
    hosts.execute(host, WRITE, kind, CARD, column, value)
    return {"table": kind, "column": column, "before": before}


def _put_back(host: LabHost, memory: Memory) -> None:
    hosts.execute(host, WRITE, memory["table"], CARD, memory["column"], memory["before"])


def _register(name: str, kind: str, sentence: str, column: str, value: str) -> None:
    @fault(name, sentence, _put_back)
    def do(host: LabHost) -> Memory:
        return _replace(host, kind, column, value)


for _name, _cell in CELLS.items():
    _register(_name, *_cell)


@fault("npu_link_flaps", "the link of a chip's network port has just gone down and up again", _put_back)
def _npu_link_flaps(host: LabHost) -> Memory:
    now = hosts.execute(host, "LC_ALL=C date '+%a %b %e %H:%M:%S %Y'").strip()
    return _replace(host, "npu", "link_down", now)


_XID = "kernel: NVRM: Xid (PCI:0000:0b:00): 79, pid=1312, GPU has fallen off the bus."


@fault(
    "xid_in_log",
    "the driver has logged that a GPU fell off the bus",
    script("sed -i '/NVRM: Xid/d' /etc/dlws-lab/kernel.log"),
)
def _xid_in_log(host: LabHost) -> Memory:
    need(host, "gpu")
    hosts.execute(host, 'echo "$(date -u +%Y-%m-%dT%H:%M:%S+0000) $1 $2" >> /etc/dlws-lab/kernel.log', host.name, _XID)
    return {}


@fault(
    "driver_upgraded",
    "the GPU driver was upgraded, but the old module is still loaded",
    script("rm -f /etc/dlws-lab/nvidia-module"),
)
def _driver_upgraded(host: LabHost) -> Memory:
    need(host, "gpu")
    hosts.execute(host, "echo 450.80.02 > /etc/dlws-lab/nvidia-module")
    return {}
