"""The summary printed at the end of a run: matrix, what to fix first, what was not run, the verdict and the files.

Rows are stages (in an audit, areas of checks) and columns are hosts; if there are many, hosts that look the same share
one. Marks are distinct even without colour, and 80 characters are wide enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from dlws.record.ledger import HostRow, Ledger
from dlws.record.printable import clip, one_line
from reports import critical_path, matrix
from reports.findings import Finding, Group
from reports.marks import MARKS
from reports.matrix import Kind, Matrix, Row
from reports.overview import Overview
from reports.summary import State, Summary
from reports.text import count, duration

MOST_HOSTS = 12  # more are folded into columns of hosts that look the same, and findings into a line each
MOST_ROWS = 40  # more are folded into one row per section
MOST_NOT_RUN = 20
MOST_FINDINGS = 40  # per group; a preflight shows all, since findings are what it is run for
MOST_BRIEF = 5  # findings per group, and reasons for tests not run, where hosts are many: the whole is one screen
MOST_EXPLAINED = 8  # names shown of the tests that a finding explains
MOST_STEPS = 6
_NAME = 34  # characters shown of a row's name
_COLOUR = {State.GOOD: "bold green", State.BAD: "bold red", State.INCOMPLETE: "bold yellow", State.PLANNED: "bold cyan"}

Line = tuple[str, dict[str, Kind]]


def show(overview: Overview, console: Console, files: Iterable[Path] = (), faults: Iterable[str] = ()) -> None:
    """Print the summary of a run. `files` are the reports written, `faults` say which could not be written and why."""
    ledger, rows, summary = overview.ledger, overview.matrix, overview.summary
    lines = list(_stage_lines(rows.stages)) + list(_area_lines(rows.checks))
    printer = _Printer(console)
    printer.matrix(rows, lines)
    printer.counts(summary)
    many = sum(host.name not in matrix.NO_HOSTS for host in rows.hosts) > MOST_HOSTS
    show_group = printer.briefly if many else printer.findings
    for group in summary.groups:
        most = MOST_BRIEF if many else MOST_FINDINGS
        show_group(group, len(group.findings) if ledger.run.command == "preflight" else most)
    printer.gaps(summary, MOST_BRIEF if many else MOST_NOT_RUN)
    timing = critical_path.timing(ledger)
    if timing and not ledger.run.plan:
        printer.timing(timing)
    printer.end(ledger, summary)
    for file in files:
        printer.plain(Text(f"  {file}"))
    for fault in faults:
        printer.line("  ", (one_line(fault), "bold red"), indent=4)


def _stage_lines(stages: Sequence[Row]) -> Iterator[Line]:
    """One line per stage or, if there are very many, one per section with each host's worst result."""
    if len(stages) > MOST_ROWS:
        yield from ((one_line(area), _worst(rows)) for area, rows in matrix.by_area(stages))
    else:
        yield from (
            (f"{row.section:<4} {one_line(row.name)}", {h: c.kind for h, c in row.cells.items()}) for row in stages
        )


def _area_lines(checks: Sequence[Row]) -> Iterator[Line]:
    """One line per area of checks, with each host's worst result."""
    yield from ((f"{one_line(area)} ({len(rows)})", _worst(rows)) for area, rows in matrix.by_area(checks))


def _worst(rows: Sequence[Row]) -> dict[str, Kind]:
    order = list(Kind)
    hosts = dict.fromkeys(host for row in rows for host in row.cells)
    kinds = {host: [row.cells[host].kind for row in rows if host in row.cells] for host in hosts}
    return {host: min(seen, key=order.index) for host, seen in kinds.items()}


class _Printer:
    """Prints to a console, using only characters it can show."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.unicode = console.encoding.lower().startswith("utf")

    def mark(self, kind: Kind) -> Text:
        mark = MARKS[kind]
        return Text(mark.glyph if self.unicode else mark.ascii, mark.style)

    def line(self, *parts: str | Text | tuple[str, str], indent: int = 0) -> None:
        """Print a paragraph; lines after the first are indented by `indent` characters."""
        text = Text.assemble(*parts)
        width = max(self.console.width - indent, 20)
        for number, part in enumerate(text.wrap(self.console, width, tab_size=4)):
            pad = "" if number == 0 else " " * indent
            self.plain(Text(pad) + part)

    def plain(self, text: Text) -> None:
        """Print one line as it is."""
        text.rstrip()
        self.console.print(text, soft_wrap=True, highlight=False)

    def packed(self, parts: Sequence[Text], between: str) -> None:
        """Print as many parts to a line as fit, breaking none of them."""
        line = Text()
        for part in parts:
            if line and line.cell_len + len(between) + part.cell_len > self.console.width:
                self.plain(line)
                line = Text()
            line = line + Text(between) + part if line else part
        if line:
            self.plain(line)

    def title(self, words: str) -> None:
        self.line("")
        self.line((words, "bold"))

    def matrix(self, rows: Matrix, lines: Sequence[Line]) -> None:
        if not lines:
            return
        used = [host for host in rows.hosts if any(host.name in kinds for _, kinds in lines)]
        machines = [host for host in used if host.name not in matrix.NO_HOSTS]
        groups = _fold(used, lines) if len(machines) > MOST_HOSTS else [[host] for host in used]
        width = min(max(len(name) for name, _ in lines), _NAME)
        space = self.console.width - width - 1
        names = [_column_name(group) for group in groups]
        headings = next((h for h in _headings(names) if sum(_width(column) for column in h) <= space), None)
        legend = []
        if headings is None:  # the names do not fit: use letters, explained below the matrix
            fit = max(space // 3, 1)
            legend = [f"{_letter(n)} {name}" for n, name in enumerate(names[:fit])]
            if left_out := groups[fit:]:
                legend.append(f"({count(sum(map(len, left_out)), 'host')} more do not fit here; see report.html)")
            groups, headings = groups[:fit], [[_letter(n)] for n in range(len(groups[:fit]))]
        widths = [_width(column) for column in headings]
        for level in range(max(map(len, headings))):
            cells = (
                f"{column[level] if level < len(column) else '':^{w}}"
                for column, w in zip(headings, widths, strict=True)
            )
            self.plain(Text(" " * (width + 1) + "".join(cells), "bold"))
        for name, kinds in lines:
            self._row(clip_end(name, width), width, [kinds.get(group[0].name) for group in groups], widths)
        self.line("")
        used_kinds = [kind for kind in Kind if any(kind in kinds.values() for _, kinds in lines)]
        self.packed([Text.assemble(self.mark(kind), f" {kind}") for kind in used_kinds], "   ")
        self.packed([Text(words) for words in legend], "   ")

    def _row(self, name: str, width: int, kinds: Sequence[Kind | None], widths: Sequence[int]) -> None:
        text = Text(f"{name:<{width}} ")
        for kind, column in zip(kinds, widths, strict=True):
            mark = self.mark(kind) if kind else Text(" ")
            mark.align("center", column)
            text.append_text(mark)
        self.plain(text)

    def counts(self, summary: Summary) -> None:
        self.line("")
        counts = [Text(f"{number:,} {kind}") for kind, number in summary.counts.items()]
        self.packed(counts or [Text("no test")], "   ")

    def findings(self, group: Group, most: int) -> None:
        self.title(group.title)
        for finding in group.findings[:most]:
            for message, results in finding.by_message.items():
                hosts = _first_hosts([result.host for result in results])
                name = (
                    f"{finding.row.id} " if finding.row.id else f"{finding.row.section} " if finding.row.section else ""
                )
                shown = clip_end(one_line(clip(message, 2000)), 400)
                self.line(
                    self.mark(finding.kind), " ", (hosts, "bold"), f": {name}{finding.row.name}: {shown}", indent=2
                )
            if finding.fix:
                self.line("  fix: ", one_line(finding.fix), indent=7)
            if finding.explains:
                self.line(f"  so not run: {_not_run(finding)}", indent=14)
        self.left_out(len(group.findings) - most)

    def left_out(self, number: int) -> None:
        """Say how many findings are not shown, if any."""
        if number > 0:
            self.line(f"  and {number} more; see report.html")

    def briefly(self, group: Group, most: int) -> None:
        """Print one line for each finding, however many hosts have it, and one for its fix; the widest first."""
        self.title(group.title)
        widest = sorted(group.findings, key=lambda finding: -len(finding.results))
        for finding in widest[:most]:
            message, *others = finding.by_message
            hosts = _how_many([result.host for result in finding.results])
            name = f"{finding.row.id or finding.row.section} {finding.row.name}".strip()
            also = f" ({count(len(others), 'other answer')})" if others else ""
            shown = Text.assemble(self.mark(finding.kind), " ", (hosts, "bold"), f": {name}{also}: {_start(message)}")
            self.clipped(shown)
            if finding.fix:
                self.clipped(Text(f"  fix: {_start(finding.fix)}"))
            if finding.explains:
                self.clipped(Text(f"  so not run: {_not_run(finding)}"))
        self.left_out(len(group.findings) - most)

    def clipped(self, text: Text) -> None:
        """Print the beginning of a text that fits on one line."""
        text.truncate(self.console.width, overflow="ellipsis" if self.unicode else "crop")
        self.plain(text)

    def gaps(self, summary: Summary, most: int) -> None:
        if not summary.gaps:
            return
        self.title("Not run")
        left = MOST_NOT_RUN
        for gap in summary.gaps[:most]:
            names = [row.name for row in gap.rows]
            shown, left = names[: max(left, 0)], left - len(names)
            more = len(names) - len(shown)
            what = ", ".join(shown) + (
                f" and {more} more" if shown and more else f"{count(more, 'test')}" if more else ""
            )
            self.line(
                self.mark(Kind.NOT_RUN),
                f" {_first_hosts(gap.hosts)}: {one_line(what)} ({one_line(gap.reason)})",
                indent=2,
            )
        if len(summary.gaps) > most:
            self.line(f"  and more for {count(len(summary.gaps) - most, 'other reason')}; see report.html")

    def timing(self, timing: critical_path.Timing) -> None:
        """Print wall time and critical path, with the path's longest stages."""
        longest = sorted(timing.path, key=lambda step: -step[1])[:MOST_STEPS]
        steps = [f"{label} {duration(seconds)}" for label, seconds in timing.path if (label, seconds) in longest]
        figures = f"{duration(timing.wall)}, critical path {duration(timing.critical)} ({timing.ratio:.2f} times)"
        self.line("")
        self.line(f"Wall time {figures}: ", one_line(" > ".join(steps)), indent=2)

    def end(self, ledger: Ledger, summary: Summary) -> None:
        run, end = ledger.run, ledger.end
        self.line("")
        took = f" ({duration(end.seconds)})" if end else ""
        replay = f", replay of {one_line(run.replays)}" if run.replays else ""
        self.line((f"{run.cluster} {run.command}{replay}: {one_line(summary.headline)}", _COLOUR[summary.state]), took)


def _fold(hosts: Sequence[HostRow], lines: Sequence[Line]) -> list[list[HostRow]]:
    groups: dict[tuple[Kind | None, ...], list[HostRow]] = {}
    for host in hosts:
        groups.setdefault(tuple(kinds.get(host.name) for _, kinds in lines), []).append(host)
    return list(groups.values())


def _column_name(group: Sequence[HostRow]) -> str:
    return one_line(group[0].name) + (f" +{len(group) - 1}" if len(group) > 1 else "")


def _headings(names: Sequence[str]) -> Iterator[list[list[str]]]:
    """The column names on one line; then, narrower, on two lines, broken at a hyphen or blank."""
    yield [[name] for name in names]
    yield [re.sub(r"[- ](?=[^- ]*$)", lambda m: f"{m[0].strip()}\n", name).split("\n") for name in names]


def _width(column: Sequence[str]) -> int:
    return max(map(len, column)) + 2


def _letter(number: int) -> str:
    return chr(ord("A") + number) if number < 26 else f"{number - 25}"


def _not_run(finding: Finding) -> str:
    """The tests that a finding explains, and where: `K01, K02 and 3 more on atlas01`."""
    hosts = tuple(dict.fromkeys(host for gap in finding.explains for host in gap.hosts))
    names = tuple(dict.fromkeys(row.id or row.name for gap in finding.explains for row in gap.rows))
    more = f" and {len(names) - MOST_EXPLAINED} more" if len(names) > MOST_EXPLAINED else ""
    return f"{one_line(', '.join(names[:MOST_EXPLAINED]))}{more} on {_first_hosts(hosts)}"


def _first_hosts(hosts: Sequence[str]) -> str:
    """The first four hosts and the number of the others."""
    shown = ", ".join(one_line(host) for host in hosts[:4])
    return shown + (f" and {len(hosts) - 4} more" if len(hosts) > 4 else "")


def _how_many(hosts: Sequence[str]) -> str:
    """A host by name, or the first of many with their number: `100 hosts (node0001, ...)`."""
    if len(hosts) == 1:
        return one_line(hosts[0])
    return f"{count(len(hosts), 'host')} ({one_line(hosts[0])}, ...)"


def _start(text: str) -> str:
    """The beginning of a text, on one line and no longer than a terminal is wide."""
    return one_line(clip(text, 2000))[:400]


def clip_end(text: str, limit: int) -> str:
    """`text`, cut to `limit` characters including the `..` at its end."""
    return text if len(text) <= limit else text[: limit - 2] + ".."
