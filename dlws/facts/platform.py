"""What the platform's services answer over HTTP, asked on their own hosts with curl."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from dlws.parse.text import unparsable
from dlws.platform import services
from dlws.remote.host import Host
from dlws.verdict import Unknown, expect

PATIENCE = 5
NO_ANSWER = (7, 22, 28, 52, 56)
"""curl's exit statuses of a server that does not answer as it must: refused, an HTTP error, time-out, hung up."""
STATUSES = f"curl -sS -m {PATIENCE} -o /dev/null -w '%%{{http_code}}\\n' %s"
FETCH = f"curl -fsS -m {2 * PATIENCE} %s"
PROMETHEUS = f"{services.url('prometheus-deployment')}/prometheus"
REST = "http://127.0.0.1/apis"
GRAFANA = services.url("grafana")


ALERTMANAGER = f"http://127.0.0.1:{services.ALERTMANAGER.number}/alert-manager/api/v2/alerts"
JOB_EXPORTER = services.workload("job-exporter").ports[0].number


@dataclass(frozen=True, slots=True)
class Page:
    """What came back for a URL: its text, or what curl complained of when it was not answered with 200."""

    text: str = ""
    complaint: str = ""


def fetch(host: Host, url: str) -> Page:
    """What a URL is answered with on the host."""
    result = host.run_expect([0, *NO_ANSWER], FETCH, url)
    if result.rc:
        return Page(complaint=result.stderr.strip()[-200:] or f"curl exit status {result.rc}")
    return Page(str(result.stdout))


def json_object(text: str, what: str) -> dict[str, Any]:
    """The JSON object that a text is. Raises Unparsable for anything else."""
    try:
        found = json.loads(text)
    except ValueError:
        raise unparsable(what, text, "not JSON, or cut off") from None
    if not isinstance(found, dict):
        raise unparsable(what, text, "not a JSON object")
    return found


def json_list(text: str, what: str) -> list[dict[str, Any]]:
    """The JSON list of objects that a text is. Raises Unparsable for anything else."""
    try:
        found = json.loads(text)
    except ValueError:
        raise unparsable(what, text, "not JSON, or cut off") from None
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise unparsable(what, text, "not a list of JSON objects")
    return found


def status(host: Host, url: str) -> str:
    """The HTTP status with which a URL is answered on the host, 000 for no answer."""
    return code_of(host.run_expect([0, *NO_ANSWER], STATUSES, url).stdout, url)


def status_with_token(host: Host, url: str, token: str) -> str:
    """The same for a request with a token of the platform; the token stands in no command."""
    answer = host.run_active([0, *NO_ANSWER], f"{STATUSES} -K -", url, stdin=f'header = "Cookie: token={token}"\n')
    return code_of(answer.text, url)


def code_of(text: str, url: str) -> str:
    """The status that curl printed."""
    if not re.fullmatch(r"[0-9]{3}\s*", text):
        raise unparsable(f"curl {url}", text)
    return text.strip()


def data_of(found: dict[str, Any], asked: str) -> dict[str, Any]:
    """What Prometheus' API answers with."""
    data = found.get("data")
    if found.get("status") != "success" or not isinstance(data, dict):
        raise Unknown(f"{asked}: {found.get('error') or 'no data'}")
    return data


def entries(found: dict[str, Any], key: str, asked: str) -> list[dict[str, Any]]:
    """The objects of a list in an answer."""
    listed = found.get(key)
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise unparsable(asked, why=f"no list {key!r}")
    return listed


def query(metric: str, labels: Mapping[str, str]) -> str:
    """The URL that asks Prometheus for the series of a metric now."""
    chosen = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{PROMETHEUS}/api/v1/query?query={quote(f'{metric}{{{chosen}}}')}"


def answered(page: Page, what: str) -> str:
    """The text of a page. Mismatch when it was not answered with 200."""
    expect(what, found=page.complaint or "an answer", expected="an answer")
    return page.text


def fetched(host: Host, url: str, what: str) -> dict[str, Any]:
    """The JSON object behind a URL. Mismatch when it is not answered with 200."""
    return json_object(answered(fetch(host, url), what), what)
