"""`dlws reports merge RUN... --into DIR`: merge runs of some hosts (--limit, --shard) into one of the cluster.

Each host may occur in one run only. The control host and the whole cluster occur in all of them, and the worst verdict
of such a test counts. The merged run holds all evidence; it can be shown, compared and replayed like any other.

Of an audit in shards every part must be there, once. What compares hosts has no verdict then: `--replay` of the merged
run judges it, and everything else again, on the evidence of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from dlws.record import evidence, regular_file
from dlws.record.ledger import End, Event, HostRow, ItemRow, Ledger, Outcome, Result, Run, encode
from dlws.record.run_folder import LOST, MOST_INPUTS, RecordedRun, RunFolder
from dlws.record.whole_file import PRIVATE_FOLDER, write
from reports.matrix import NO_HOSTS, Kind, kind_of
from reports.text import duration

SAME = ("cluster", "command", "config_sha256", "suite_version", "strict", "plan", "selection", "schema")
AT_ONCE = timedelta(hours=6)
"""The shards of one audit begin within this time: a queue may be long, but last night's shard is of another audit."""
_ORDER = list(Kind)


class NotMergeable(Exception):
    """The runs are not parts of one run; the message says which of them and why."""


def merge(folders: Sequence[RunFolder], into: Path) -> RunFolder:
    """Merge runs into a folder that is new or empty. Raises NotMergeable, RunFolderError or OSError."""
    runs = [folder.read() for folder in folders]
    _check(runs, into)
    into.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    merged = RunFolder(into)
    merged.evidence.mkdir(mode=PRIVATE_FOLDER)
    parts = [_part(run, number, merged) for number, run in enumerate(runs, 1)]
    lines = [encode(event) + "\n" for event in _events(parts, into.resolve().name)]
    write(merged.ledger, "".join(lines).encode("utf-8", "backslashreplace"))
    if runs[0].inputs:
        regular_file.copy(runs[0].folder.path, merged.inputs.name, merged.inputs, MOST_INPUTS)
    lost: dict[str, str] = {}
    for run in runs:
        lost = {**run.folder.lost(), **lost}  # the first run to have lost a host counts
    for host, test in lost.items():
        (into / LOST).mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        write(into / LOST / host, test)
    return merged


def _check(runs: Sequence[RecordedRun], into: Path) -> None:
    first, *others = (run.ledger.run for run in runs)
    if not others:
        raise NotMergeable("there is nothing to merge: name two or more runs")
    if into.exists() and any(into.iterdir()):
        raise NotMergeable(f"{into}: not empty")
    for run in others:
        for name in SAME:
            value, expected = getattr(run, name), getattr(first, name)
            if value != expected:
                mine, other = (f"its {name} is {value or 'none'}", f"that of {first.run} is {expected or 'none'}")
                raise NotMergeable(f"{run.run} does not match: {mine}, {other}")
    _check_shards([first, *others])
    owner: dict[str, str] = {}
    for run in (recorded.ledger.run for recorded in runs):
        for host in dict.fromkeys(item.host for item in run.items if item.host not in NO_HOSTS):
            if host in owner:
                raise NotMergeable(f"{owner[host]} and {run.run} overlap: both judged {host}")
            owner[host] = run.run
    for recorded in runs[1:]:
        if recorded.inputs.get("waivers") != runs[0].inputs.get("waivers"):
            raise NotMergeable(
                f"{recorded.ledger.run.run} does not match: its waivers differ from those of {first.run}"
            )


def _check_shards(runs: Sequence[Run]) -> None:
    """NotMergeable unless none is a shard, or all are and make up one audit: each part once, of the same checks."""
    if not any(run.shard for run in runs):
        return
    holders: dict[str, Run] = {}
    for run in runs:
        if run.shard.partition("/")[2] != runs[0].shard.partition("/")[2]:
            mine, theirs = (f"shard {each.shard}" if each.shard else "no shard" for each in (run, runs[0]))
            raise NotMergeable(f"{run.run} does not match: it is {mine}, {runs[0].run} is {theirs}")
        if other := holders.get(run.shard):
            raise NotMergeable(f"{other.run} and {run.run} are both shard {run.shard}: leave out the older")
        holders[run.shard] = run
        if odd := _of_all(run) ^ _of_all(runs[0]):
            raise NotMergeable(f"{run.run} does not match: it or {runs[0].run} has no {', '.join(sorted(odd)[:3])}")
    first, last = (pick(runs, key=lambda run: datetime.fromisoformat(run.started)) for pick in (min, max))
    if apart := _apart(last, first):
        raise NotMergeable(f"{last.run} began {apart} after {first.run}: they are of two audits")
    of = runs[0].shard.partition("/")[2]
    if lacking := [f"{at}/{of}" for at in range(1, int(of) + 1) if f"{at}/{of}" not in holders]:
        raise NotMergeable(f"shard {', '.join(lacking)} is missing: name the runs of all {of} shards")


def _of_all(run: Run) -> set[str]:
    """The keys of the tests that every shard has: those of the control host and the whole cluster."""
    return {item.key for item in run.items if item.host in NO_HOSTS}


def _apart(run: Run, other: Run) -> str:
    """How far apart two runs began, in words; empty for runs of one audit."""
    began = [datetime.fromisoformat(each.started) for each in (run, other)]
    apart = abs(began[0] - began[1])
    return duration(apart.total_seconds()) if apart > AT_ONCE else ""


def _part(recorded: RecordedRun, number: int, merged: RunFolder) -> Ledger:
    """Copy the evidence of one run under names that no other part has; return its ledger with the new references."""
    names = {}
    run = recorded.folder
    for file in run.transcripts():
        host, _, rest = file.partition(".")
        names[file] = f"{host}.{number}_{rest}"
        regular_file.copy(run.path, f"{run.evidence.name}/{file}", merged.evidence / names[file], evidence.MOST)

    def renamed(reference: str) -> str:
        file, _, line = reference.partition("#")
        return f"{names.get(file, file)}#{line}"

    results = (replace(result, evidence=tuple(map(renamed, result.evidence))) for result in recorded.ledger.results)
    return replace(recorded.ledger, results=tuple(results))


def _events(parts: Sequence[Ledger], name: str) -> Iterator[Event]:
    runs = [part.run for part in parts]
    items = {item.key: item for run in runs for item in run.items}
    hosts = {host.name: host for run in runs for host in run.hosts}
    started = min(run.audited or run.started for run in runs)
    results = _judged(parts)
    yield replace(
        runs[0],
        run=name,
        started=started,
        replays="",
        audited="",
        shard="",
        merges=tuple(run.replays or run.run for run in runs),
        workers=sum(run.workers for run in runs),
        hosts=_ordered(hosts),
        items=tuple(items.values()),
    )
    yield from results.values()
    if all(part.end for part in parts):
        yield _end(parts, started, [item for item in items.values() if item.key not in results])


def _judged(parts: Sequence[Ledger]) -> dict[str, Result]:
    """The results of all parts by key: of each test the worst, with all evidence where a shard left it to the whole."""
    together: dict[str, list[Result]] = {}
    for part in parts:
        for result in part.results:
            together.setdefault(result.key, []).append(result)
    return {key: _joined(results) for key, results in together.items()}


def _joined(results: Sequence[Result]) -> Result:
    worst = min(results, key=lambda result: _ORDER.index(kind_of(result)))
    if all(result.outcome is not Outcome.GATHERED for result in results):
        return worst
    by_host: dict[str, list[str]] = {}
    for result in results:
        asked: dict[str, list[str]] = {}
        for reference in result.evidence:
            asked.setdefault(evidence.host_part(reference), []).append(reference)
        for host, references in asked.items():
            by_host.setdefault(host, references)  # what several have asked, as the master, counts as the first did
    return replace(worst, evidence=tuple(reference for these in by_host.values() for reference in these))


def _ordered(hosts: dict[str, HostRow]) -> tuple[HostRow, ...]:
    """The control host, then the master, the workers and the whole cluster, each by name."""
    roles = ("control", "infrastructure", "worker", "cluster")
    rank = {role: place for place, role in enumerate(roles)}
    return tuple(sorted(hosts.values(), key=lambda host: (rank.get(host.role, len(roles)), host.name)))


def _end(parts: Sequence[Ledger], started: str, missing: Sequence[ItemRow]) -> End:
    ends = [part.end for part in parts if part.end]
    over = max(
        datetime.fromisoformat(part.run.audited or part.run.started) + timedelta(seconds=end.seconds)
        for part, end in zip(parts, ends, strict=True)
    )
    return End(
        exit_status=max(end.exit_status for end in ends),
        reason="; ".join(end.reason for end in ends if end.reason),
        seconds=round((over - datetime.fromisoformat(started)).total_seconds(), 3),
        not_run=tuple(item.key for item in missing),
    )
