"""`parameters`: the mapping `cnf`, with which DLWorkspace's templates are rendered.

The defaults of the checkout's params.py, overridden by the configuration, overridden by what deploy.py derives at run
time (docs/upstream.md#configuration). Where deploy.py merges upstream's accounts into the site's (`UserGroups`,
`Authentications`), only the configuration is used.
"""

from __future__ import annotations

import copy
import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dlws.config.cluster import Cluster
from dlws.config.finding import KeyPath, shown
from dlws.config.validation import is_secret, secrets_in
from dlws.inventory import Role
from dlws.kubernetes import device_plugins, labels
from dlws.parse.mappings import merged
from dlws.platform import own_secrets
from dlws.upstream import service_token
from dlws.upstream.checkout import PARAMS, Checkout, CheckoutError

Parameters = dict[str, Any]

REPLACED: Final = frozenset({"UserGroups", "Authentications"})
"""Keys whose defaults are upstream's own accounts and applications; only the configuration's values are used."""
OWN: Final = frozenset({"suite", "dlworkspace", "scale_up", "scale_down"})
"""Keys of the configuration that templates do not get; the machines of `scale_up` are among `machines`."""
SIGN_IN: Final[Mapping[str, Mapping[str, str]]] = {
    "Microsoft": {"TenantId": "", "ClientId": "", "ClientSecret": ""},
    "Wechat": {"AppId": "", "AppSecret": ""},
}
"""Keys that the templates read without a default."""
PLAIN_TAG: Final = "1.9"
"""Upstream's fixed tag of the images watchdog and job-exporter, which have no cluster prefix."""
EMPTY: Final = frozenset(
    """
    WinbindServers default_cpulimit default_cpurequest default_memorylimit default_memoryrequest dnsPolicy
    enable_jobmanager_debug_mode extranet_port job-manager local_fast_storage master_token nccl_ib_disable
    private_docker_registry_username rest-api smbUserPassword smbUsername sqlserver-database sqlserver-hostname
    sqlserver-password sqlserver-username usefreeflow vc_node_hard_assignment vc_without_shared_storage
    """.split()  # noqa: SIM905
)
"""Keys that templates of V0.1.6.1 use although neither params.py nor deploy.py sets them; they render as empty."""
EMPTY_WITHIN: Final = (
    ("prometheus", "cluster_name"),
    ("Authentications", "DingTalk"),
    ("repair-manager", "alert", "smtp_url"),
)
"""The same for nested keys; without a mail server repairmanager2 sends no alerts."""


def parameters(cluster: Cluster, checkout: Checkout, cluster_id: str) -> Parameters:
    """The mapping `cnf`. It contains secrets; `masked` removes them.

    `cluster_id` is the one in deploy/clusterID.yml, after which the platform's database is named.
    CheckoutError if params.py is not plain, or has a mapping where the configuration has another value.
    """
    try:
        return _parameters(cluster, checkout, cluster_id)
    except KeyError as error:
        raise CheckoutError(f"{PARAMS}: {error.args[0]} is missing, which every params.py of DLWorkspace has") from None


def mysql_data(cluster: Cluster) -> str:
    """The folder of MySQL's data on the master, with a folder for each database; upstream's default if not set."""
    return cluster.settings.mysql_data_path or "/var/lib/mysql"


def _parameters(cluster: Cluster, checkout: Checkout, cluster_id: str) -> Parameters:
    written = _set({key: copy.deepcopy(value) for key, value in cluster.document.items() if key not in OWN})
    defaults = {key: value for key, value in checkout.defaults().items() if key not in REPLACED}
    _require_mappings(defaults, written, ())
    cnf = merged(defaults, written)
    cnf["machines"] = {node.name: _machine(cluster, node.name) for node in cluster.nodes}
    cnf["clusterId"] = cluster_id
    cnf.setdefault("ssh_port", 22)  # of jobs' containers; v1.3.0's default
    cnf |= _nodes(cluster)
    cnf |= _addresses(cluster, cnf)
    cnf |= _platform(cluster, cnf)
    cnf |= own_secrets.of(cluster, cluster_id)
    for key in EMPTY - cnf.keys():
        cnf[key] = ""
    for *sections, key in EMPTY_WITHIN:
        within = cnf
        for section in sections:
            within = within.setdefault(section, {})
        within.setdefault(key, "")
    cnf["repair-manager"].setdefault("cluster_name", cluster.name)
    cnf["dockers"]["container"] = dict(_containers(checkout, cnf))
    return cnf


def masked(cnf: Parameters) -> Parameters:
    """The parameters with each secret replaced by its key's name, `<mysql_password>`, for display only."""
    return {key: _masked(value, (key,)) for key, value in cnf.items()}


def secrets(cnf: Parameters) -> tuple[str, ...]:
    """Every secret that a rendered file may contain, longest first, including the token derived from the key."""
    values = {secret for path, value in leaves(cnf) for secret in secrets_in(path, value)}
    return tuple(sorted(values - {"", "None"}, key=lambda secret: (-len(secret), secret)))


def leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Every plain value of the parameters with the path of its key; the members of a list have the list's."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, path)
    elif path:
        yield path, value


def _nodes(cluster: Cluster) -> Parameters:
    """The machines by role; upstream places every platform service on the first infrastructure machine."""
    master, workers = cluster.master.fqdn, [node.fqdn for node in cluster.workers]
    everywhere = ("webportal_node", "restfulapi_node", "mysql_node", "influxdb_node", "elasticsearch_node")
    return dict.fromkeys(everywhere, master) | {
        "etcd_node": [master],
        "kubernetes_master_node": [master],
        "worker_node": workers,
        "mysqlserver_node": [],
        "nfs_node": [],
        "samba_node": [],
        "zookeepernodes": master,
        "zookeepernumberofnodes": "1",
        "master_ip": cluster.master.address,
        "etcd_private_ip": cluster.master.address,
        "network_domain": cluster.domain,
    }


def _addresses(cluster: Cluster, cnf: Parameters) -> Parameters:
    """URLs and addresses. `.1` of the service range is the API server's, `.10` is where kubeadm puts DNS."""
    master = cluster.master.fqdn
    services = ipaddress.IPv4Network(cluster.service_range, strict=False)
    cnf["prometheus"].setdefault("host", master)
    boards = {"servers": master, "port": cnf["grafana"]["port"]} | cnf.get("Dashboards", {}).get("grafana", {})
    return {
        "api-server-ip": str(services[1]),
        "dns-server-ip": str(services[10]),
        "api_servers": f"https://{master}:{cnf['k8sAPIport']}",
        "etcd_endpoints": f"https://{master}:{cnf['etcd3port1']}",
        "restapi": f"http://{master}:{cnf['restfulapiport']}",
        "grafana_endpoint": f"http://{boards['servers']}:{boards['port']}",
        "prometheus_endpoint": f"http://{cnf['prometheus']['host']}:{cnf['prometheus']['port']}",
    }


def _platform(cluster: Cluster, cnf: Parameters) -> Parameters:
    admin, registry, size = cluster.admin_username, cnf["dockerregistry"], cnf["onpremise_cluster"]
    kinds = {labels.worker_labels(cluster, node)["gpuType"] for node in device_plugins.hosts(cluster)}
    vendors = [str(node.vendor) for node in cluster.nodes if node.device_count]
    jwt = {"algorithm": "HS256", "token_ttl": 86400} | cnf["jwt"]
    accounts = cnf.get("Authentications") or {}
    return {
        "dockerprefix": cnf.get("dockerprefix") or f"{cluster.name}_",
        "worker-dockerregistry": cnf.get("worker-dockerregistry") or registry,
        "infrastructure-dockerregistry": cnf.get("infrastructure-dockerregistry") or registry,
        "etcd_user": admin,
        "nfs_user": admin,
        "kubernetes_master_ssh_user": admin,
        "hdfs_cluster_name": cluster.name,
        "platform_type": "onpremise",
        "worker_node_num": size.get("worker_node_num", sum(node.role is Role.WORKER for node in cluster.nodes)),
        "gpu_count_per_node": size.get("gpu_count_per_node", max(node.device_count for node in cluster.nodes)),
        "gpu_type": size.get("gpu_type", next(iter(vendors), "None")),
        "defalt_virtual_cluster_device_type_list": sorted(kinds),
        "jwt": jwt,
        "usermanagerapitoken": service_token.service_token(str(jwt["secret_key"])),
        "Authentications": dict(accounts)
        | {name: dict(empty) | (accounts.get(name) or {}) for name, empty in SIGN_IN.items()},
    }


def _containers(checkout: Checkout, cnf: Parameters) -> Iterator[tuple[str, dict[str, str]]]:
    """`dockers.container`: the full name of every image, by upstream's rules (DockerUtils.py `config_dockers`)."""
    dockers, registry = cnf["dockers"], cnf["worker-dockerregistry"]
    for folder in checkout.image_folders():
        name = folder.lower()
        system = dockers.get("system", {})
        if folder in system:
            full = f"{dockers['hub']}{name}:{system[folder].get('tag', dockers['tag'])}"
        elif folder in ("job-exporter", "watchdog"):
            full = f"{registry}{name}:{PLAIN_TAG}"
        else:
            full = f"{registry}{cnf['dockerprefix']}{name}:{cnf['dockertag']}"
        yield folder, {"fullname": full}
    for name, external in dockers.get("external", {}).items():
        yield name, {"fullname": external.get("fullname", f"{dockers['hub']}{name.lower()}:{dockers['tag']}")}


def _machine(cluster: Cluster, name: str) -> dict[str, Any]:
    for section in ("machines", "scale_up"):
        if name in cluster.document.get(section, {}):
            return dict(cluster.document[section][name])
    raise KeyError(name)


def _set(written: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that have a value: `mysql_port:` and nothing behind it is a key that is not set."""
    kept = {key: _set(value) if isinstance(value, dict) else value for key, value in written.items()}
    return {key: value for key, value in kept.items() if value is not None}


def _require_mappings(defaults: Mapping[str, Any], data: Mapping[str, Any], path: KeyPath) -> None:
    for key, value in data.items():
        below = defaults.get(key)
        if isinstance(below, dict) and not isinstance(value, dict):
            where = ".".join(map(str, (*path, key)))
            raise CheckoutError(f"{PARAMS}: {where} is a mapping there, the configuration has {shown(value)}")
        if isinstance(below, dict):
            _require_mappings(below, value, (*path, key))


def _masked(value: Any, path: KeyPath) -> Any:
    if isinstance(value, dict):
        return {key: _masked(item, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, path) for item in value]
    hidden = path and value not in ("", None) and not isinstance(value, bool) and is_secret(path)
    return f"<{path[-1]}>" if hidden else value
