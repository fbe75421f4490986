"""The metrics of an audit, for node-exporter's textfile collector: `dlws reports prometheus RUN -o dlws.prom`.

dlws_check_verdict{cluster,host,id,check,severity,verdict} 1     one series for each check and host
dlws_checks{cluster,verdict}                                     how many; every verdict, those of none with 0
dlws_run_start_timestamp_seconds{cluster,command}                when the hosts were asked (Unix time)
dlws_run_duration_seconds{cluster,command}                       how long it took; not of a replay or a run cut off
dlws_run_green{cluster,command}                                  1 if it ended well, nothing is red or missing; else 0
dlws_run_info{cluster,command,run,suite_version,config_sha256} 1
"""

from __future__ import annotations

from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from dlws.record.run_folder import RecordedRun
from dlws.verdict import Verdict
from reports import record
from reports.summary import State


def render(recorded: RecordedRun) -> str:
    """The text exposition of a run. Its labels hold no text that comes from a host."""
    made, end = record.of(recorded), recorded.ledger.end
    registry = CollectorRegistry()
    run = {"cluster": made["cluster"], "command": made["mode"]}

    def gauge(name: str, says: str, *labels: str) -> Gauge:
        return Gauge(name, says, labels, registry=registry)

    verdicts = gauge(
        "dlws_check_verdict",
        "The verdict of a check on a host, as a label.",
        "cluster",
        "host",
        "id",
        "check",
        "severity",
        "verdict",
    )
    for check in made["checks"]:
        verdicts.labels(
            made["cluster"], check["host"], check["id"], check["name"], check["severity"], check["verdict"]
        ).set(1)
    counts = gauge("dlws_checks", "Checks by verdict.", "cluster", "verdict")
    for verdict in Verdict:
        counts.labels(made["cluster"], verdict).set(made["counts"]["checks"].get(verdict, 0))
    started = datetime.fromisoformat(made["started"]).timestamp()
    gauge("dlws_run_start_timestamp_seconds", "When the hosts were asked.", *run).labels(**run).set(started)
    if end and not recorded.ledger.run.replays:
        took = gauge("dlws_run_duration_seconds", "How long the run took.", *run)
        took.labels(**run).set(end.seconds)
    is_green = made["state"] == State.GOOD
    gauge("dlws_run_green", "Whether nothing is red and nothing is missing.", *run).labels(**run).set(is_green)
    about = run | {name: made[name] for name in ("run", "suite_version", "config_sha256")}
    gauge("dlws_run_info", "Which run this is.", *about).labels(**about).set(1)
    return generate_latest(registry).decode("utf-8")
