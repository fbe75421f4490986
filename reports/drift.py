"""`dlws reports diff RUN_A RUN_B`: what changed between two audits of a cluster, from their records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dlws.record.printable import clip, one_line
from dlws.verdict import Verdict
from reports.marks import MARKS
from reports.matrix import Kind, kind_of_verdict
from reports.record import Record

AUDITS = ("verify", "preflight")
FINDINGS = frozenset({Verdict.FAIL, Verdict.WARN, Verdict.UNKNOWN, Verdict.UNREACHABLE})
LONGEST = 400  # characters shown of a message
FEW = 3  # up to this many checks that changed in the same way are named in full

Row = tuple[Kind | None, str, str]
"""A mark, what changed, and why."""


class NotComparable(Exception):
    """The two runs are not audits of the same cluster; the message says why."""


@dataclass(frozen=True, slots=True)
class Change:
    """One check on one host in both runs, with another verdict or another message."""

    before: Record
    after: Record

    @property
    def is_new_finding(self) -> bool:
        """It is a finding now and was not one before."""
        return self.after["verdict"] in FINDINGS and self.before["verdict"] not in FINDINGS

    @property
    def is_gone_finding(self) -> bool:
        """It was a finding and is not one any more."""
        return self.before["verdict"] in FINDINGS and self.after["verdict"] not in FINDINGS

    @property
    def is_of_facts(self) -> bool:
        """The verdict is the same, but the facts behind it differ."""
        return bool(self.before["verdict"] == self.after["verdict"])


@dataclass(frozen=True)
class Drift:
    """What differs in `after`. Hosts and checks that only one run has are listed, not compared."""

    before: Record
    after: Record

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """Checks that both runs performed on the same host and whose verdict or message differs."""
        old, new = _by_key(self.before), _by_key(self.after)
        pairs = [Change(old[key], new[key]) for key in new if key in old]
        return tuple(change for change in pairs if _verdict(change.before) != _verdict(change.after))

    @cached_property
    def hosts(self) -> dict[str, str]:
        """By host: `new`, `missing`, or how its row of the inventory changed."""
        old, new = ({host["name"]: host for host in run["hosts"]} for run in (self.before, self.after))
        gone = {name: "missing" for name in old if name not in new}
        changed = {
            name: ", ".join(f"{key} {old[name][key]} -> {host[key]}" for key in host if host[key] != old[name][key])
            for name, host in new.items()
            if name in old and host != old[name]
        }
        return gone | changed | {name: "new" for name in new if name not in old}

    @cached_property
    def checks(self) -> tuple[tuple[Record, str], ...]:
        """Checks that only one run has, on a host that both have, with `new` or `missing`. May include findings."""
        old, new = _by_key(self.before), _by_key(self.after)
        shared = {host["name"] for host in self.before["hosts"]} & {host["name"] for host in self.after["hosts"]}
        gone = [(check, "missing") for key, check in old.items() if key not in new and check["host"] in shared]
        return (*gone, *((check, "new") for key, check in new.items() if key not in old and check["host"] in shared))

    @property
    def is_none(self) -> bool:
        """Whether both audits have the same results."""
        return not (self.changes or self.hosts or self.checks)


def between(before: Record, after: Record) -> Drift:
    """What changed between two audits. Raises NotComparable unless cluster and mode are the same."""
    for name in ("cluster", "mode"):
        if before[name] != after[name]:
            raise NotComparable(f"{before['run']} has {name} {before[name]}, {after['run']} has {after[name]}")
    if before["mode"] not in AUDITS:
        raise NotComparable(f"{before['run']} and {after['run']} are not audits: mode {before['mode']}")
    return Drift(before, after)


def show(drift: Drift, console: Console) -> None:
    """Print it: findings first, then all other changes."""
    before, after = drift.before, drift.after
    console.print(Text(f"{after['cluster']} {after['mode']}: {before['run']} -> {after['run']}", "bold"))
    for name in ("config_sha256", "suite_version"):
        if before[name] != after[name]:
            console.print(Text(f"{name}: {before[name][:12]} -> {after[name][:12]}"))
    changes = _sorted(drift.changes)
    for title, members in changes.items():
        _section(console, title, list(_changed(members)))
    _section(console, "Hosts", [(None, name, how) for name, how in drift.hosts.items()])
    _section(console, "Checks", list(_added(drift.checks)))
    numbers = {
        **{title.lower(): len(members) for title, members in changes.items()},
        "hosts": len(drift.hosts),
        "checks added or missing": len(drift.checks),
    }
    totals = ", ".join(f"{title}: {number}" for title, number in numbers.items() if number)
    console.print()
    console.print(Text(totals or "Nothing changed", "bold" if totals else "bold green"))


def _sorted(changes: Iterable[Change]) -> dict[str, list[Change]]:
    groups: dict[str, list[Change]] = {
        "New findings": [],
        "Resolved findings": [],
        "Other verdicts": [],
        "Other facts": [],
    }
    for change in changes:
        if change.is_new_finding:
            groups["New findings"].append(change)
        elif change.is_gone_finding:
            groups["Resolved findings"].append(change)
        else:
            groups["Other facts" if change.is_of_facts else "Other verdicts"].append(change)
    return groups


def _changed(changes: Iterable[Change]) -> Iterator[Row]:
    """Group the hosts on which a check changed in the same way, then the checks that did so on the same hosts."""
    hosts: dict[tuple[str, ...], list[Change]] = {}
    for change in changes:
        hosts.setdefault((_name(change.after), *_verdict(change.before), *_verdict(change.after)), []).append(change)
    checks: dict[tuple[Kind, str, str, str], list[Record]] = {}
    for first, *others in hosts.values():
        verdicts = dict.fromkeys([first.before["verdict"], first.after["verdict"]])
        where = ", ".join(change.after["host"] for change in (first, *others))
        checks.setdefault((_kind(first.after), " -> ".join(verdicts), where, _why(first)), []).append(first.after)
    for (kind, how, where, why), same in checks.items():
        yield kind, f"{_names(same)}: {how} on {where}", why


def _added(checks: Iterable[tuple[Record, str]]) -> Iterator[Row]:
    """Like `_changed`, for checks that only one run has."""
    hosts: dict[tuple[str, str, str], list[Record]] = {}
    for check, how in checks:
        hosts.setdefault((_name(check), how, check["verdict"]), []).append(check)
    together: dict[tuple[Kind, str, str, str], list[Record]] = {}
    for (_, how, verdict), same in hosts.items():
        where = ", ".join(check["host"] for check in same)
        together.setdefault((_kind(same[0]), how, verdict, where), []).append(same[0])
    for (kind, how, verdict, where), same in together.items():
        yield kind, f"{_names(same)}: {how} ({verdict}) on {where}", ""


def _why(change: Change) -> str:
    """The new message and the old one; of the old one only the finding, if nothing else differs."""
    before, after = change.before, change.after
    if before["found"] and all(before[name] == after[name] for name in ("what", "expected", "remark")):
        return f"{after['message']}\nwas: {before['found']}"
    now = [after["message"]] if after["message"] else []
    was = [f"was: {before['message']}"] if before["message"] else []
    return "\n".join(now + was)


def _section(console: Console, title: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    console.print()
    console.print(Text(title, "bold"))
    table = Table.grid(padding=(0, 1))
    unicode = console.encoding.lower().startswith("utf")
    for kind, what, why in rows:
        mark = MARKS[kind] if kind else None
        shown = Text((mark.glyph if unicode else mark.ascii) if mark else " ", mark.style if mark else "")
        table.add_row(shown, Text(one_line(what)))
        for line in clip(why, LONGEST).splitlines():
            table.add_row("", Padding(Text(one_line(line), "dim"), (0, 0, 0, 2)))
    console.print(table)


def _by_key(run: Record) -> dict[str, Record]:
    return {check["test"]: check for check in run["checks"]}


def _verdict(check: Record) -> tuple[str, str]:
    return str(check["verdict"]), str(check["message"])


def _name(check: Record) -> str:
    return f"{check['id']} {check['name']}".strip()


def _names(checks: Sequence[Record]) -> str:
    """The names of the checks; if there are more than a few, only their ids."""
    return ", ".join(check["id"] or check["name"] if len(checks) > FEW else _name(check) for check in checks)


def _kind(check: Record) -> Kind:
    return kind_of_verdict(Verdict(check["verdict"]))
