"""The ledger: one JSON line per event of a run. Every report is a pure function of it and of the evidence.

The first line is a `Run`, the last an `End` (missing when the controller was killed), all others are `Result`s,
one per finished test. `encode` and `decode` are each other's inverse.

Within a run and across runs a test is identified by its `key`, `H09[atlas01]` or `swap_off[atlas01]`, because files may
move while ids and the names of stages stay. Ledgers of schema 1 used node ids, and those before schema 3 had sentences
where a finding is data now; `read` converts them to the present form.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any

from dlws.record import strict_json, typed_row
from dlws.record.typed_row import duration, moment, moment_or_none, part_or_none
from dlws.verdict import Severity, Verdict, sentence

SCHEMA = 3


class Outcome(StrEnum):
    """What a stage did. Of checks only one has an outcome that compares hosts, in a shard: it has gathered evidence."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    PLANNED = "planned"
    FAILED = "failed"
    BLOCKED = "blocked"
    GATHERED = "gathered"


LATER = (Outcome.PLANNED, Outcome.GATHERED)
"""What was not run, as it should be in this run: a plan's stage, a check that a shard leaves to the whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRow:
    """One host of the run. `name` is `control` for the machine that runs the suite.

    `host_key`: its SSH key when the run began, and who had confirmed it; empty where nobody looked (a replay).
    """

    name: str
    address: str
    kind: str
    role: str
    host_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """One collected test, whether or not it ran. `host` is `cluster` for a check of the whole cluster.

    `after` are the keys of the stages that a stage waits for, including those that the run leaves out.
    """

    nodeid: str
    name: str
    host: str
    stage: bool = False
    id: str = ""
    section: str = ""
    title: str = ""
    after: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The identity of the test: `H09[atlas01]`."""
        return key_of(self.id or self.name, self.host)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The latest verdict of one check that a stage proves, with `fix` if it is not green.

    The reason for the verdict is in the fields of a `dlws.verdict.Finding`.
    """

    id: str
    name: str
    verdict: Verdict
    what: str = ""
    found: str = ""
    expected: str = ""
    message: str = ""
    remark: str = ""
    sample: str = ""
    fix: str = ""

    @property
    def sentence(self) -> str:
        """The finding with the check's id and fix: `H09 swap: expected none, found sda. Fix: ...`."""
        finding = sentence(self)
        if self.verdict is Verdict.WAIVED:
            return f"{self.id} {finding}"
        return f"{self.id} {finding}. Fix: {self.fix}" if self.fix else finding


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRow:
    """One change made on a host, or to be made in a plan: the redacted sentence, and the seconds it took."""

    text: str
    seconds: Annotated[float, duration] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The first line of a ledger. `started` is UTC, ISO 8601; `command` is the marker that was run: `install`.

    In a replay `replays` names the run whose evidence was judged again, and `audited` is when that run started.
    `merges` names the runs of individual hosts that were merged. `shard` is `2/5` for that part of an audit.
    `selection` is what the command line chose of the checks or stages: `--active -k H09`; empty for all of them.
    """

    run: str
    cluster: str
    command: str
    started: Annotated[str, moment]
    config: str
    config_sha256: str
    suite_version: str
    plan: bool
    strict: bool
    workers: int
    hosts: tuple[HostRow, ...]
    items: tuple[ItemRow, ...]
    replays: str = ""
    audited: Annotated[str, moment_or_none] = ""
    merges: tuple[str, ...] = ()
    shard: Annotated[str, part_or_none] = ""
    selection: str = ""
    schema: int = SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One finished test: a check (`stage` False) or a stage (`stage` True) on one host.

    `nodeid` is pytest's name of the test, `name` the function's without `test_`, `id` the catalogue's id ("H09"; empty
    for a stage), `section` the runbook's section, `seconds` the wall time of the call, `evidence` references of the
    form `<file>#<n>` into the run's `evidence/` folder (JSON lines; `n` is the field of that name). `follows` is the
    key of the test whose finding explains why this one was not run; that one may follow from a third. The reason for
    the verdict is in the fields of a `dlws.verdict.Finding`; no text begins with the host's name, which is a field.
    """

    nodeid: str
    name: str
    host: str
    stage: bool
    verdict: Verdict
    started: Annotated[str, moment_or_none]
    seconds: Annotated[float, duration]
    worker: str
    id: str = ""
    section: str = ""
    severity: Severity = Severity.BLOCKER
    title: str = ""
    title_zh: str = ""
    source: str = ""
    fix: str = ""
    what: str = ""
    found: str = ""
    expected: str = ""
    message: str = ""
    remark: str = ""
    sample: str = ""
    outcome: Outcome | None = None
    proofs: tuple[Proof, ...] = ()
    actions: tuple[ActionRow, ...] = ()
    evidence: tuple[str, ...] = ()
    follows: str = ""

    @property
    def key(self) -> str:
        """The identity of the test: `H09[atlas01]`."""
        return key_of(self.id or self.name, self.host)

    @property
    def sentence(self) -> str:
        """The finding as one sentence; "" for a plain PASS."""
        return sentence(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The last line of a ledger. `not_run`: keys of collected tests without a result; `exit_status`: pytest's."""

    exit_status: int
    reason: str
    seconds: Annotated[float, duration]
    not_run: tuple[str, ...]


def key_of(name: str, host: str) -> str:
    """The key of a check, by its id, or of a stage, by its name, on a host: `H09[atlas01]`, `swap_off[atlas01]`."""
    return f"{name}[{host}]"


Event = Run | Result | End
_KINDS: dict[str, type[Run] | type[Result] | type[End]] = {"run": Run, "result": Result, "end": End}


def encode(event: Event) -> str:
    """One JSON line without its newline."""
    return json.dumps(
        {"event": type(event).__name__.lower(), **_row(event)}, ensure_ascii=False, allow_nan=False, default=_row
    )


def pieces(event: Event) -> Iterator[str]:
    """What `encode` returns, in pieces: the first line of a thousand hosts names 190,000 tests, in fifty megabytes."""
    items = event.items if isinstance(event, Run) else ()
    if not isinstance(event, Run) or not items:
        yield encode(event)
        return
    before, empty, after = encode(replace(event, items=())).partition(_NO_ITEMS)
    yield before + empty[:-1]
    for place, item in enumerate(items):
        yield (", " if place else "") + json.dumps(_row(item), ensure_ascii=False, allow_nan=False)
    yield empty[-1] + after


_NO_ITEMS = '"items": []'
"""In a line this is the field and nothing else: in a text there would be a backslash before the quotation mark."""


def _row(event: Any) -> dict[str, Any]:
    """The fields of one dataclass; json calls this again for nested ones, which is faster than `asdict`."""
    return {name: getattr(event, name) for name in event.__slots__}


def decode(line: str) -> Event:
    """The event of one line. ValueError for a torn line or one that is not a ledger's."""
    data = strict_json.loads(line, _item_or_object)
    kind = data.pop("event", None) if isinstance(data, dict) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ValueError(f"not a ledger line: {line[:120]!r}")
    return typed_row.build(_KINDS[kind], data)


def _item_or_object(data: dict[str, Any]) -> ItemRow | dict[str, Any]:
    """An item of a run's line as a row at once: as objects, with a text for each of their words, all take a megabyte
    for each host of a thousand until the last one has been read. ValueError for one that is none.
    """
    return typed_row.build(ItemRow, data) if "nodeid" in data and "event" not in data else data


@dataclass(frozen=True, slots=True)
class Ledger:
    """A run as read back: its first line, its results in the order of finishing, its last line if it was written."""

    run: Run
    results: tuple[Result, ...]
    end: End | None

    @property
    def not_run(self) -> tuple[ItemRow, ...]:
        """Collected tests without a result."""
        seen = {result.key for result in self.results}
        return tuple(item for item in self.run.items if item.key not in seen)

    @property
    def findings(self) -> tuple[Result, ...]:
        """The red results."""
        return tuple(result for result in self.results if result.verdict.is_red)


def read(lines: Iterable[str]) -> Ledger:
    """Read a ledger. A torn last line (the controller was killed while writing) is skipped.

    Raises ValueError for any other line that is not a ledger's, for lines after the end or of a second run, and for a
    schema that this suite does not know.
    """
    events = list(_decoded(lines))
    if not events or not isinstance(events[0], Run):
        raise ValueError("a ledger starts with a run line")
    if events[0].schema not in range(1, SCHEMA + 1):
        raise ValueError(f"schema {events[0].schema!r}: this suite reads 1 to {SCHEMA}")
    if any(isinstance(event, Run) for event in events[1:]) or any(isinstance(event, End) for event in events[:-1]):
        raise ValueError("a ledger is of one run, and ends with its end line")
    if events[0].schema < SCHEMA:
        events = list(_upgraded(events[0], events))
    results = {event.key: event for event in events if isinstance(event, Result)}
    ends = [event for event in events if isinstance(event, End)]
    return Ledger(run=next(_runs(events)), results=tuple(results.values()), end=ends[-1] if ends else None)


def _runs(events: Iterable[Event]) -> Iterator[Run]:
    return (event for event in events if isinstance(event, Run))


def _upgraded(run: Run, events: Sequence[Event]) -> Iterator[Event]:
    """The events of an older ledger with keys instead of node ids, complete items, and findings as data."""
    results = {event.nodeid: event for event in events if isinstance(event, Result)}
    items = {item.nodeid: _described(item, results.get(item.nodeid)) for item in run.items}
    keys = {**{nodeid: item.key for nodeid, item in items.items()}, **{n: r.key for n, r in results.items()}}
    for event in events:
        if isinstance(event, Run):
            yield replace(event, items=tuple(items.values()), schema=SCHEMA)
        elif isinstance(event, Result):
            yield replace(_parted(event), follows=keys.get(event.follows, event.follows))
        else:
            yield replace(event, not_run=tuple(keys.get(nodeid, nodeid) for nodeid in event.not_run))


_ACCEPTED = (Verdict.DEVIATION, Verdict.WAIVED)
_COMPARED = (Verdict.FAIL, Verdict.WARN, *_ACCEPTED, Verdict.NOT_RUN)


def _parted(result: Result) -> Result:
    """A result whose message is still the full sentence, split into fields. A stage's message stays as it is."""
    message = result.message.removeprefix(f"{result.host}: ")
    if result.stage or result.found or result.verdict not in _COMPARED:
        return replace(result, message=message)
    message, remark = _without_remark(message, result.verdict)
    lead, compared = _without_lead(message)
    what, separator, values = compared.partition(": expected ")
    if not separator:
        what, values = "", compared.removeprefix("expected ") if compared.startswith("expected ") else ""
    expected, separator, found = values.partition(", found ")
    if separator:
        return replace(result, what=what, found=found, expected=expected, message=lead, remark=remark)
    return replace(result, message=message, remark=remark)


def _without_lead(message: str) -> tuple[str, str]:
    """`follows from C01 on a1` and what is behind it; "" and the whole of any other message."""
    lead, separator, compared = message.partition(": ")
    match lead.split(" "):
        case ["follows", "from", _, "on", _] if separator:
            return lead, compared
        case _:
            return "", message


def _without_remark(message: str, verdict: Verdict) -> tuple[str, str]:
    """The message of an accepted finding, split from the parenthesised remark at its end (which may be nested)."""
    if verdict is Verdict.WAIVED and message.endswith(")"):
        finding, _, remark = message.rpartition(" (waived: ")
        return (finding, remark[:-1]) if finding else (message, "")
    depth = 0
    for place in range(len(message) - 1, 0, -1) if verdict is Verdict.DEVIATION else ():
        depth += {")": 1, "(": -1}.get(message[place], 0)
        if depth == 0:
            return (message[: place - 1], message[place + 1 : -1]) if message[place] == "(" else (message, "")
    return message, ""


def _described(item: ItemRow, result: Result | None) -> ItemRow:
    if result is None:
        return replace(item, stage=item.nodeid.startswith("install/"))
    return replace(item, stage=result.stage, id=result.id, section=result.section, title=result.title)


def _decoded(lines: Iterable[str]) -> Iterator[Event]:
    held: ValueError | None = None
    for number, line in enumerate(lines, 1):
        if held:
            raise held
        try:
            yield decode(line)
        except ValueError as error:
            if number == 1:
                raise
            held = error  # only a fault when another line follows
