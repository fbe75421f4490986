"""What a DLWorkspace checkout says by its own rules: parameters, objects, labels, files, names of images.

Written from deploy.py, utils.py and DockerUtils.py of V0.1.6.1 (docs/upstream.md), and from nothing in `dlws.platform`,
so that the two can be compared. Nothing of the checkout is run: params.py is read as a literal, templates are rendered
in Jinja2's sandbox, as leniently as deploy.py does.
"""

from __future__ import annotations

import ast
import copy
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from jinja2.sandbox import SandboxedEnvironment

BOOTSTRAP: Final = Path("src/ClusterBootstrap")
IMAGES: Final = Path("src/docker-images")
OWN: Final = ("suite", "dlworkspace", "scale_up", "scale_down")
"""Keys of the configuration that are the suite's; deploy.py moves the machines of scale_up to machines."""
TOKEN: Final = "(a token that expires ten years after it was made)"
_CONFIG_MAP: Final = re.compile(r"create configmap (\S+) --from-file=\$\{dir\}/(\S+) .*> *\$(\w+)")
_DASHBOARDS: Final = re.compile(r"create configmap (\S+) --dry-run .*>> *\$(\w+)")
_TARGET: Final = re.compile(r"(\w+)=\$\{dir\}/(\S+\.yaml)")
_WORKLOADS: Final = ("Deployment", "DaemonSet", "ReplicaSet", "CronJob")
_ACCELERATORS: Final = ("npu", "gpu")


class Upstream:
    """One checkout with one configuration, `written` as in the file."""

    def __init__(self, root: Path, written: Mapping[str, Any], cluster_id: str) -> None:
        self.root = root
        self._environment = SandboxedEnvironment()
        self.cnf = _parameters(root, written, cluster_id)
        self.masters: list[str] = self.cnf["etcd_node"]
        self.takes_jobs = bool(written.get("suite", {}).get("kubernetes", {}).get("master_as_worker"))
        """Whether the master was uncordoned, `kubernetes uncordon`."""

    def text(self, name: Path) -> str | None:
        """A rendered file; None if it is not text or cannot be rendered, where deploy.py leaves the former file."""
        source = (self.root / name).read_bytes()
        copied = name.name in self.cnf["render-by-copy"] or name.suffix in self.cnf["render-by-copy-ext"]
        try:
            text = source.decode("utf-8")
            return text if copied else self._environment.from_string(text).render(cnf=self.cnf)
        except Exception:  # deploy.py catches as much
            return None

    def objects(self, service: str) -> Iterator[tuple[str, Any]]:
        """The objects of a service, `kubernetes start <service>`, each with the file that it is in."""
        folder = BOOTSTRAP / "services" / service
        made = dict(self._config_maps(folder))
        for name in self._launched(folder):
            if name in made:
                yield name, made[name]
            elif (self.root / folder / name).is_file():
                documents = yaml.load_all(self.text(folder / name) or "", Loader=yaml.BaseLoader)
                yield from ((name, document) for document in documents if document)

    def labels(self) -> dict[str, dict[str, str]]:
        """By machine, the labels of `kubernetes labelservice` and `labelworker`, and of `uncordon` on the master."""
        found: dict[str, dict[str, str]] = {name: {} for name in self.cnf["machines"]}
        targets = dict(self.cnf["kubelabels"])
        for name in self._services_without_target(targets):
            targets[name] = targets["default"]
        for label, target in targets.items():
            for name in found:
                if self._is_target(name, target):
                    found[name][label] = "active"
        for name, machine in self.cnf["machines"].items():
            takes_jobs = machine["role"] == "worker" or self.takes_jobs
            found[name] |= _worker_labels(machine) if takes_jobs else {"archType": machine.get("archtype", "amd64")}
        return found

    def image_name(self, folder: str, arch: str) -> str:
        """The full name that `docker push` gives an image for an architecture."""
        name = str(self.cnf["dockers"]["container"][folder]["fullname"])
        return name if arch == "amd64" else f"{name}-{arch}"

    def dockerfile(self, folder: str, arch: str) -> str:
        """The longest name of a Dockerfile that `Dockerfile-<arch>` starts with; amd64 has no other than the plain."""
        names = [path.name for path in (self.root / IMAGES / folder).glob("Dockerfile*")]
        fitting = [name for name in names if arch != "amd64" and f"Dockerfile-{arch}".startswith(name)]
        return max(fitting, key=len, default="Dockerfile")

    def full_name(self, machine: str) -> str:
        """A machine's full name."""
        return _full_name(machine, self.cnf)

    def _launched(self, folder: Path) -> list[str]:
        archs = {machine.get("archtype", "amd64") for machine in self.cnf["machines"].values()} - {"amd64"}
        orders = ["launch_order", *(f"launch_order_{arch}" for arch in sorted(archs))]
        present = [self.root / folder / order for order in orders if (self.root / folder / order).is_file()]
        lines = [line.strip() for order in present for line in order.read_text(encoding="utf-8").splitlines()]
        return list(dict.fromkeys(line for line in lines if line and not line.startswith("SLEEP")))

    def _config_maps(self, folder: Path) -> Iterator[tuple[str, Any]]:
        """The ConfigMaps that pre-render.sh makes of a folder as it is: by file, the object."""
        script = self.root / folder / "pre-render.sh"
        if not script.is_file():
            return
        text = script.read_text(encoding="utf-8")
        files = dict(_TARGET.findall(text))
        for line in text.splitlines():
            if match := _CONFIG_MAP.search(line):
                metadata = {"name": match[1]} | ({"namespace": "kube-system"} if "=kube-system" in line else {})
                source = (self.root / folder / match[2]).resolve()
                data = {p.name: p.read_text(encoding="utf-8") for p in source.iterdir() if p.is_file()}
                yield files[match[3]], {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            elif match := _DASHBOARDS.search(line):
                metadata = {"name": match[1], "namespace": "kube-system"}
                data = dict(self._dashboards(folder))
                yield files[match[2]], {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}

    def _dashboards(self, folder: Path) -> Iterator[tuple[str, str]]:
        """The files of Grafana's ConfigMap, which is rendered; gen_grafana-config.py makes the raw ones."""
        for file in sorted((self.root / folder / "grafana-config").glob("*.json")):
            yield file.name, self.text(folder / "grafana-config" / file.name) or ""
        for file in sorted((self.root / folder / "grafana-config-raw").glob("*.json")):
            exported = json.loads(file.read_text(encoding="utf-8"))
            board = {key: value for key, value in exported.items() if key not in ("__inputs", "__requires")}
            for holder in (*board["panels"], *board.get("templating", {}).get("list", ())):
                holder |= {"datasource": None} if "datasource" in holder else {}
            board |= {"uid": board["title"].replace(" ", "-").lower()} if board.get("title") else {}
            text = json.dumps({"dashboard": board}, indent=2)
            yield file.name, self._environment.from_string(text).render(cnf=self.cnf)

    def _services_without_target(self, targets: Mapping[str, str]) -> Iterator[str]:
        for folder in sorted(path for path in (self.root / BOOTSTRAP / "services").iterdir() if path.is_dir()):
            inside, made = BOOTSTRAP / "services" / folder.name, {}
            names = [f"{folder.name}.yaml"]
            if (folder / "launch_order").is_file():
                made = dict(self._config_maps(inside))
                names = (folder / "launch_order").read_text(encoding="utf-8").split("\n")
            for name in (name.strip() for name in names):
                document = made.get(name) or self._only_document(inside / name)
                label = document.get("metadata", {}).get("name")
                if label and label not in targets and f"{folder.name}/{Path(name).stem}" not in targets:
                    yield label

    def _only_document(self, name: Path) -> dict[str, Any]:
        """The document of a file that has one; deploy.py fails at more, and gives no label then."""
        if not (self.root / name).is_file():
            return {}
        text = self.text(name) or ""
        try:
            document = yaml.safe_load(text)
        except yaml.YAMLError:
            return {}
        is_alone = name.stem != name.parent.name or any(word in text for word in _WORKLOADS)
        return document if isinstance(document, dict) and is_alone else {}

    def _is_target(self, machine: str, target: str) -> bool:
        full = self.full_name(machine)
        if target == "all":
            return full in self.masters + self.cnf["worker_node"]
        if number := re.fullmatch(r"etcd_node_(\d+)", target):
            return full in self.masters[int(number[1]) - 1 : int(number[1])]
        if target in ("etcd_node", "worker_node", "mysqlserver_node", "nfs_node"):
            return full in (self.cnf.get(target) or ())
        return target in self.cnf["machines"][machine]


def _worker_labels(machine: Mapping[str, Any]) -> dict[str, str]:
    """Of `kubernetes labelworker`, for a machine that takes jobs."""
    arch, kind = machine.get("archtype", "amd64"), machine["type"]
    found = {"archType": arch, "worker": "active", kind: "active"}
    if kind in _ACCELERATORS:
        series = [machine["series"]] if "series" in machine else []
        found |= dict.fromkeys([machine["vendor"], *series], "active")
        found["gpuType"] = "_".join([machine["vendor"], kind, arch, *series])
    return found


def _parameters(root: Path, written: Mapping[str, Any], cluster_id: str) -> dict[str, Any]:
    """deploy.py's `config`: params.py, config.yaml over it, then what is derived."""
    cnf = _merged(_defaults(root), {key: value for key, value in written.items() if key not in OWN})
    cnf["machines"] = copy.deepcopy({**written["machines"], **written.get("scale_up", {})})
    by_role = {
        role: sorted(_full_name(name, cnf) for name, machine in cnf["machines"].items() if machine["role"] == role)
        for role in ("infrastructure", "worker")
    }
    masters, admin, registry = by_role["infrastructure"], cnf["admin_username"], cnf["dockerregistry"]
    first = cnf["service_cluster_ip_range"].rpartition(".")[0]
    mapped = {
        "dockerprefix": f"{cnf['cluster_name'].lower()}_",
        "infrastructure-dockerregistry": registry,
        "worker-dockerregistry": registry,
        "api-server-ip": f"{first}.1",
        "dns-server-ip": f"{first}.53",
        "hdfs_cluster_name": cnf["cluster_name"],
        "mysql_node": masters[0],
        "influxdb_node": masters[0],
        "elasticsearch_node": masters[0],
    }
    cnf |= {key: value for key, value in mapped.items() if not cnf.get(key)}
    cnf |= dict.fromkeys(("etcd_user", "nfs_user", "kubernetes_master_ssh_user"), admin)
    cnf |= {
        "clusterId": cluster_id,
        "etcd_private_ip": next(m["private-ip"] for m in written["machines"].values() if m["role"] == "infrastructure"),
        "etcd_node": masters,
        "kubernetes_master_node": masters,
        "worker_node": by_role["worker"],
        "webportal_node": masters[0],
        "api_servers": f"https://{masters[0]}:{cnf['k8sAPIport']}",
        "etcd_endpoints": ",".join(f"https://{name}:{cnf['etcd3port1']}" for name in masters),
        "platform_type": cnf["supported_platform"][0],
        "network_domain": cnf["network"]["domain"],
        "defalt_virtual_cluster_device_type_list": _device_types(cnf["machines"]),
        "usermanagerapitoken": TOKEN,
    } | {key: cnf["onpremise_cluster"][key] for key in ("worker_node_num", "gpu_count_per_node", "gpu_type")}
    cnf["prometheus"].setdefault("host", masters[0])
    cnf |= _web(cnf, masters[0])
    cnf["dockers"]["container"] = dict(_containers(root, cnf))
    return cnf


def _web(cnf: Mapping[str, Any], master: str) -> dict[str, Any]:
    """What `deploy.py webui` sets before it renders."""
    prometheus, grafana = cnf["prometheus"], cnf["Dashboards"]["grafana"]
    return {
        "restfulapi_node": master,
        "restapi": f"http://{master}:{cnf['restfulapiport']}",
        "grafana_endpoint": f"http://{grafana.get('servers', master)}:{grafana['port']}",
        "prometheus_endpoint": f"http://{prometheus['host']}:{prometheus['port']}",
    }


def _containers(root: Path, cnf: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """DockerUtils.py's `config_dockers`."""
    dockers, worker = cnf["dockers"], cnf["worker-dockerregistry"]
    for folder in sorted(path.name for path in (root / IMAGES).iterdir() if path.is_dir()):
        if folder in dockers["system"]:
            tag = dockers["system"][folder].get("tag", dockers["tag"])
            name = f"{dockers['hub']}{folder.lower()}:{tag}"
        elif folder in ("watchdog", "job-exporter"):
            name = f"{worker}{folder}:1.9"
        else:
            name = f"{worker}{cnf['dockerprefix']}{folder.lower()}:{cnf['dockertag']}"
        yield folder, {"fullname": name}
    for name in dockers["infrastructure"]:
        yield (
            name,
            {"fullname": f"{cnf['infrastructure-dockerregistry']}{cnf['dockerprefix']}{name}:{cnf['dockertag']}"},
        )
    for name, about in dockers["external"].items():
        yield name, {"fullname": about.get("fullname", f"{dockers['hub']}{name.lower()}:{dockers['tag']}")}


def _device_types(machines: Mapping[str, Any]) -> list[str]:
    kinds = (_worker_labels(machine).get("gpuType") for machine in machines.values())
    return sorted({kind for kind in kinds if kind})


def _full_name(machine: str, cnf: Mapping[str, Any]) -> str:
    return f"{machine}.{cnf['network']['domain']}" if len(machine.split(".")) < 3 else machine


def _defaults(root: Path) -> dict[str, Any]:
    module = ast.parse((root / BOOTSTRAP / "params.py").read_text(encoding="utf-8"))
    assigned = [node for node in module.body if isinstance(node, ast.Assign)]
    return dict(
        next(ast.literal_eval(n.value) for n in assigned if "default_config_parameters" in ast.unparse(n.targets[0]))
    )


def _merged(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings are merged; everything else is replaced."""
    result = copy.deepcopy(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else copy.deepcopy(value)
    return result
