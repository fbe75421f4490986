"""Starts Prometheus with the pods of the cluster as its targets: Debian's has no discovery in Kubernetes built in.

In a copy of the configuration each `kubernetes_sd_configs` of role pod becomes a file with the same targets and labels,
which is written anew every few seconds. Everything else, relabelling included, is Prometheus' own.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import standin
import yaml

BINARY = "/usr/bin/prometheus"
CONFIG, TARGETS = Path("/tmp/prometheus.yml"), Path("/tmp/pods.json")
PAUSE = 5
FLAG = "--config.file="


def without_discovery(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with the file in place of the discovery. ValueError for a role that is not `pod`."""
    places = [*(config.get("scrape_configs") or []), *((config.get("alerting") or {}).get("alertmanagers") or [])]
    for place in places:
        for discovery in place.pop("kubernetes_sd_configs", None) or []:
            if discovery.get("role") != "pod":
                raise ValueError(f"kubernetes_sd_configs: only role pod is known here, not {discovery.get('role')}")
            place["file_sd_configs"] = [{"files": [str(TARGETS)], "refresh_interval": f"{PAUSE}s"}]
    return config


def targets(pods: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each port of each container of each pod that has an address, labelled as Prometheus' role pod labels it."""
    for pod in pods:
        address = pod["status"].get("podIP")
        if not address:
            continue
        labels = {
            "namespace": pod["metadata"]["namespace"],
            "pod_name": pod["metadata"]["name"],
            "pod_ip": address,
            "pod_host_ip": pod["status"].get("hostIP", ""),
            "pod_node_name": pod["spec"].get("nodeName", ""),
            "pod_phase": pod["status"].get("phase", ""),
            **_flat("pod_label", pod["metadata"].get("labels")),
            **_flat("pod_annotation", pod["metadata"].get("annotations")),
        }
        for container in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]:
            named = {**labels, "pod_container_name": container["name"]}
            for port in container.get("ports") or []:
                number = str(port["containerPort"])
                ported = {"pod_container_port_name": port.get("name", ""), "pod_container_port_number": number}
                yield _target(f"{address}:{number}", {**named, **ported})
            if not container.get("ports"):
                yield _target(address, named)


def _flat(kind: str, found: dict[str, str] | None) -> dict[str, str]:
    return {f"{kind}_{re.sub(r'[^a-zA-Z0-9_]', '_', key)}": value for key, value in (found or {}).items()}


def _target(address: str, labels: dict[str, str]) -> dict[str, Any]:
    return {"targets": [address], "labels": {f"__meta_kubernetes_{key}": value for key, value in labels.items()}}


def write_targets() -> None:
    """Ask for the pods and write the file, complete or not at all."""
    new = TARGETS.with_suffix(".new")
    new.write_text(json.dumps(list(targets(standin.api("/api/v1/pods")["items"]))))
    new.replace(TARGETS)


def main() -> int:
    """Run Prometheus to its end; return its exit status."""
    words = sys.argv[1:]
    path = next((word.removeprefix(FLAG) for word in words if word.startswith(FLAG)), None)
    if path:
        config = standin.settings(path)
        if "kubernetes_sd_configs" in json.dumps(config):
            CONFIG.write_text(yaml.safe_dump(without_discovery(config)))
            TARGETS.write_text("[]")
            standin.every(PAUSE, write_targets)
            words = [f"{FLAG}{CONFIG}" if word.startswith(FLAG) else word for word in words]
    server = subprocess.Popen([BINARY, *words])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.terminate())
    while server.poll() is None:
        time.sleep(0.2)
    return server.returncode


if __name__ == "__main__":
    sys.exit(main())
