"""The answers of hosts and API of a cluster with the platform, generated from the stand-in checkout's manifests with
the status that Kubernetes would give them. No real cluster has been recorded yet; a recording should replace this."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory
from typing import Any

from dlws.config.cluster import Cluster
from dlws.facts import database, listeners, platform, platform_images, running_images
from dlws.facts.docker import ARCHITECTURES
from dlws.facts.npu_info import AGES
from dlws.facts.rendered import sha256
from dlws.inventory import Node
from dlws.kubernetes.apply_plan import FIELD_MANAGER
from dlws.kubernetes.image_archives import with_tag
from dlws.platform import grafana, job_objects, renderings, services, web_files
from dlws.platform import npu_info as generator
from dlws.platform.image_names import CONTEXT_LABEL
from dlws.platform.renderings import Platform
from dlws.remote.modules import FILE_FORM, UNIT_STATES

CHECKOUT = Path(__file__).parents[2] / "lab" / "checkout"
ID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
MADE = "2026-11-24T07:52:23Z"
KEY = b"invented key of the cluster"
LOGIN = job_objects.login("apulistech/", "invented", "invented-for-tests")
IMAGE = "sha256:" + "1b" * 32
KNOWN_HOSTS = """\
192.168.3.2 ssh-ed25519 YXRsYXMwMg== atlas02
# first contact 2026-11-20T08:00:00Z: atlas02 SHA256:P3427mt/OtT42VUA8qZPYnZrPoZOCwaS6wLX1VjQVWg
# confirmed 2026-11-20T09:00:00Z: atlas02 SHA256:P3427mt/OtT42VUA8qZPYnZrPoZOCwaS6wLX1VjQVWg
192.168.3.6 ssh-ed25519 YXRsYXMwMQ== atlas01
192.168.3.4 ssh-ed25519 YXRsYXMtZ3B1MDE= atlas-gpu01
"""
"""The keys are the machines' names."""
_KEPT = TemporaryDirectory()
"""The folder with checkout and id of the proofs' cluster while its healthy answers are generated."""
KINDS = {
    "v1": "bindings/Binding configmaps/ConfigMap secrets/Secret serviceaccounts/ServiceAccount services/Service",
    "apps/v1": "daemonsets/DaemonSet deployments/Deployment",
    "rbac.authorization.k8s.io/v1": "roles/Role rolebindings/RoleBinding",
    "apiregistration.k8s.io/v1": "",
    "monitoring.coreos.com/v1": "prometheuses/Prometheus",
}
WITHOUT_NAMESPACE = {
    "v1": "namespaces/Namespace",
    "rbac.authorization.k8s.io/v1": "clusterroles/ClusterRole clusterrolebindings/ClusterRoleBinding",
    "apiregistration.k8s.io/v1": "apiservices/APIService",
}


def furnish(folder: Path) -> None:
    """Put the checkout, the cluster's id and its key beside a configuration."""
    if not (folder / "checkout").exists():
        (folder / "checkout").symlink_to(CHECKOUT)
    (folder / "docker.json").write_text(LOGIN)
    identity = folder / "state" / "atlas" / "deploy" / "clusterID.yml"
    identity.parent.mkdir(parents=True, exist_ok=True)
    identity.write_text(f"clusterId: {ID}\n")
    (folder / "state" / "atlas" / "known_hosts").write_text(KNOWN_HOSTS)
    key = identity.parent / "sshkey" / "id_rsa"
    key.parent.mkdir(exist_ok=True)
    key.write_bytes(KEY)


def platform_of(cluster: Cluster) -> Platform:
    """The platform of the proofs' cluster, which has no folder of its own."""
    furnish(Path(_KEPT.name))
    return renderings.of(replace(cluster, path=Path(_KEPT.name) / "config.yaml"))


def with_platform(recording: Any, cluster: Cluster) -> Any:
    """The recorded API with the platform's objects, their pods and the API's discovery."""
    objects = {plural: list(recorded) for plural, recorded in recording["objects"].items()}
    for plural, added in _objects(cluster):
        objects.setdefault(plural, []).append(added)
    for group in (KINDS, WITHOUT_NAMESPACE):
        for words in group.values():
            for word in words.split():
                objects.setdefault(word.partition("/")[0], [])
    return {**recording, "objects": objects, "texts": {**recording["texts"], **_discovery()}}


def _discovery() -> dict[str, str]:
    texts = {}
    for version in KINDS:
        resources = [
            {"name": word.partition("/")[0], "kind": word.partition("/")[2], "namespaced": group is KINDS}
            for group in (KINDS, WITHOUT_NAMESPACE)
            for word in group.get(version, "").split()
        ]
        texts[f"/apis/{version}" if "/" in version else f"/api/{version}"] = json.dumps({"resources": resources})
    preferred = {"preferredVersion": {"groupVersion": "apiregistration.k8s.io/v1", "version": "v1"}}
    return texts | {"/apis/apiregistration.k8s.io": json.dumps(preferred)}


def _objects(cluster: Cluster) -> Iterator[tuple[str, Any]]:
    rendered = platform_of(cluster)
    every = [m for service in services.SERVICES for m in rendered.manifests(service.name)]
    for manifest in every:
        yield _live(manifest.object, len(manifest.nodes or ()))
        for node in manifest.nodes or () if manifest.kind == "DaemonSet" else (manifest.nodes or ())[:1]:
            yield "pods", _pod(manifest.object, node)
    for extra in (*job_objects.account(), {**job_objects.pull_secret(LOGIN, KEY), "data": {}}):
        if extra["metadata"]["name"] not in {m.name for m in every if m.kind == extra["kind"]}:
            yield _live(extra, 0)


def with_owner(live: Any) -> Any:
    """A Secret with the API server's record of who set its values: the suite's apply. Others as they are."""
    if live["kind"] != "Secret":
        return live
    values: Any = {"f:data": {f"f:{key}": {} for key in live.get("data") or ()}}
    fields = [{"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": values}]
    return {**live, "metadata": {**live["metadata"], "managedFields": fields}}


def _live(manifest: Any, count: int) -> tuple[str, Any]:
    live = with_owner(copy.deepcopy(manifest))
    words = f"{KINDS[live['apiVersion']]} {WITHOUT_NAMESPACE.get(live['apiVersion'], '')}".split()
    plural = next(plural for plural, _, kind in (w.partition("/") for w in words) if kind == live["kind"])
    if plural not in {w.partition("/")[0] for words in WITHOUT_NAMESPACE.values() for w in words.split()}:
        live["metadata"].setdefault("namespace", "default")
    live["metadata"] |= {"generation": 1, "creationTimestamp": MADE}
    numbers = {
        "daemonsets": ("desiredNumberScheduled", "updatedNumberScheduled", "numberReady", "currentNumberScheduled"),
        "deployments": ("replicas", "updatedReplicas", "readyReplicas"),
    }
    if plural in numbers:
        count = count if plural == "daemonsets" else 1
        live["status"] = {"observedGeneration": 1, **dict.fromkeys(numbers[plural], count)}
    if plural == "apiservices":
        live["status"] = {"conditions": [{"type": "Available", "status": "True", "reason": "Passed"}]}
    return plural, live


def _pod(workload: Any, node: str) -> Any:
    template, about = workload["spec"]["template"], workload["metadata"]
    images = {container["name"]: container["image"] for container in template["spec"]["containers"]}
    return {
        "metadata": {
            "name": f"{about['name']}-{node}",
            "namespace": about.get("namespace", "default"),
            "creationTimestamp": MADE,
            "labels": template["metadata"]["labels"],
        },
        "spec": {"nodeName": node, "containers": [{"name": n, "image": image} for n, image in images.items()]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [
                {
                    "name": name,
                    "ready": True,
                    "restartCount": 0,
                    "state": {"running": {}},
                    "imageID": f"docker://{IMAGE}",
                }
                for name in images
            ],
        },
    }


def _pods_on(cluster: Cluster, node: Node) -> list[Any]:
    return [pod for plural, pod in _objects(cluster) if plural == "pods" and pod["spec"]["nodeName"] == node.name]


def _images_of(pod: Any) -> list[str]:
    return [container["image"] for container in pod["spec"]["containers"]]


def host_answers(cluster: Cluster, node: Node) -> dict[str, str]:
    """The answers of a host to the checks of the platform, by command."""
    rendered, arch = platform_of(cluster), str(node.arch)
    images = list(rendered.images(node))
    answers = {
        "docker version -f '{{.Server.Arch}}'": arch,
        ARCHITECTURES + " ".join(map(quote, images)): _inspected(images, arch),
        **_labels({name: digest for name, digest in rendered.image_digests(node).items() if digest}),
        listeners.HOLDERS: _ports(cluster, node),
        **_files(web_files.NGINX_FILE, rendered.routes),
        **_file_status(web_files.DASHBOARD, kind="directory"),
        **_file_status(web_files.FQDN_FILE),
        f"cat {web_files.FQDN_FILE}": node.fqdn,
        f"python3 - {cluster.master.address} 3306": "refused 1045",
    }
    for workload in services.workloads():
        for port in workload.ports if node in workload.nodes(cluster) else ():
            answers |= _status(f"http://127.0.0.1:{port.number}{port.health}", "200") if port.health else {}
    answers |= _registry(rendered, node)
    run = sorted({image for pod in _pods_on(cluster, node) for image in _images_of(pod) if image in images})
    answers[running_images.IDENTITIES + " ".join(map(quote, run))] = "\n".join(
        f"{json.dumps([with_tag(image)])} null {IMAGE}" for image in run
    )
    if node == cluster.master:
        answers |= _of_master(cluster, rendered)
    if node.device == "npu":
        answers |= _files(generator.UNIT_FILE, generator.UNIT_TEXT) | _files(generator.SCRIPT_FILE, generator.SCRIPT)
        asked = " ".join(f"-p {state}" for state in UNIT_STATES)
        answers[f"systemctl show {generator.UNIT} {asked} --no-pager"] = (
            "LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled"
        )
        names = ["device_list", *(f"device{number}" for number in range(8))]
        answers[AGES] = "\n".join(["1795506983", *(f"1795506981.25 {name}" for name in names)])
    return {command: f"{text}\n" for command, text in answers.items()}


def _registry(rendered: Platform, node: Node) -> dict[str, str]:
    """The answers about images on the machine that builds those of its architecture, and about the registry login."""
    digests, arch = rendered.digests(node.arch), str(node.arch)
    names = " ".join(map(quote, digests))
    pushed = "\n".join(
        f"{json.dumps([with_tag(n)])} {json.dumps([n.rpartition(':')[0] + '@' + IMAGE])}" for n in digests
    )
    return {
        **_labels(digests),
        f"docker image inspect -f '{{{{json .RepoTags}}}} {{{{json .RepoDigests}}}}' {names}": pushed,
        f"python3 - {names}": "\n".join(f"{name}\tfound\t{IMAGE}\t{arch}" for name in digests),
        platform_images.LOGINS: LOGIN,
    }


def _file_status(path: str, *, kind: str = "regular file", mode: str = "644", gid: str = "0") -> dict[str, str]:
    told = {"%F": kind, "%a": mode, "%U": "root", "%G": "root", "%u": "0", "%g": gid}
    return {f"stat -L -c {quote(FILE_FORM)} {path}": re.sub("%[a-zA-Z]", lambda mark: told[mark[0]], FILE_FORM)}


def _labels(digests: dict[str, str]) -> dict[str, str]:
    label = f'{{{{json .RepoTags}}}} {{{{index .Config.Labels "{CONTEXT_LABEL}"}}}}'
    built = "\n".join(f"{json.dumps([with_tag(name)])} {digest}" for name, digest in digests.items())
    return {f"docker image inspect -f {quote(label)} {' '.join(map(quote, digests))}": built}


def _of_master(cluster: Cluster, rendered: Platform) -> dict[str, str]:
    answers: dict[str, str] = {}
    for file in rendered.host_files:
        answers |= _files(file.path, file.text)
        answers |= _file_status(file.path, mode=file.source.mode.lstrip("0"), gid=file.source.group)
        answers |= _file_status(str(Path(file.path).parent), kind="directory", mode="755")
    for folder in ("/var/log/restfulapi", "/data/prometheus/data"):
        answers |= _file_status(folder, kind="directory", mode="755")
    for url in web_files.inner_addresses(cluster, rendered.renderer):
        answers |= _status(url, "401" if "currentUser" in url else "200")
    image = rendered.webui_image
    answers[f"docker image inspect -f '{{{{.Id}}}}' {image}"] = answers[f"cat {web_files.STATIC_SOURCE}"] = IMAGE
    answers |= _file_status(f"{web_files.DASHBOARD}/index.html")
    for route in services.ROUTES:
        path = "/dashboard/index.html" if route.port is None else route.path
        answers |= _status(f"http://127.0.0.1{path}", "401" if path == "/endpoints/" else "200")
    answers |= _status("http://127.0.0.1:5080/endpoints/grafana/", "401")
    answers |= _status("http://admin:admin@127.0.0.1:3000/api/org", "401")
    answers |= _status("http://127.0.0.1:3000/api/datasources", "403")
    shown = [{"title": title, "type": "dash-db"} for title in grafana.dashboards(rendered.manifests("monitor"))]
    answers[_curl(platform.FETCH, "http://127.0.0.1:3000/api/search?type=dash-db&limit=5000")] = json.dumps(shown)
    answers |= _status("http://127.0.0.1:5080/endpoints/v2/NTAwMA==/apis/docs/", "403")
    answers[_curl(f"{platform.STATUSES} -K -", "http://127.0.0.1:5080/endpoints/grafana/")] = "200"
    for url, answer in API_ANSWERS.items():
        answers[_curl(platform.FETCH, url)] = json.dumps(answer)
    answers[database.CONTAINER] = "4f" * 32
    way = f"-h {cluster.master.address} -P 3306"
    answers[f"{database.CLIENT % ('4f' * 32)} {way}"] = "version=8.0.20\nplugin=mysql_native_password"
    answers[database.CLIENT % ("4f" * 32)] = MYSQL_ACCOUNTS
    return answers


MYSQL_ACCOUNTS = """\
account 726F6F74 25 "mysql_native_password" set N YYYYYN
account 6D7973716C2E73657373696F6E 6C6F63616C686F7374 "caching_sha2_password" set Y YNNNNN
account 6D7973716C2E737973 6C6F63616C686F7374 "caching_sha2_password" set Y NNNNNN
account 726F6F74 6C6F63616C686F7374 "caching_sha2_password" set N YYYYYN"""
"""The accounts of mysql/mysql-server:8.0 once root may sign in from elsewhere, as DLWS's SQL lists them."""


def _vector(*series: dict[str, str]) -> dict[str, Any]:
    """Prometheus' answer to an instant query in which every series has the value 8."""
    rows = [{"metric": labels, "value": [1795506983.412, "8"]} for labels in series]
    return {"status": "success", "data": {"resultType": "vector", "result": rows}}


API_ANSWERS: dict[str, Any] = {
    f"{platform.REST}/ListVCs?userName=Administrator": {"result": [{"vcName": "platform"}]},
    f"{platform.REST}/GetAllDevice?userName=Administrator": {"huawei_npu_arm64": {"capacity": 16}},
    f"{platform.REST}/GetClusterStatus?userName=Administrator": {"result": {}},
    "http://127.0.0.1:3000/api/datasources/proxy/1/api/v1/query?query=up": {"status": "success", "data": {}},
    "http://127.0.0.1:3000/api/health": {"database": "ok", "version": "6.7.3"},
    f"{platform.PROMETHEUS}/api/v1/alertmanagers": {
        "status": "success",
        "data": {"activeAlertmanagers": [{"url": "http://192.168.3.2:9093/alert-manager/api/v1/alerts"}]},
    },
    f"{platform.PROMETHEUS}/api/v1/targets": {
        "status": "success",
        "data": {
            "activeTargets": [
                {"scrapeUrl": f"http://192.168.3.{host}:9100/metrics", "health": "up", "lastError": ""}
                for host in (2, 4, 6)
            ]
        },
    },
    **{
        f"{platform.PROMETHEUS}/api/v1/query?query=k8s_node_device_total%7Bhost_ip%3D%22{address}%22%7D": _vector(
            {"host_ip": address, "device_type": kind, "device_str": resource}
        )
        for address, kind, resource in (
            ("192.168.3.2", "huawei_npu_arm64", "npu.huawei.com/NPU"),
            ("192.168.3.6", "huawei_npu_arm64", "npu.huawei.com/NPU"),
            ("192.168.3.4", "nvidia_gpu_amd64", "nvidia.com/gpu"),
        )
    },
    **{
        f"{platform.PROMETHEUS}/api/v1/query?query=huaweismi_utilization_npu%7Binstance%3D%22{address}%3A9102%22%7D": (
            _vector(*({"instance": f"{address}:9102", "minor_number": str(number)} for number in range(8)))
        )
        for address in ("192.168.3.2", "192.168.3.6")
    },
    f"{platform.PROMETHEUS}/api/v1/rules": {
        "status": "success",
        "data": {"groups": [{"name": "node-rules", "rules": [{"name": "NodeNotReady", "health": "ok"}]}]},
    },
}


def _files(path: str, text: str) -> dict[str, str]:
    return {f"sha256sum {path}": f"{sha256(text)}  {path}"}


def _curl(command: str, url: str) -> str:
    return command % quote(url)


def _status(url: str, code: str) -> dict[str, str]:
    return {_curl(platform.STATUSES, url): code}


def _inspected(images: list[str], value: str) -> str:
    return "\n".join(f"{json.dumps([with_tag(image)])} {value}" for image in images)


def _ports(cluster: Cluster, node: Node) -> str:
    rows = [f"{port} pod {name}" for port, name in services.host_ports(cluster, node).items()]
    return "\n".join(["22 host sshd", "10250 host kubelet", *rows])
