"""The matrix shown by every report: hosts as columns, stages and checks as rows, one cell per test and host."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from pathlib import PurePath

from dlws.record.ledger import HostRow, ItemRow, Ledger, Outcome, Result
from dlws.verdict import Verdict

NO_HOSTS = ("control", "cluster")  # columns that are not hosts: the machine that runs the suite, the whole cluster

# Headings: the runbook's sections, the catalogue's groups (in the catalogue's order).
SECTIONS = {
    "2.1": "Requirements",
    "2.2": "Host names",
    "2.3": "Public DNS record",
    "2.4": "Name resolution",
    "3.1": "Paths",
    "3.2": "Cluster configuration",
    "3.3": "Control host",
    "3.4": "Cluster ID and keys",
    "3.5": "Root credential",
    "3.6": "Admin user and SSH keys",
    "3.7": "Names and reachability",
    "3.8": "Node environment",
    "3.9": "GPU runtime",
    "3.10": "kubeadm",
    "3.11": "Kubernetes",
    "3.12": "Shared storage",
    "3.13": "Device plugins",
    "3.14": "NodePort range",
    "3.15": "Web UI configuration",
    "3.16": "Cluster applications",
}
AREAS = {
    "H": "Host and OS",
    "N": "Network and DNS",
    "U": "Users, SSH, sudo",
    "S": "Storage and NFS",
    "R": "Container runtime",
    "G": "NVIDIA GPU",
    "P": "Ascend NPU",
    "C": "Kubernetes control plane",
    "K": "Kubernetes nodes",
    "W": "Workloads",
    "D": "DLWS services",
    "X": "Security",
    "T": "Certificates",
    "Q": "Capacity",
}


class Kind(StrEnum):
    """How a cell is shown: its verdict or, for a stage that passed, whether it changed anything. Worst first."""

    UNREACHABLE = "unreachable"
    FAIL = "failed"
    UNKNOWN = "unknown"
    WARN = "warning"
    PLANNED = "planned"
    NOT_RUN = "not run"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    PASS = "ok"
    WAIVED = "waived"
    DEVIATION = "deviation"
    NA = "n/a"


_OF_VERDICT = {
    Verdict.PASS: Kind.PASS,
    Verdict.FAIL: Kind.FAIL,
    Verdict.WARN: Kind.WARN,
    Verdict.UNKNOWN: Kind.UNKNOWN,
    Verdict.WAIVED: Kind.WAIVED,
    Verdict.DEVIATION: Kind.DEVIATION,
    Verdict.NA: Kind.NA,
    Verdict.UNREACHABLE: Kind.UNREACHABLE,
    Verdict.NOT_RUN: Kind.NOT_RUN,
}


def kind_of(result: Result | None) -> Kind:
    """How the result of a test is shown; `None` stands for a collected test without a result."""
    if result is None:
        return Kind.NOT_RUN
    if result.verdict is Verdict.PASS and result.outcome in (Outcome.CHANGED, Outcome.UNCHANGED):
        return Kind.CHANGED if result.outcome is Outcome.CHANGED else Kind.UNCHANGED
    if result.verdict in (Verdict.PASS, Verdict.NOT_RUN) and result.outcome is Outcome.PLANNED:
        return Kind.PLANNED
    return _OF_VERDICT[result.verdict]


def kind_of_verdict(verdict: Verdict) -> Kind:
    """How a verdict without a result, such as that of a proof, is shown."""
    return _OF_VERDICT[verdict]


@dataclass(frozen=True, slots=True)
class Cell:
    """One test on one host; `result` is None if the test has no result there."""

    item: ItemRow
    result: Result | None

    @property
    def kind(self) -> Kind:
        """How it is shown."""
        return kind_of(self.result)


@dataclass(slots=True)
class Row:
    """One test (a stage or a check) and its cell on every host it was collected for.

    `key` is its id or, for a stage, its name; `item` represents all its cells, whose items differ only in the host.
    """

    key: str
    item: ItemRow
    cells: dict[str, Cell] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The function's name without `test_`."""
        return self.item.name

    @property
    def sample(self) -> Result | None:
        """Any one result, for severity, source and Chinese title; None if the test ran nowhere."""
        return next((cell.result for cell in self.cells.values() if cell.result), None)

    @property
    def is_stage(self) -> bool:
        """True for a stage of the runbook, False for a check."""
        return self.item.stage

    @property
    def id(self) -> str:
        """The catalogue's id, such as `H09`; empty for a stage."""
        return self.item.id

    @property
    def section(self) -> str:
        """The runbook's section, such as `3.11`; empty if there is none."""
        return self.item.section

    @property
    def title(self) -> str:
        """The English title without its full stop or, failing that, the name with spaces."""
        return self.item.title.removesuffix(".") or self.name.replace("_", " ")

    @property
    def area(self) -> str:
        """`3.11 Kubernetes` for a stage, `Host and OS` for a check."""
        if self.is_stage:
            return f"{self.section} {SECTIONS.get(self.section, '')}".strip() or "Other stages"
        return AREAS.get(self.id[:1], "") or _file_in_words(self.item.nodeid)


@dataclass(frozen=True)
class Matrix:
    """All columns and rows of a run: stages in the runbook's order, checks by area and id."""

    hosts: tuple[HostRow, ...]
    stages: tuple[Row, ...]
    checks: tuple[Row, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """Stages, then checks."""
        return self.stages + self.checks


def build(ledger: Ledger) -> Matrix:
    """The matrix of a ledger. Results without a collected item get a cell too, so nothing is dropped."""
    results: dict[str, dict[str, Result]] = {}  # by test and host: a key for each pair would be text of its own
    for result in ledger.results:
        results.setdefault(result.id or result.name, {})[result.host] = result
    rows: dict[str, Row] = {}
    for item in ledger.run.items:
        key = item.id or item.name
        row = rows.get(key) or rows.setdefault(key, Row(key, item))
        row.cells[item.host] = Cell(item, results.get(key, {}).get(item.host))
    for result in ledger.results:
        key = result.id or result.name
        if key not in rows or result.host not in rows[key].cells:
            item = _item_of(result)
            rows.setdefault(key, Row(key, item)).cells[result.host] = Cell(item, result)
    return Matrix(
        hosts=tuple(_hosts(ledger.run.hosts, rows.values())),
        stages=tuple(sorted((r for r in rows.values() if r.is_stage), key=lambda row: in_order(row.section))),
        checks=tuple(sorted((row for row in rows.values() if not row.is_stage), key=_catalogue_order)),
    )


def by_area(rows: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Rows under their headings, in order."""
    for area, members in groupby(rows, key=lambda row: row.area):
        yield area, list(members)


def fold(hosts: Sequence[HostRow], rows: Sequence[Row]) -> list[list[HostRow]]:
    """Group hosts that look the same in every row, in the order of each group's first host."""
    groups: dict[tuple[Kind | None, ...], list[HostRow]] = {}
    for host in hosts:
        look = tuple(row.cells[host.name].kind if host.name in row.cells else None for row in rows)
        groups.setdefault(look, []).append(host)
    return list(groups.values())


def group_of(nodeid: str) -> str:
    """The JUnit class name: `checks/host/swap.py::test_swap_is_off[x]` -> `checks.host.swap`."""
    path, *names = nodeid.partition("[")[0].split("::")
    parts = path.removesuffix(".py").split("/")
    return ".".join([*parts[:-1], parts[-1].removeprefix("test_"), *names[:-1]])


def _file_in_words(nodeid: str) -> str:
    return PurePath(nodeid.partition("::")[0]).stem.removeprefix("test_").replace("_", " ")


def _item_of(result: Result) -> ItemRow:
    about = {name: getattr(result, name) for name in ("nodeid", "name", "host", "stage", "id", "section", "title")}
    return ItemRow(**about)


def _hosts(hosts: Sequence[HostRow], rows: Iterable[Row]) -> Iterator[HostRow]:
    """`NO_HOSTS` first, to be seen among a hundred columns; then unlisted hosts with results, then the run's hosts."""
    listed = {host.name for host in hosts}
    unlisted = dict.fromkeys(name for row in rows for name in row.cells if name not in listed)
    columns = [*(HostRow(name=name, address="", kind="", role="") for name in unlisted), *hosts]
    yield from sorted(columns, key=lambda host: (*NO_HOSTS, host.name).index(host.name))


def in_order(section: str) -> tuple[int, ...]:
    """A key that sorts the runbook's sections, and ids, by their numbers; those without a number come last."""
    return tuple(int(part) for part in re.findall(r"\d{1,18}", section)) or (99,)


def _catalogue_order(row: Row) -> tuple[int, str, tuple[int, ...]]:
    letters = list(AREAS)
    has_area = row.id[:1] in letters
    return (letters.index(row.id[0]), "", in_order(row.id)) if has_area else (len(letters), row.area, in_order(row.id))
