"""Alertmanager's `/api/v2/alerts` and Prometheus' `/api/v1/query`: what is wrong, and what is counted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dlws.parse.text import clean, unparsable

ALERTS = "Alertmanager's alerts"
QUERY = "Prometheus' answer"


@dataclass(frozen=True, slots=True)
class Alert:
    """`state` is active, suppressed (silenced, or inhibited by another) or unprocessed."""

    state: str
    labels: Mapping[str, str]

    @property
    def name(self) -> str:
        """`NodeNotReady` of its rule, with the host or pod it speaks of, if it names one."""
        where = next((self.labels[key] for key in ("instance", "host_ip", "ip", "name") if self.labels.get(key)), "")
        return f"{self.labels['alertname']} {where}".rstrip()


@dataclass(frozen=True, slots=True)
class Sample:
    """One series' newest value."""

    labels: Mapping[str, str]
    value: float


def active(text: str) -> list[Alert]:
    """The alerts of `/api/v2/alerts` that fire and are not silenced. Raises Unparsable for anything else."""
    found = [_alert(row) for row in _list(ALERTS, _json(ALERTS, text))]
    return [alert for alert in found if alert.state != "suppressed"]


def samples(text: str) -> list[Sample]:
    """The series of an instant query. Raises Unparsable for an error of Prometheus, or another form."""
    whole = _json(QUERY, text)
    try:
        if whole["status"] != "success" or whole["data"]["resultType"] != "vector":
            raise unparsable(QUERY, str(whole.get("error") or whole["status"]), "no vector")
        return [Sample(_labels(row["metric"]), float(row["value"][1])) for row in _list(QUERY, whole["data"]["result"])]
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, AttributeError):
        raise unparsable(QUERY, text.strip()[:120]) from None


def _alert(row: Any) -> Alert:
    try:
        alert = Alert(str(row["status"]["state"]), _labels(row["labels"]))
    except (KeyError, TypeError, AttributeError):
        raise unparsable(ALERTS, json.dumps(row)[:120]) from None
    if not alert.labels.get("alertname") or alert.state not in ("active", "suppressed", "unprocessed"):
        raise unparsable(ALERTS, json.dumps(row)[:120])
    return alert


def _labels(found: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in found.items()}


def _list(source: str, found: Any) -> list[Any]:
    if not isinstance(found, list):
        raise unparsable(source, json.dumps(found)[:120], "no list")
    return found


def _json(source: str, text: str) -> Any:
    try:
        return json.loads(clean(source, text))
    except (ValueError, RecursionError):
        raise unparsable(source, text.strip()[:120], "not JSON, or cut off") from None
