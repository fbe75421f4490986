"""A stand-in for Grafana: its health, its data source and dashboards as the ConfigMap gives them, one plain page."""

from __future__ import annotations

import html
import json
import os
from pathlib import Path
from typing import Any

import standin

FOLDER = Path("/grafana-configuration")
PORT = int(os.environ.get("GF_SERVER_HTTP_PORT", "3000"))


def read(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Data sources and dashboards of the folder's JSON files; the end if one of them is not JSON."""
    sources, dashboards = [], []
    for file in sorted(folder.glob("*.json")):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            standin.fatal(f"{file}: {error}")
        if "dashboard" in content:
            dashboards.append(content["dashboard"])
        else:
            sources.append(content)
    return sources, dashboards


def page(request: standin.Request) -> standin.Answer:
    """The names of the dashboards."""
    titles = "".join(f"<li>{html.escape(one.get('title', ''))}</li>" for one in DASHBOARDS)
    return standin.Answer(f"<!doctype html><title>Grafana</title><h1>Grafana</h1><ul>{titles}</ul>", kind=standin.HTML)


def health(request: standin.Request) -> standin.Answer:
    """As Grafana says it."""
    return standin.Answer({"commit": "stand-in", "database": "ok", "version": "6.7.3"})


def search(request: standin.Request) -> standin.Answer:
    """Every dashboard by uid and title."""
    found = [{"uid": one.get("uid", ""), "title": one.get("title", ""), "type": "dash-db"} for one in DASHBOARDS]
    return standin.Answer(found)


def sources(request: standin.Request) -> standin.Answer:
    """The data sources as they are configured."""
    return standin.Answer(SOURCES)


if __name__ == "__main__":
    SOURCES, DASHBOARDS = read(FOLDER)
    routes = {"/": page, "/api/health": health, "/api/search": search, "/api/datasources": sources}
    standin.serve(routes, PORT)
