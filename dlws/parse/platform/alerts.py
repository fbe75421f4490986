"""Alertmanager's `/api/v2/alerts` and Prometheus' `/api/v1/query`: active alerts and metric values."""

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
        """The name of its rule and the host or pod it names, if any: `NodeNotReady 192.168.3.2`."""
        where = next((self.labels[key] for key in ("instance", "host_ip", "ip", "name") if self.labels.get(key)), "")
        return f"{self.labels['alertname']} {where}".rstrip()


@dataclass(frozen=True, slots=True)
class Sample:
    """The newest value of one series."""

    labels: Mapping[str, str]
    value: float


def active(text: str) -> list[Alert]:
    """The alerts of `/api/v2/alerts` that are not silenced or inhibited. Raises Unparsable."""
    alerts = [_alert(row) for row in _list(ALERTS, _json(ALERTS, text))]
    return [alert for alert in alerts if alert.state != "suppressed"]


def samples(text: str) -> list[Sample]:
    """The series of an instant query. Raises Unparsable for an error of Prometheus or another form."""
    answer = _json(QUERY, text)
    try:
        if answer["status"] != "success" or answer["data"]["resultType"] != "vector":
            raise unparsable(QUERY, str(answer.get("error") or answer["status"]), "not a vector")
        rows = _list(QUERY, answer["data"]["result"])
        return [Sample(_labels(row["metric"]), float(row["value"][1])) for row in rows]
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


def _labels(labels: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in labels.items()}


def _list(source: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise unparsable(source, json.dumps(value)[:120], "not a list")
    return value


def _json(source: str, text: str) -> Any:
    try:
        return json.loads(clean(source, text))
    except (ValueError, RecursionError):
        raise unparsable(source, text.strip()[:120], "not JSON, or cut off") from None
