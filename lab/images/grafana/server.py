"""A stand-in for Grafana 6.7: what run-grafana.sh hands it, who may ask for what, one plain page.

As there, only files with the right ends of their names are read, a dashboard that is refused is one line of the log,
visitors are viewers, and the administrator's password is `admin` unless the pod says otherwise.
"""

from __future__ import annotations

import base64
import hmac
import html
import json
import os
import re
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import standin

FOLDER = Path("/grafana-configuration")
PORT = int(os.environ.get("GF_SERVER_HTTP_PORT", "3000"))
LONGEST_UID = 40
ADMIN = f"admin:{os.environ.get('GF_SECURITY_ADMIN_PASSWORD', 'admin')}"
INSTALLER = f"{os.environ.get('USER', 'admin')}:{os.environ.get('PASSWORD', 'admin')}"


def refusal(dashboard: Any, there: list[dict[str, Any]]) -> str:
    """Why the import of a dashboard is refused; empty if it is not."""
    if not isinstance(dashboard, dict) or not dashboard.get("title"):
        return "Dashboard title cannot be empty"
    uid = str(dashboard.get("uid") or "")
    if len(uid) > LONGEST_UID:
        return "uid to long. max 40 characters"
    if not re.fullmatch(r"[A-Za-z0-9_-]*", uid):
        return "uid contains illegal characters"
    if any(dashboard["title"].lower() == other["title"].lower() for other in there):
        return "A dashboard with the same name in the folder already exists"
    if uid and any(uid == other.get("uid") for other in there):
        return "A dashboard with the same uid already exists"
    return ""


def installed(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The data sources and dashboards of the folder, as the image's script puts them in, by name."""
    if INSTALLER != ADMIN:
        standin.say("install failed: Invalid username or password")
        return [], []
    sources = [_read(file) for file in sorted(folder.glob("*-datasource.json"))]
    dashboards: list[dict[str, Any]] = []
    for file in sorted(folder.glob("*-dashboard.json")):
        dashboard: Any = (_read(file) or {}).get("dashboard")
        why = refusal(dashboard, dashboards)
        standin.say(f"{file.name}: {f'install failed: {why}' if why else 'installed ok'}")
        dashboards += [] if why else [dashboard]
    return [source for source in sources if source], dashboards


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        standin.say(f"{file.name}: install failed: bad request data: {error}")
        return None


def signed_in(request: standin.Request) -> str | None:
    """Who asks: `admin`, nobody in particular, or None for a wrong password."""
    kind, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if not kind:
        return ""
    given = base64.b64decode(encoded, validate=False).decode(errors="replace")
    return "admin" if kind == "Basic" and hmac.compare_digest(given.encode(), ADMIN.encode()) else None


def page(request: standin.Request) -> standin.Answer:
    """The names of the dashboards."""
    titles = "".join(f"<li>{html.escape(one['title'])}</li>" for one in DASHBOARDS)
    return standin.Answer(f"<!doctype html><title>Grafana</title><h1>Grafana</h1><ul>{titles}</ul>", kind=standin.HTML)


def health(request: standin.Request) -> standin.Answer:
    """As Grafana says it."""
    return standin.Answer({"commit": "stand-in", "database": "ok", "version": "6.7.3"})


def search(request: standin.Request) -> standin.Answer:
    """Every dashboard by uid and title."""
    found = [{"uid": one.get("uid", ""), "title": one["title"], "type": "dash-db"} for one in DASHBOARDS]
    return standin.Answer(found)


def administrators(request: standin.Request) -> standin.Answer:
    """What only an administrator is told: the data sources, or the organisation."""
    who = signed_in(request)
    if who is None:
        return standin.Answer({"message": "Invalid username or password"}, 401)
    if not who:
        return standin.Answer({"message": "Permission denied"}, 403)
    return standin.Answer(SOURCES if request.path == "/api/datasources" else {"id": 1, "name": "Main Org."})


def proxied(request: standin.Request) -> standin.Answer:
    """What the data source answers to a viewer's question."""
    _, _, _, _, number, *path = request.path.split("/")
    if not number.isdigit() or not 0 < int(number) <= len(SOURCES):
        return standin.Answer({"message": "Unable to find datasource"}, 404)
    url = f"{SOURCES[int(number) - 1]['url']}/{'/'.join(path)}?{urllib.parse.urlencode(request.query)}"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return standin.Answer(answer.read())
    except OSError as error:
        return standin.Answer(f"Bad Gateway: {error}", 502, standin.TEXT)


if __name__ == "__main__":
    SOURCES, DASHBOARDS = installed(FOLDER)
    routes = {
        "/": page,
        "/api/health": health,
        "/api/search": search,
        "/api/org": administrators,
        "/api/datasources": administrators,
        "/api/datasources/proxy/": proxied,
    }
    standin.serve(routes, PORT)
