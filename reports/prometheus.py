"""The metrics of an audit, for node-exporter's textfile collector: `dlws reports prometheus RUN -o dlws.prom`.

dlws_check_verdict{cluster,host,id,check,severity,verdict} 1     one series for each check and host
dlws_checks{cluster,verdict}                                     number of checks; one series for every verdict
dlws_run_start_timestamp_seconds{cluster,command}                when the hosts were asked (Unix time)
dlws_run_duration_seconds{cluster,command}                       how long it took; not for a replay or a run cut off
dlws_run_green{cluster,command}                                  1 if it completed with nothing red or missing; else 0
dlws_run_info{cluster,command,run,suite_version,config_sha256} 1
"""

from __future__ import annotations

from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from dlws.record.printable import visible
from dlws.verdict import Verdict
from reports import record
from reports.overview import Overview
from reports.summary import State


def render(overview: Overview) -> str:
    """The run in Prometheus' text format. No label contains text that came from a host."""
    audit, end = record.build(overview), overview.ledger.end
    registry = CollectorRegistry()
    run = {"cluster": audit["cluster"], "command": audit["mode"]}

    def gauge(name: str, documentation: str, *labels: str) -> Gauge:
        return Gauge(name, documentation, labels, registry=registry)

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
    for check in audit["checks"]:
        verdicts.labels(
            audit["cluster"], check["host"], check["id"], check["name"], check["severity"], check["verdict"]
        ).set(1)
    counts = gauge("dlws_checks", "Checks by verdict.", "cluster", "verdict")
    for verdict in Verdict:
        counts.labels(audit["cluster"], verdict).set(audit["counts"]["checks"].get(verdict, 0))
    started = datetime.fromisoformat(audit["started"]).timestamp()
    gauge("dlws_run_start_timestamp_seconds", "When the hosts were asked.", *run).labels(**run).set(started)
    if end and not overview.ledger.run.replays:
        took = gauge("dlws_run_duration_seconds", "How long the run took.", *run)
        took.labels(**run).set(end.seconds)
    is_green = audit["state"] == State.GOOD
    gauge("dlws_run_green", "Whether nothing is red and nothing is missing.", *run).labels(**run).set(is_green)
    about = run | {name: audit[name] for name in ("run", "suite_version", "config_sha256")}
    gauge("dlws_run_info", "Which run this is.", *about).labels(**about).set(1)
    return visible(generate_latest(registry).decode("utf-8"))
