"""G: what the GPUs' memory and driver have recorded of errors (G08 to G12, G22, G23, G25)."""

from __future__ import annotations

from checks.gpu import presence
from dlws.engine.check import active, check, expect
from dlws.engine.targets import gpu_hosts
from dlws.facts.nvidia import (
    REPAIRS,
    answer_of,
    card_name,
    cards,
    cards_that_retire_pages,
    counting_cards,
    kernel_errors,
    remapped_rows_by_card,
    required_field,
    required_number,
    retired_pages,
)
from dlws.parse.accelerators import dcgm, nvidia_log, nvidia_repairs
from dlws.parse.text import number, unparsable
from dlws.remote.host import Host
from dlws.verdict import NotApplicable, Severity, Unknown

CORRECTED = 50_000_000
"""Corrected errors since the driver was loaded from which on gcm counts a card as ailing."""
RETIRED, NOTABLY_RETIRED = 60, 10
"""Retired pages: at more than 60 the product raises its alert (RetiredPages); NVIDIA replaces cards at 60."""
REMAPPED_ROWS = 512
"""Rows with uncorrectable errors that a card can replace."""
BOOTING = 3600
"""Seconds since the boot; journald may miss the very first lines, but a log that begins later has been cut."""
DAY = 24 * 3600
UPTIME = "cut -d. -f1 /proc/uptime"
DIAGNOSE = "timeout -k 5 280 dcgmi diag -r 1 -j"


@check(
    "G08",
    section="2.1",
    source="gcm, NvidiaSmiEccError",
    on=gpu_hosts,
    title_zh="GPU 无不可纠正 ECC 错误",
    causes=[presence.test_gpus_answer],
    fix="drain the host and reset the card; if errors recur, replace it",
)
def test_gpu_memory_has_no_uncorrected_error(host: Host) -> None:
    """No GPU has had an uncorrected ECC error since its driver was loaded."""
    field = "ecc.errors.uncorrected.volatile.total"
    found = [(card_name(card), required_number(card, field)) for card in counting_cards(cards(host))]
    expect("GPUs with uncorrected ECC errors", found=[f"{name} {n}" for name, n in found if n], expected=[])


@check(
    "G09",
    section="2.1",
    source="gcm",
    on=gpu_hosts,
    severity=Severity.WARNING,
    title_zh="GPU 可纠正 ECC 错误数低于限值",
    causes=[presence.test_gpus_answer],
    fix="watch the card; replace it if it slows jobs down or uncorrected errors appear",
)
def test_gpu_memory_errors_are_few(host: Host) -> None:
    """No GPU has had more than 50 million corrected ECC errors since its driver was loaded.

    The uncorrected errors of its lifetime are in the evidence.
    """
    for card in (found := counting_cards(cards(host))):
        required_number(card, "ecc.errors.uncorrected.aggregate.total")
    field = "ecc.errors.corrected.volatile.total"
    many = [
        f"{card_name(card)} {required_number(card, field)}"
        for card in found
        if required_number(card, field) > CORRECTED
    ]
    expect("GPUs with too many corrected ECC errors", found=many, expected=[])


@check(
    "G10",
    section="2.1",
    source="gcm, product alert",
    on=gpu_hosts,
    title_zh="GPU 无待退役页且退役页未超限",
    causes=[presence.test_gpus_answer],
    fix="drain the host and reset the card to retire pending pages; above 60 pages, replace it",
)
def test_gpu_pages(host: Host) -> None:
    """No GPU has memory pages pending retirement or more than 60 retired pages.

    From Ampere on, GPUs remap rows instead (G11).
    """
    found = cards_that_retire_pages(host)
    pending = [card_name(c) for c in found if required_field(c, "retired_pages.pending") in ("Yes", "1")]
    expect("GPUs with pages pending retirement", found=pending, expected=[])
    many = [f"{card_name(card)} {retired_pages(card)}" for card in found if retired_pages(card) > RETIRED]
    expect(f"GPUs with more than {RETIRED} retired pages", found=many, expected=[])


@check(
    "G23",
    section="2.1",
    source="gcm",
    on=gpu_hosts,
    severity=Severity.WARNING,
    title_zh="GPU 退役页不超过 10 个",
    causes=[presence.test_gpus_answer],
    fix="watch the card: its memory wears out. Replace at 60 pages",
)
def test_gpu_pages_are_few(host: Host) -> None:
    """No GPU has retired more than 10 memory pages."""
    many = [
        f"{card_name(card)} {retired_pages(card)}"
        for card in cards_that_retire_pages(host)
        if retired_pages(card) > NOTABLY_RETIRED
    ]
    expect(f"GPUs with more than {NOTABLY_RETIRED} retired pages", found=many, expected=[])


@check(
    "G11",
    section="2.1",
    source="azurehpc check_gpu_row_remap",
    on=gpu_hosts,
    title_zh="GPU 显存行重映射正常",
    causes=[presence.test_gpus_answer],
    fix="drain the host and reset the card to remap pending rows; after a failure, replace it",
)
def test_gpu_rows(host: Host) -> None:
    """No GPU has pending or failed row remappings, or few spare rows left.

    GPUs up to Turing retire pages instead (G10).
    """
    wrong = []
    for name, row in remapped_rows_by_card(host).items():
        told = {key: required_field(row, f"remapped_rows.{key}") for key in ("failure", "pending", "uncorrectable")}
        wrong += [f"{name} {key}" for key in ("failure", "pending") if told[key] in ("Yes", "1")]
        wrong += [f"{name} {told['uncorrectable']} rows"] if int(told["uncorrectable"]) > REMAPPED_ROWS else []
    expect("GPUs with row remapping problems", found=wrong, expected=[])


@check(
    "G25",
    section="2.1",
    source="nvidia-smi(1), NVIDIA Xid catalogue",
    on=gpu_hosts,
    title_zh="GPU 无待执行的修复、不可修复显存与超限的 SRAM 错误",
    causes=[presence.test_gpus_answer],
    fix="drain the host and reset the card, which carries a pending repair out; for unrepairable memory, or SRAM errors"
    " over the threshold, run NVIDIA's field diagnostic and replace the card",
)
def test_gpus_need_no_repair(host: Host) -> None:
    """No GPU waits for a repair of a memory channel or a TPC, or has memory beyond repair or too many SRAM errors.

    All counters may be 0 while it does.
    """
    found = nvidia_repairs.needed(answer_of(host, REPAIRS))
    if found is None:
        raise NotApplicable("the driver reports no repairs of these GPUs")
    wrong = [f"{card} {what}" for card, those in found.items() for what in those]
    expect("GPUs to be repaired", found=wrong, expected=[])


@check(
    "G12",
    section="2.1",
    source="azurehpc check_gpu_xid, NVIDIA Xid catalogue",
    on=gpu_hosts,
    title_zh="开机以来无严重 Xid/SXid 错误",
    fix="journalctl -k | grep Xid; look up each in NVIDIA's Xid catalogue; reset or replace the card or the board",
)
def test_gpu_driver_has_met_no_grave_error(host: Host) -> None:
    """The kernel log since boot, or of at least the last 24 hours, has no critical error of a GPU or an NVSwitch.

    The driver's own words decide (Fatal, the recovery action of Xid 154), and NVIDIA's Xid catalogue. Errors of an
    application's own are not findings.
    """
    text = kernel_errors(host)
    found = nvidia_log.errors(text)
    expect("critical Xid errors", found=[error.words for error in sorted(set(found.grave))], expected=[])
    if found.unread:
        raise unparsable("kernel log", found.unread[0])
    covered = number("/proc/uptime", host.read(UPTIME)) - (first := nvidia_log.begins(text))
    if first > BOOTING and covered < DAY:
        raise Unknown(f"the kernel log covers only the last {covered / 3600:.0f} h; earlier entries are gone")


@active
@check(
    "G22",
    section="2.1",
    source="DCGM",
    on=gpu_hosts,
    title_zh="DCGM 一级诊断通过",
    causes=[presence.test_gpus_answer],
    fix="run dcgmi diag -r 1 on the host for details; on an idle host, -r 3 finds the cause",
)
def test_gpus_pass_dcgm(host: Host) -> None:
    """The DCGM level 1 diagnostic passes."""
    answer = host.run_active([0, 1, *dcgm.FOUND_SOMETHING], DIAGNOSE, deadline=300.0)
    expect("failed DCGM tests", found=dcgm.failures(answer.text), expected=[])
