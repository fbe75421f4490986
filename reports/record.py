"""The record of a run: one canonical JSON document, used to compare runs and to sign documents.

Its bytes are the same whenever and wherever it is made from a run or from a replay of that run: it holds no durations,
no local paths and no completion order. Keys are sorted, separators fixed, the text is UTF-8 (RFC 8259).

    schema         "dlws-record/2"; a change of meaning increments the number, a new key does not
    cluster        the cluster's name
    run, started   the run's name and start (UTC, ISO 8601); in a replay, those of the original run
    mode           the command: verify, preflight, install, scale_up, scale_down, reset, reboot, start, stop, restart or
                   build
    plan, strict   whether the run had --plan, whether warnings count as findings
    suite_version  version of the suite that judged the run
    config_sha256  of the configuration file
    state          good | bad | incomplete | planned (reports.summary.State); only good is green
    hosts          [{name, address, kind, role}], `control` for the machine that ran the suite, in the run's order
    checks         [{test, id, name, host, verdict, severity, section, source, title, title_zh,
                     message, what, expected, found, remark, sample, fix, evidence}], by id, name and host
    stages         [{test, name, host, section, title, verdict, outcome, message, fix, actions: [text],
                     proofs: [{id, name, verdict, message, what, expected, found}], evidence}], by section, name
                   and host
    waivers        [{id, host, owner, reason, expires, in_force, waives: [host]}] from waivers.yaml as of the run; host
                   is a pattern, in_force is false if it had expired by the day of the run, waives lists matching hosts
    deviations     [{id, host, message, found, remark}]: checks whose rule the product itself contradicts, for sign-off
    counts         {checks: {verdict: number}, stages: {outcome: number}}, without zeros

`verdict` is a value of dlws.verdict.Verdict. A test that was collected but has no result is "NOT RUN", with empty
texts. If the check compared something, `what` names it and `expected` and `found` are the two values as text, else all
three are empty. `remark` is the reason a finding is accepted: the product's deviation, or the waiver. `sample` is what
was judged where that is not all: "8 of 99 other hosts". `message` is the sentence for people, composed of these.
`evidence` is {answers, missing, sha256}: the number of answers the verdict is based on, how many of them are no longer
in the folder, and a digest of hosts, commands and answers, without times.

History: /1 had neither `what` nor `remark`, and parsed `expected` and `found` out of the message, so that the `found`
of an accepted finding included the remark, and `expected` ended at the first ", found " in it. In /2 they are the
values given by the check itself, and no message begins with the host, which is a key.
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
from dlws.record.printable import json_escaped
from dlws.record.run_folder import Command, RecordedRun
from dlws.verdict import Verdict
from reports.matrix import Cell, Row
from reports.overview import Overview

SCHEMA = "dlws-record/2"
Record = dict[str, Any]


def build(overview: Overview) -> Record:
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
        "waivers": _waivers(recorded.inputs, checks, stages),
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
    """A record in its canonical form, with a newline at its end."""
    document = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return json_escaped(document) + "\n"  # lone surrogates, and what steers a terminal, as JSON's escapes


def render(overview: Overview) -> str:
    """The canonical record of a run."""
    return text(build(overview))


def _check(recorded: RecordedRun, row: Row, cell: Cell) -> Record:
    result = cell.result
    data = ("what", "expected", "found", "remark", "sample")
    return _common(recorded, row, cell) | {
        "id": row.id,
        "severity": row.sample.severity if row.sample else "",
        "source": row.sample.source if row.sample else "",
        "title_zh": row.sample.title_zh if row.sample else "",
        **(_fields(result, *data) if result else dict.fromkeys(data, "")),
    }


def _stage(recorded: RecordedRun, row: Row, cell: Cell) -> Record:
    result = cell.result
    return _common(recorded, row, cell) | {
        "outcome": (result.outcome or "") if result else "",
        "actions": [action.text for action in result.actions] if result else [],
        "proofs": [_proof(proof) for proof in result.proofs] if result else [],
    }


def _proof(proof: Proof) -> Record:
    return _fields(proof, "id", "name", "verdict", "what", "expected", "found") | {"message": proof.sentence}


def _common(recorded: RecordedRun, row: Row, cell: Cell) -> Record:
    """The fields that checks and stages share. Those of the test itself are filled in even without a result."""
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


def _waivers(inputs: Mapping[str, Any], checks: Sequence[Record], stages: Sequence[Record]) -> list[Record]:
    judged = [(check["id"], check["host"], check["verdict"]) for check in checks]
    judged += [(proof["id"], stage["host"], proof["verdict"]) for stage in stages for proof in stage["proofs"]]
    waived: dict[str, list[str]] = {}
    for id, host, verdict in dict.fromkeys(judged):
        if verdict == Verdict.WAIVED:
            waived.setdefault(id, []).append(host)
    return [
        waiver
        | {
            "in_force": waiver["expires"] >= inputs["today"],  # both ISO 8601
            "waives": [host for host in waived.get(waiver["id"], ()) if fnmatchcase(host, waiver["host"])],
        }
        for waiver in inputs.get("waivers", ())
    ]


def _fields(row: object, *names: str) -> Record:
    return {name: getattr(row, name) for name in names}


def _evidence(recorded: RecordedRun, references: Sequence[str]) -> Record:
    answers = {reference: recorded.command(reference) for reference in references}
    kept = [_answer(ref, answer) for ref, answer in answers.items() if isinstance(answer, Command)]
    digest = hashlib.sha256(
        json.dumps(sorted(kept), ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")
    )
    return {"answers": len(kept), "missing": len(answers) - len(kept), "sha256": digest.hexdigest() if kept else ""}


def _answer(reference: str, answer: Command) -> list[str]:
    """Host, command and answer, without the worker process and the time."""
    host = reference.partition(".")[0]
    status = "none" if answer.rc is None else str(answer.rc)
    marks = f"timed_out={answer.timed_out} truncated={answer.truncated}"
    return [host, answer.command, status, answer.out, answer.err, marks]


def _by(*names: str) -> Any:
    """A sort key of these fields that compares the numbers in them as numbers."""
    return lambda row: [[_place(part) for part in re.split(r"(\d{1,18})", row[name])] for name in names]


def _place(part: str) -> tuple[int, str]:
    return (int(part), "") if part.isdecimal() else (-1, part)
