"""`dlws reports diff RUN_A RUN_B`: what changed between two audits of a cluster, from their records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dlws.verdict import Verdict
from reports.marks import MARKS
from reports.matrix import Kind, kind_of_verdict
from reports.record import Record
from reports.text import clip, one_line

AUDITS = ("verify", "preflight")
FINDINGS = frozenset({Verdict.FAIL, Verdict.WARN, Verdict.UNKNOWN, Verdict.UNREACHABLE})
LONGEST = 400  # characters of a message shown
FEW = 3  # checks that changed alike are named in full up to here

Row = tuple[Kind | None, str, str]
"""A mark, what changed, and why."""


class NotComparable(Exception):
    """The two runs are no audits of one cluster; the message says why."""


@dataclass(frozen=True, slots=True)
class Change:
    """One check on one host in both runs, judged otherwise or for another reason."""

    before: Record
    after: Record

    @property
    def is_new_finding(self) -> bool:
        """It is a finding now, and was none."""
        return self.after["verdict"] in FINDINGS and self.before["verdict"] not in FINDINGS

    @property
    def is_gone_finding(self) -> bool:
        """It was a finding, and is none now."""
        return self.before["verdict"] in FINDINGS and self.after["verdict"] not in FINDINGS

    @property
    def is_of_facts(self) -> bool:
        """The verdict is the same, and what was found is not."""
        return bool(self.before["verdict"] == self.after["verdict"])


@dataclass(frozen=True)
class Drift:
    """What is different in `after`. Of hosts and checks that only one of the runs has, the others are not compared."""

    before: Record
    after: Record

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """Checks on hosts that both runs judged, where verdict or message differ."""
        old, new = _by_key(self.before), _by_key(self.after)
        pairs = [Change(old[key], new[key]) for key in new if key in old]
        return tuple(change for change in pairs if _said(change.before) != _said(change.after))

    @cached_property
    def hosts(self) -> dict[str, str]:
        """Host to `new`, `missing`, or how its row of the inventory changed."""
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
        """Checks that only one run has, on a host that both have, with `new` or `missing`; new findings among them."""
        old, new = _by_key(self.before), _by_key(self.after)
        shared = {host["name"] for host in self.before["hosts"]} & {host["name"] for host in self.after["hosts"]}
        gone = [(check, "missing") for key, check in old.items() if key not in new and check["host"] in shared]
        return (*gone, *((check, "new") for key, check in new.items() if key not in old and check["host"] in shared))

    @property
    def is_none(self) -> bool:
        """Whether both audits found the same."""
        return not (self.changes or self.hosts or self.checks)


def between(before: Record, after: Record) -> Drift:
    """What changed from one audit to another. NotComparable unless they are of one cluster and one kind."""
    for name in ("cluster", "mode"):
        if before[name] != after[name]:
            raise NotComparable(f"{before['run']} is of {name} {before[name]}, {after['run']} of {after[name]}")
    if before["mode"] not in AUDITS:
        raise NotComparable(f"{before['run']} and {after['run']} are no audits: mode {before['mode']}")
    return Drift(before, after)


def show(drift: Drift, console: Console) -> None:
    """Print it: findings first, then what else changed."""
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
    told = ", ".join(f"{title}: {number}" for title, number in numbers.items() if number)
    console.print()
    console.print(Text(told or "Nothing changed", "bold" if told else "bold green"))


def _sorted(changes: Iterable[Change]) -> dict[str, list[Change]]:
    found: dict[str, list[Change]] = {"New findings": [], "Gone findings": [], "Other verdicts": [], "Other facts": []}
    for change in changes:
        if change.is_new_finding:
            found["New findings"].append(change)
        elif change.is_gone_finding:
            found["Gone findings"].append(change)
        else:
            found["Other facts" if change.is_of_facts else "Other verdicts"].append(change)
    return found


def _changed(changes: Iterable[Change]) -> Iterator[Row]:
    """The hosts on which a check changed in the same way together, then the checks that did so on the same hosts."""
    hosts: dict[tuple[str, ...], list[Change]] = {}
    for change in changes:
        hosts.setdefault((_name(change.after), *_said(change.before), *_said(change.after)), []).append(change)
    checks: dict[tuple[Kind, str, str, str], list[Record]] = {}
    for one, *others in hosts.values():
        verdicts = dict.fromkeys([one.before["verdict"], one.after["verdict"]])
        where = ", ".join(change.after["host"] for change in (one, *others))
        checks.setdefault((_kind(one.after), " -> ".join(verdicts), where, _why(one)), []).append(one.after)
    for (kind, how, where, why), same in checks.items():
        yield kind, f"{_names(same)}: {how} on {where}", why


def _added(checks: Iterable[tuple[Record, str]]) -> Iterator[Row]:
    """As `_changed`, for checks that only one run has."""
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
    """The message of now, and what it was; only what was found, if they are alike up to there."""
    before, after = change.before["message"], change.after["message"]
    (start, _, _), (same, _, _) = (message.partition(", found ") for message in (before, after))
    if start == same and change.before["found"]:
        return f"{same}, found {change.after['found']}\nwas: {change.before['found']}"
    return "\n".join([*([after] if after else []), *([f"was: {before}"] if before else [])])


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


def _said(check: Record) -> tuple[str, str]:
    return str(check["verdict"]), str(check["message"])


def _name(check: Record) -> str:
    return f"{check['id']} {check['name']}".strip()


def _names(checks: Sequence[Record]) -> str:
    """What the checks are called; of more than a few the ids alone."""
    return ", ".join(check["id"] or check["name"] if len(checks) > FEW else _name(check) for check in checks)


def _kind(check: Record) -> Kind:
    return kind_of_verdict(Verdict(check["verdict"]))
