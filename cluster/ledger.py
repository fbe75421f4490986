"""The ledger: one JSON line per event of a run. Every report is a pure function of it and of the evidence.

The first line is a `Run`, the last an `End` (missing when the controller was killed), all others are `Result`s,
one per finished test. `encode` and `decode` are each other's inverse.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cluster.verdict import Severity, Verdict

SCHEMA = 1


class Outcome(StrEnum):
    """What a stage did. Checks have no outcome."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    PLANNED = "planned"
    FAILED = "failed"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRow:
    """One host of the run. `name` is `control` for the machine that runs the suite."""

    name: str
    address: str
    kind: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """One collected test: what should have run. `host` is `cluster` for a check of the whole cluster.

    `after` are the stages that a stage waits for, as `name[host]`; those that the run leaves out too.
    """

    nodeid: str
    name: str
    host: str
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The verdict of one check that a stage proves, as it was last seen."""

    id: str
    name: str
    verdict: Verdict
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRow:
    """One change made (under --plan: to be made) on a host: the redacted sentence, and the seconds it took."""

    text: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The head of a ledger. `started` is UTC, ISO 8601; `command` is the marker that was run: install, verify, ...

    In a replay `replays` names the run whose evidence was judged again, and `audited` is when that run started.
    `merges` names the runs of single hosts that were put together.
    """

    run: str
    cluster: str
    command: str
    started: str
    config: str
    config_sha256: str
    suite_version: str
    plan: bool
    strict: bool
    workers: int
    hosts: tuple[HostRow, ...]
    items: tuple[ItemRow, ...]
    replays: str = ""
    audited: str = ""
    merges: tuple[str, ...] = ()
    schema: int = SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One finished test: a check (`stage` False) or a stage (`stage` True) on one host.

    `name` is the function's name without `test_`, `id` the catalogue's id ("H09"; empty for a stage), `section` the
    runbook's section, `seconds` the wall time of the call, `evidence` references of the form `<file>#<n>` into the
    run's `evidence/` folder (JSON lines; `n` is the field of that name). `follows` is the node id of the test whose
    finding explains why this one was not run; that one may follow from a third.
    """

    nodeid: str
    name: str
    host: str
    stage: bool
    verdict: Verdict
    started: str
    seconds: float
    worker: str
    id: str = ""
    section: str = ""
    severity: Severity = Severity.BLOCKER
    title: str = ""
    title_zh: str = ""
    source: str = ""
    fix: str = ""
    message: str = ""
    outcome: Outcome | None = None
    proofs: tuple[Proof, ...] = ()
    actions: tuple[ActionRow, ...] = ()
    evidence: tuple[str, ...] = ()
    follows: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The foot of a ledger. `not_run`: node ids of collected tests without a result; `exit_status`: pytest's."""

    exit_status: int
    reason: str
    seconds: float
    not_run: tuple[str, ...]


Event = Run | Result | End
_KINDS: dict[str, type[Run] | type[Result] | type[End]] = {"run": Run, "result": Result, "end": End}
_NESTED: dict[str, type[Any]] = {"hosts": HostRow, "items": ItemRow, "proofs": Proof, "actions": ActionRow}
_WORDS: dict[str, type[StrEnum]] = {"verdict": Verdict, "severity": Severity, "outcome": Outcome}


def encode(event: Event) -> str:
    """One JSON line without its newline."""
    return json.dumps({"event": type(event).__name__.lower(), **_row(event)}, ensure_ascii=False, default=_row)


def _row(event: Any) -> dict[str, Any]:
    """The fields of one dataclass; json asks again for those inside it (`asdict` copies them all first, slowly)."""
    return {name: getattr(event, name) for name in event.__slots__}


def decode(line: str) -> Event:
    """The event of one line. ValueError for a torn or foreign line."""
    data = json.loads(line)
    try:
        return _build(_KINDS[data.pop("event")], data)  # type: ignore[no-any-return]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a ledger line: {line[:120]!r}") from error


def _build(kind: type[Any], data: dict[str, Any]) -> Any:
    if unknown := data.keys() - set(kind.__slots__):
        raise ValueError(f"unknown field {', '.join(sorted(unknown))} in a {kind.__name__} line")
    return kind(**{name: _value(name, value) for name, value in data.items()})


def _value(name: str, value: Any) -> Any:
    if name in _NESTED:
        return tuple(_build(_NESTED[name], row) for row in value)
    if name in _WORDS:
        return None if value is None else _WORDS[name](value)
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Ledger:
    """A whole run as read back: its head, its results in the order of finishing, its foot if it was written."""

    run: Run
    results: tuple[Result, ...]
    end: End | None

    @property
    def not_run(self) -> tuple[ItemRow, ...]:
        """Collected tests without a result."""
        seen = {result.nodeid for result in self.results}
        return tuple(item for item in self.run.items if item.nodeid not in seen)

    @property
    def findings(self) -> tuple[Result, ...]:
        """The results that make the run red."""
        return tuple(result for result in self.results if result.verdict.is_red)


def read(lines: Iterable[str]) -> Ledger:
    """Read a ledger. A torn last line (the controller was killed in mid-write) is left out; others are a ValueError."""
    events = list(_decoded(lines))
    if not events or not isinstance(events[0], Run):
        raise ValueError("a ledger starts with a run line")
    results = {event.nodeid: event for event in events if isinstance(event, Result)}
    ends = [event for event in events if isinstance(event, End)]
    return Ledger(run=events[0], results=tuple(results.values()), end=ends[-1] if ends else None)


def _decoded(lines: Iterable[str]) -> Iterator[Event]:
    held: ValueError | None = None
    for line in lines:
        if held:
            raise held
        try:
            yield decode(line)
        except ValueError as error:
            held = error  # only a fault when another line follows
