"""The ConfigMaps that DLWorkspace generates before it renders: `pre-render.sh` of jobmanager2 and monitor, natively.

Upstream runs kubectl and Python scripts that write into the source tree; here the same objects are made from the same
files and nothing is written. Sources: services/jobmanager2, services/monitor of V0.1.6.1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import yaml

from dlws.platform.templates import Renderer, TemplateError
from dlws.upstream.checkout import SERVICES, CheckoutError

INIT_SCRIPTS: Final = "src/init-scripts"
_MONITOR: Final = f"{SERVICES}/monitor"
_RULES: Final = "kill-idle.rules"

Maker = Callable[[Renderer], dict[str, Any]]


def job_scripts(renderer: Renderer) -> dict[str, Any]:
    """`dlws-scripts`: the scripts that prepare a job's container."""
    return _config_map("dlws-scripts", "default", _copied(renderer, INIT_SCRIPTS))


def alert_rules(renderer: Renderer) -> dict[str, Any]:
    """`prometheus-alert`: the rules of the tree, and those of `prometheus.alerting.kill-idle` (VC to idle hours)."""
    rules = _copied(renderer, f"{_MONITOR}/alerting")
    rules[_RULES] = _kill_idle(renderer.cnf["prometheus"].get("alerting", {}).get("kill-idle") or {})
    return _config_map("prometheus-alert", "kube-system", rules)


def alert_templates(renderer: Renderer) -> dict[str, Any]:
    """`alert-templates`: Alertmanager's own templates, copied because they use the same braces as Jinja2."""
    return _config_map("alert-templates", "kube-system", _copied(renderer, f"{_MONITOR}/alert-templates"))


def grafana_dashboards(renderer: Renderer) -> dict[str, Any]:
    """`grafana-configuration`: every dashboard and the data source, 0.6 MB, which only server-side apply accepts."""
    folder, raw = f"{_MONITOR}/grafana-config", f"{_MONITOR}/grafana-config-raw"
    dashboards = {name: renderer.text(f"{folder}/{name}") for name in _jsons(renderer, folder)}
    for name in _jsons(renderer, raw):
        path = f"{raw}/{name}"
        dashboards[name] = renderer.rendered(json.dumps(_importable(renderer, path), indent=2), path)
    for name, text in dashboards.items():
        _json(text, f"{folder}/{name}")
    return _config_map("grafana-configuration", "kube-system", dashboards)


MADE: Final[Mapping[str, Maker]] = {
    f"{SERVICES}/jobmanager2/dlws-scripts.yaml": job_scripts,
    f"{_MONITOR}/prometheus-alerting.yaml": alert_rules,
    f"{_MONITOR}/alert-templates.yaml": alert_templates,
    f"{_MONITOR}/grafana-config.yaml": grafana_dashboards,
}
"""By manifest that a launch order names and the tree lacks, the function that makes it."""


def _config_map(name: str, namespace: str, data: Mapping[str, str]) -> dict[str, Any]:
    about = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": dict(sorted(data.items()))}


def _copied(renderer: Renderer, folder: str) -> dict[str, str]:
    files = renderer.checkout.files(folder)
    if not files:
        raise CheckoutError(f"{folder}: no files in it")
    return {name: renderer.checkout.read(f"{folder}/{name}") for name in files}


def _kill_idle(hours: Mapping[str, int]) -> str:
    rules = [rule for vc, limit in sorted(hours.items()) for rule in _idle_rules(vc, limit)]
    return yaml.safe_dump({"groups": [{"name": "kill-idle", "rules": rules}]}, sort_keys=False)


def _idle_rules(vc: str, hours: int) -> Iterator[dict[str, Any]]:
    idle = f"avg(task_device_percent{{vc_name={json.dumps(vc)}}}) by (user_email, job_name, vc_name) == 0"
    for alert, kind in ((f"kill-idle-jobs-email-{vc}", "kill_idle_job_email"), (f"kill-idle-jobs-{vc}", "reaper")):
        yield {"alert": alert, "for": f"{hours}h", "expr": idle, "labels": {"type": kind}}


def _jsons(renderer: Renderer, folder: str) -> list[str]:
    return [name for name in renderer.checkout.files(folder) if name.endswith(".json")]


def _importable(renderer: Renderer, path: str) -> dict[str, Any]:
    """An exported dashboard in the form of Grafana's API: no inputs, the default data source, an id from its title."""
    dashboard = _json(renderer.checkout.read(path), path)
    for key in ("__inputs", "__requires"):
        dashboard.pop(key, None)
    for part in [*dashboard.get("panels", []), *dashboard.get("templating", {}).get("list", [])]:
        if "datasource" in part:
            part["datasource"] = None
    if dashboard.get("title"):
        dashboard["uid"] = str(dashboard["title"]).replace(" ", "-").lower()
    return {"dashboard": dashboard}


def _json(text: str, path: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise TemplateError(path, getattr(error, "lineno", 0), f"not JSON: {error}") from None
    if not isinstance(document, dict):
        raise TemplateError(path, 1, "no JSON object")
    return document
