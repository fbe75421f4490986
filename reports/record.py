"""The record of a run: one canonical JSON document, from which two runs can be compared and documents be signed.

It is the same bytes whenever and wherever it is made from a run, and from a replay of that run: it holds no durations,
no paths of the machine and no order of finishing. Keys are sorted, separators fixed, the text is UTF-8 (RFC 8259).

    schema         "dlws-record/2"; a change of meaning raises the number, a new key does not
    cluster        the cluster's name
    run, started   the audited run's name and its start (UTC, ISO 8601); a replay has those of the run that it replays
    mode           the command: verify, preflight, install, scale_up, scale_down, reset, reboot
    plan, strict   whether it was a --plan, whether warnings count as findings
    suite_version  of the suite that judged
    config_sha256  of the configuration file
    state          good | bad | incomplete | planned (reports.summary.State); only good is green
    hosts          [{name, address, kind, role}], `control` for the machine that ran the suite, in the run's order
    checks         [{test, id, name, host, verdict, severity, section, source, title, title_zh,
                     message, what, expected, found, remark, fix, evidence}], by id, name and host
    stages         [{test, name, host, section, title, verdict, outcome, message, fix, actions: [text],
                     proofs: [{id, name, verdict, message, what, expected, found}], evidence}], by section, name
                   and host
    waivers        [{id, host, owner, reason, expires, in_force, waives: [host]}] of waivers.yaml as it was then; host
                   is its pattern, in_force whether it had not expired on the day of the run, waives what it covered
    deviations     [{id, host, message, found, remark}]: checks whose rule the product itself contradicts; for sign-off
    counts         {checks: {verdict: number}, stages: {outcome: number}}, only those that occur

`verdict` is a word of dlws.verdict.Verdict. A test that was collected and has no result is "NOT RUN", with empty
texts. Where something was compared, `what` was looked at, and `expected` and `found` are the two values as words, else
""; `remark` is why a finding is accepted all the same: the product's deviation, or the waiver. `message` is the whole
sentence for people, made of these. `evidence` is {answers, missing, sha256}: how many answers the test was judged by,
how many of them the folder no longer holds, and a digest of who was asked what and answered what; not of when.

What changed: /1 had no `what` and no `remark`, and cut `expected` and `found` out of the message, so that the `found`
of an accepted finding ended with the remark, and `expected` at the first ", found " in it. In /2 they are what the
check itself said; no message begins with the host, which is a key.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from dlws.record.ledger import Proof
from dlws.record.run_folder import Command, RecordedRun
from dlws.verdict import Verdict
from reports.matrix import Cell, Row
from reports.overview import Overview

SCHEMA = "dlws-record/2"
Record = dict[str, Any]


def of(overview: Overview) -> Record:
    """The record of a run as plain values."""
    recorded, rows, run = overview.recorded, overview.matrix, overview.ledger.run
    checks = [_check(recorded, row, cell) for row in rows.checks for cell in row.cells.values()]
    stages = [_stage(recorded, row, cell) for row in rows.stages for cell in row.cells.values()]
    checks.sort(key=_by("id", "name", "host", "test"))
    stages.sort(key=_by("section", "name", "host", "test"))
    return {
        "schema": SCHEMA,
        "cluster": run.cluster,
        "run": run.replays or run.run,
        "started": run.audited or run.started,
        "mode": run.command,
        "plan": run.plan,
        "strict": run.strict,
        "suite_version": run.suite_version,
        "config_sha256": run.config_sha256,
        "state": overview.summary.state,
        "hosts": [_fields(host, "name", "address", "kind", "role") for host in run.hosts],
        "checks": checks,
        "stages": stages,
        "waivers": [_waiver(waiver, recorded.inputs, checks) for waiver in recorded.inputs.get("waivers", ())],
        "deviations": [
            {name: check[name] for name in ("id", "host", "message", "found", "remark")}
            for check in checks
            if check["verdict"] == Verdict.DEVIATION
        ],
        "counts": {
            "checks": Counter(check["verdict"] for check in checks),
            "stages": Counter(stage["outcome"] or stage["verdict"] for stage in stages),
        },
    }


def text(record: Record) -> str:
    """A record in its one canonical form, with a newline at its end."""
    whole = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return whole.encode("utf-8", "backslashreplace").decode() + "\n"  # half a surrogate pair becomes its JSON escape


def render(overview: Overview) -> str:
    """The canonical record of a run."""
    return text(of(overview))


def _check(recorded: RecordedRun, row: Row, cell: Cell) -> Record:
    result = cell.result
    data = ("what", "expected", "found", "remark")
    return _told(recorded, row, cell) | {
        "id": row.id,
        "severity": row.sample.severity if row.sample else "",
        "source": row.sample.source if row.sample else "",
        "title_zh": row.sample.title_zh if row.sample else "",
        **(_fields(result, *data) if result else dict.fromkeys(data, "")),
    }


def _stage(recorded: RecordedRun, row: Row, cell: Cell) -> Record:
    result = cell.result
    return _told(recorded, row, cell) | {
        "outcome": (result.outcome or "") if result else "",
        "actions": [action.text for action in result.actions] if result else [],
        "proofs": [_proof(proof) for proof in result.proofs] if result else [],
    }


def _proof(proof: Proof) -> Record:
    return _fields(proof, "id", "name", "verdict", "what", "expected", "found") | {"message": proof.sentence}


def _told(recorded: RecordedRun, row: Row, cell: Cell) -> Record:
    """What checks and stages have in common. What is the test's own is known also where it has no result."""
    result = cell.result
    return {
        "test": cell.item.key,
        "name": cell.item.name,
        "host": cell.item.host,
        "verdict": result.verdict if result else Verdict.NOT_RUN,
        "section": row.section,
        "title": row.item.title,
        "message": result.sentence if result else "",
        "fix": result.fix if result else "",
        "evidence": _evidence(recorded, result.evidence if result else ()),
    }


def _waiver(waiver: Record, inputs: Mapping[str, Any], checks: Sequence[Record]) -> Record:
    waived = [c["host"] for c in checks if c["verdict"] == Verdict.WAIVED and c["id"] == waiver["id"]]
    return waiver | {
        "in_force": waiver["expires"] >= inputs["today"],  # both ISO 8601
        "waives": [host for host in waived if fnmatchcase(host, waiver["host"])],
    }


def _fields(row: object, *names: str) -> Record:
    return {name: getattr(row, name) for name in names}


def _evidence(recorded: RecordedRun, references: Sequence[str]) -> Record:
    answers = {reference: recorded.command(reference) for reference in references}
    known = [_answer(ref, answer) for ref, answer in answers.items() if isinstance(answer, Command)]
    digest = hashlib.sha256(json.dumps(sorted(known), ensure_ascii=False).encode("utf-8", "backslashreplace"))
    return {"answers": len(known), "missing": len(answers) - len(known), "sha256": digest.hexdigest() if known else ""}


def _answer(reference: str, answer: Command) -> list[str]:
    """Who was asked what, and what came back. Which of the run's processes asked is left out, and when."""
    host = reference.partition(".")[0]
    status = "none" if answer.rc is None else str(answer.rc)
    marks = f"timed_out={answer.timed_out} truncated={answer.truncated}"
    return [host, answer.command, status, answer.out, answer.err, marks]


def _by(*names: str) -> Any:
    """A sort key: these fields, the numbers in them as numbers."""
    return lambda row: [[_place(part) for part in re.split(r"(\d+)", row[name])] for name in names]


def _place(part: str) -> tuple[int, str]:
    return (int(part), "") if part.isdecimal() else (-1, part)
