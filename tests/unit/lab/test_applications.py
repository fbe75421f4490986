"""The stand-in's applications take what the suite writes for them, as the real ones would."""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlws.platform import manifests, npu_info, rendering, services, web_files
from dlws.platform.manifests import Manifest
from lab import devices
from lab.plan import HOSTS
from tests.kits.checkout import STAND_IN, cluster_of
from tests.kits.programs import CONTEXTS, IMAGES, STANDIN, module
from tests.unit.lab.test_standins import NPU, Tool

PROMETHEUS = module(IMAGES / "prometheus/usr/local/bin/prometheus.py")
EXPORTER = module(CONTEXTS / "job-exporter/src/main.py")
WEBUI = module(STAND_IN / "src/dashboard/server/index.py")


def local_yaml(folder: Path) -> Path:
    cluster = cluster_of(folder)
    path = folder / "local.yaml"
    path.write_text(web_files.local_yaml(cluster, rendering.renderer(cluster)))
    return path


def test_the_web_interface_starts_with_the_documentations_example(tmp_path: Path) -> None:
    found = WEBUI.configured(str(local_yaml(tmp_path)))
    assert found["wechat"] == {"appId": "", "appSecret": ""}
    assert found["activeDirectory"] == {"tenant": "", "clientId": "", "clientSecret": ""}


def test_the_web_interfaces_server_asks_the_user_dashboard_by_the_masters_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def ask(url: str, headers: dict[str, str]) -> dict[str, Any]:
        asked.append(url)
        return {"success": True, "id": 1}

    monkeypatch.setattr(WEBUI, "SETTINGS", WEBUI.configured(str(local_yaml(tmp_path))), raising=False)
    monkeypatch.setattr(STANDIN, "ask", ask)
    answer = WEBUI.bootstrap(STANDIN.Request("/api/bootstrap.js", {}, {"Cookie": "x=1; token=a.b.c"}))
    assert asked == ["http://atlas01.sigsus.cn/custom-user-dashboard-backend/auth/currentUser"]
    assert '"id": 1' in answer.content
    assert '"userGroupPath": "/custom-user-dashboard"' in answer.content


@pytest.mark.parametrize("name", WEBUI.READ_AT_START)
def test_the_web_interface_ends_without_a_property(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = local_yaml(tmp_path)
    web = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({key: value for key, value in web.items() if key != name}))
    with pytest.raises(SystemExit):
        WEBUI.configured(str(path))
    assert f'Configuration property "{name}" is not defined' in capsys.readouterr().err


def scraped(manifest: Manifest) -> set[int]:
    """The ports that Prometheus would ask a pod on the host's network for, by upstream's relabelling."""
    template = manifest.object["spec"]["template"]
    pod = {**template, "metadata": {"namespace": "x", "name": "x", **template["metadata"]}}
    pod["status"] = {"podIP": "192.168.3.2", "hostIP": "192.168.3.2"}
    ports = set()
    for target in PROMETHEUS.targets([pod]):
        labels, annotation = target["labels"], "__meta_kubernetes_pod_annotation_prometheus_io"
        if labels.get(f"{annotation}_scrape") == "true" and "prom-ign-" not in str(labels):
            listed = labels.get(f"{annotation}_port") or target["targets"][0].partition(":")[2]
            ports.add(int(listed or 80))
    return ports


@pytest.mark.parametrize("service", services.SERVICES, ids=lambda service: service.name)
def test_prometheus_asks_a_pod_only_for_ports_of_its_own(tmp_path: Path, service: services.Service) -> None:
    cluster = cluster_of(tmp_path)
    own = {port.number for workload in service.workloads for port in workload.ports}
    for manifest in manifests.of_service(cluster, rendering.renderer(cluster), service.name):
        if manifest.nodes:
            assert scraped(manifest) <= own, manifest.title


NGINX = """#!/bin/sh
# Stands for nginx' command: signals the server that runs, or becomes one.
case "$*" in
    "-s reload") [ -e $PLACE/listens ] || exit 1 ;;
    "-s quit") rm -f $PLACE/listens ;;
    *) touch $PLACE/listens ;;
esac
"""


def test_nginx_listens_where_no_certificate_can_be_had(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path)
    found = manifests.placeable(manifests.of_service(cluster, rendering.renderer(cluster), "nginx"))[0]
    (container,) = found.object["spec"]["template"]["spec"]["containers"]
    places = {"/home/": f"{IMAGES}/nginx/home/", "/etc/": f"{tmp_path}/etc/", "sleep 10": "sleep 0.1"}
    for name, text in {"nginx": NGINX, "sed": "#!/bin/sh\n", "cat": "#!/bin/sh\n", "md5sum": "#!/bin/sh\n"}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    command = [reduce(lambda text, pair: text.replace(*pair), places.items(), word) for word in container["command"]]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PLACE": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            assert appears(tmp_path / "listens")
        finally:
            server.terminate()


def appears(path: Path) -> bool:
    """Whether a file is there within three seconds."""
    end = time.monotonic() + 3
    while time.monotonic() < end and not path.exists():
        time.sleep(0.05)
    return path.exists()


def generated(folder: Path) -> Path:
    """What the suite's generator writes in one round on an NPU host of the lab."""
    npus = Tool(folder, devices.npus(HOSTS["atlas01"]), [NPU / "npu-table.awk", NPU / "npu-smi.awk"])
    words = " ".join(f"'{option}'" for option in npus.options)
    for name, text in {"npu-smi": f'awk -F "\t" {words} -- "$@"', "sleep": "kill -9 $PPID"}.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    script = npu_info.SCRIPT.replace(npu_info.FOLDER, str(folder / "out"))
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["/bin/sh", "-c", script], env={"PATH": path}, capture_output=True, timeout=60, check=False)
    return folder / "out"


def test_the_exporter_reads_what_the_generator_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = generated(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    counted = Counter(line.partition("{")[0] for line in EXPORTER.npu_samples(files))
    names = ("huaweismi_utilization_npu", "huaweismi_utilization_mem", "huaweismi_temperature")
    assert counted == dict.fromkeys(names, 8)


@pytest.mark.parametrize("text", ["\tNPU ID Chip ID\n\t0 0 0 Ascend 910A\n", "\tNPU ID\n\t0 0\n"])
def test_the_exporter_wants_four_words_in_each_line(text: str) -> None:
    with pytest.raises(ValueError, match="values to unpack"):
        EXPORTER.numbers(text)
