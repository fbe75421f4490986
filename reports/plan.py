"""The text of a `--plan` run: per host and stage, the exact actions that an install would take. Nothing was changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlws.record.ledger import HostRow, Result
from dlws.record.printable import one_line, plain
from dlws.verdict import Verdict
from reports import matrix
from reports.matrix import Kind, Matrix, Row
from reports.overview import Overview
from reports.text import count


def render(overview: Overview) -> str:
    """The plan as text, with findings and whatever could not be planned at its end."""
    ledger, rows, summary = overview.ledger, overview.matrix, overview.summary
    lines = [f"{ledger.run.cluster}: {summary.headline}."]
    for host in rows.hosts:
        lines += _host(host, rows)
    for finding in summary.findings:
        for message, results in finding.by_message.items():
            hosts = ", ".join(result.host for result in results)
            lines += ["", f"{finding.kind} {hosts}: {finding.row.name}: {one_line(message)}"]
        lines += [f"  fix: {one_line(finding.fix)}"] if finding.fix else []
    for gap in (*(gap for finding in summary.findings for gap in finding.explains), *summary.gaps):
        names = ", ".join(row.name for row in gap.rows)
        lines += ["", f"not planned on {', '.join(gap.hosts)}: {names} ({one_line(gap.reason)})"]
    return "\n".join(plain(line) for line in lines) + "\n"


def _host(host: HostRow, rows: Matrix) -> Iterator[str]:
    stages = [(row, row.cells[host.name]) for row in rows.stages if host.name in row.cells]
    if not stages:
        return
    planned = [(row, cell.result) for row, cell in stages if cell.kind is Kind.PLANNED and cell.result]
    passed = sum(cell.kind in (Kind.PASS, Kind.UNCHANGED, Kind.CHANGED, Kind.WAIVED) for _, cell in stages)
    proofs = [(row, proof) for row, cell in stages if cell.result for proof in cell.result.proofs]
    accepted = [(row, proof) for row, proof in proofs if proof.verdict is Verdict.WAIVED]
    facts = ", ".join(fact for fact in (host.address, host.kind, host.role) if fact)
    yield ""
    yield f"{host.name} ({facts})" if host.name not in matrix.NO_HOSTS else host.name
    if host.host_key:
        yield f"  SSH host key: {one_line(host.host_key)}"
    for row, proof in accepted:
        yield f"  {row.section:<5} {row.name}: goes on with an accepted finding: {one_line(proof.sentence)}"
    for row, result in planned:
        yield from _stage(row, result)
    yield (
        f"  {count(passed, 'stage')} already {'holds' if passed == 1 else 'hold'}"
        if passed
        else "  no stage holds already"
    )


def _stage(row: Row, result: Result) -> Iterator[str]:
    if result.actions:
        yield f"  {row.section:<5} {row.name}: {one_line(row.title)}"
        yield from _actions([action.text for action in result.actions])
    else:
        yield f"  {row.section:<5} {row.name}: {one_line(result.sentence) or 'no action'}"


def _actions(texts: Sequence[str]) -> Iterator[str]:
    """Each action as it is, numbered; continuation lines are indented."""
    for number, text in enumerate(texts, start=1):
        first, *rest = text.splitlines() or [""]
        yield f"        {number}. {first}"
        yield from (f"           {line}" for line in rest)
