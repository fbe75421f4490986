"""kubeadm's inputs and outputs: configurations for init, join and tokens, its errors, its cluster record.

Pure functions. The API version follows the Kubernetes version (kubernetes.io, "kubeadm Configuration"): v1beta2 from
1.15 on, v1beta3 from 1.22 to 1.30. Upstream gave `kubeadm init` two flags only, --control-plane-endpoint and
--kubernetes-version.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
import string
from collections.abc import Iterable, Mapping
from typing import Any, Final

import yaml

from dlws.config.cluster import Cluster
from dlws.inventory import Node
from dlws.parse import plain_yaml
from dlws.parse.network import resolv_conf
from dlws.parse.text import clean, lines, unparsable
from dlws.parse.versions import kubernetes
from dlws.verdict import Unknown

API_PORT: Final = 6443
NODE_PORT_RANGE: Final = range(30000, 50000)
"""Runbook 3.14: job endpoints are NodePort services."""
NODE_PORTS: Final = f"{NODE_PORT_RANGE[0]}-{NODE_PORT_RANGE[-1]}"
"""The same range in the form of the API server's flag: `30000-49999`."""
LOG: Final = "/var/log/dlws-kubeadm.log"
"""The log of the last run of kubeadm on a host."""
NODE_PORTS_FLAG: Final = "service-node-port-range"
TOKEN_SECONDS: Final = 15 * 60
"""A join takes seconds; this allows for a host that is slow to start its kubelet."""
RESOLV_CONFS: Final = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf", "/run/resolvconf/resolv.conf")
"""The files with a host's name servers, in the order in which the suite prefers them for pods."""

_TOKEN: Final = string.ascii_lowercase + string.digits
_KUBELET_CHECK: Final = "[kubelet-check]"
_CHECKS: Final = (_KUBELET_CHECK, "[api-check]", "[control-plane-check]")
"""The second from 1.29 on, the third from 1.31 on."""
_NO_ANSWER: Final = re.compile("failed with error|is not healthy after")
_KUBELET_ENDS: Final = re.compile(
    r"(?:F[0-9]{4} [0-9:.]+ +[0-9]+ [\w.]+:[0-9]+\] (?P<fatal>.*)|.*?(?P<text>(?i:failed to run kubelet).*))"
)
"""A fatal line of klog, up to 1.22; then `Error: failed to run Kubelet: ...`, also inside a line."""
_ERROR: Final = re.compile(r"\s*\[ERROR ([^\]\s]+)\]: (.*)")


def api_version(version: str) -> str:
    """The kubeadm API of a Kubernetes version such as `v1.20.2`. ValueError outside 1.16 to 1.30."""
    minor = kubernetes(version).numbers[:2]
    if not (1, 16) <= minor <= (1, 30):
        raise ValueError(f"Kubernetes {version}: the suite speaks to kubeadm 1.16 to 1.30")
    return "kubeadm.k8s.io/" + ("v1beta2" if minor < (1, 22) else "v1beta3")


def etcd_gateway(version: str) -> str:
    """The path below which kubeadm's etcd answers in JSON: `/v3` from etcd 3.4 (Kubernetes 1.17) on, in 3.3 `/v3beta`.

    Sources: etcd's api_grpc_gateway.md, Notes; `kubeadm_images`.
    """
    return "/v3" if kubernetes(version).numbers[:2] >= (1, 17) else "/v3beta"


def endpoint(cluster: Cluster) -> str:
    """`<master's full name>:6443`, as upstream's --control-plane-endpoint."""
    return f"{cluster.master.fqdn}:{API_PORT}"


def init_config(cluster: Cluster, *, cgroup_driver: str, resolv_conf_path: str) -> str:
    """The file for `kubeadm init --config`. `cgroup_driver` is Docker's; `resolv_conf_path` has no loopback servers.

    Entries of suite.kubernetes.kubeadm are added but do not override the suite's own settings.
    """
    api, master = api_version(cluster.kubernetes_version), cluster.master
    init = {
        "apiVersion": api,
        "kind": "InitConfiguration",
        "bootstrapTokens": [{"ttl": "1m0s"}],  # each join gets its own token
        "localAPIEndpoint": {"advertiseAddress": master.address, "bindPort": API_PORT},
        "nodeRegistration": _registration(cluster, master, resolv_conf_path),
    }
    kubelet = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": cgroup_driver,
    }
    proxy = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}
    documents = [init, _cluster_configuration(cluster, api), kubelet, proxy]
    extra = cluster.suite.kubernetes.kubeadm
    return _yaml(*(_added(document, extra.get(document["kind"], {})) for document in documents))


def join_config(cluster: Cluster, node: Node, *, token: str, ca_hash: str, resolv_conf_path: str) -> str:
    """The file for `kubeadm join --config`. It contains the token, so pass it on stdin, never in argv or a log."""
    return _yaml(
        {
            "apiVersion": api_version(cluster.kubernetes_version),
            "kind": "JoinConfiguration",
            "discovery": {
                "bootstrapToken": {
                    "apiServerEndpoint": endpoint(cluster),
                    "token": token,
                    "caCertHashes": [ca_hash],
                }
            },
            "nodeRegistration": _registration(cluster, node, resolv_conf_path),
        }
    )


def token_config(cluster: Cluster, token: str) -> str:
    """The file for `kubeadm token create --config`: one token, valid for one join."""
    entry = {"token": token, "ttl": f"{TOKEN_SECONDS}s", "description": "one join, by the DLWS suite"}
    return _yaml(
        {
            "apiVersion": api_version(cluster.kubernetes_version),
            "kind": "InitConfiguration",
            "bootstrapTokens": [entry],
        }
    )


def new_token() -> str:
    """A bootstrap token: six characters of id, a dot, sixteen of secret (kubernetes.io, "Bootstrap Tokens")."""
    letters = "".join(secrets.choice(_TOKEN) for _ in range(22))
    return f"{letters[:6]}.{letters[6:]}"


def resolv_conf_for_pods(texts: Mapping[str, str]) -> str:
    """The path of the first file whose name servers a pod can reach. Unknown if all are on the host's loopback.

    `texts` has the text of each of RESOLV_CONFS that exists. With a loopback server CoreDNS would query itself
    (kubeadm#1162).
    """
    for path in RESOLV_CONFS:
        servers = resolv_conf.written_servers(texts.get(path, ""))
        if servers and not resolv_conf.loopback(servers):
            return path
    seen = ", ".join(path for path in RESOLV_CONFS if path in texts) or "none of " + ", ".join(RESOLV_CONFS)
    raise Unknown(f"no name server that pods can reach: {seen} name only loopback addresses, or none")


def images(text: str) -> tuple[str, ...]:
    """Parse `kubeadm config images list`: one image per line; its warnings go to stderr."""
    names = tuple(lines("kubeadm config images list", text))
    if not names or any(re.fullmatch(r"[^\s/]+/[^\s:]+:\S+", image) is None for image in names):
        raise unparsable("kubeadm config images list", names[0] if names else "", "no list of images")
    return names


def node_images(all_images: Iterable[str]) -> tuple[str, ...]:
    """The images that a worker may run: kube-proxy, pause, and coredns, which may be placed on any node."""
    return tuple(i for i in all_images if i.rpartition("/")[2].split(":")[0] in ("kube-proxy", "pause", "coredns"))


def complaint(log: str) -> str:
    """Why kubeadm failed, in one line: its preflight errors, a panic, or its last errors.

    Where the control plane or the kubelet did not come up, what kubeadm found of their health stands before it.
    """
    text = clean("kubeadm", log)
    errors = [f"{found[1]}: {found[2]}" for line in text.splitlines() if (found := _ERROR.fullmatch(line))]
    if errors:
        return "preflight: " + "; ".join(errors)
    said = [line.strip() for line in text.splitlines() if line.strip() and "--v=5 or higher" not in line]
    if panic := next((line for line in said if line.startswith("panic: ")), ""):
        return panic
    failed = [line for line in said if line.startswith(("error", "failed", "unable", "couldn't", "cannot"))]
    unhealthy = [line for line in said if line.startswith(_CHECKS) and _NO_ANSWER.search(line)][-1:]
    return " | ".join([*unhealthy, *(failed or said)[-3:]]) or "it said nothing"


def is_about_kubelet(complaint: str) -> bool:
    """Whether kubeadm found that the kubelet does not run: why is in the kubelet's journal, not in kubeadm's log."""
    return complaint.startswith(_KUBELET_CHECK)


def kubelet_complaint(journal: str) -> str:
    """Why the kubelet does not run, by its own journal (`-o cat`): its last end; empty for none."""
    ends = [
        end["fatal"] or end["text"]
        for end in map(_KUBELET_ENDS.fullmatch, clean("kubelet", journal).splitlines())
        if end
    ]
    return f"the kubelet: {ends[-1]}" if ends else ""


def with_node_ports(manifest: str) -> str:
    """The manifest of kube-apiserver with the runbook's NodePort range, all else as it was. Unparsable for another."""
    command = _api_server_command(manifest)
    flag = f"--{NODE_PORTS_FLAG}={NODE_PORTS}"
    if flag in command:
        return manifest
    written = [line for line in manifest.splitlines() if re.fullmatch(rf"\s*- --{NODE_PORTS_FLAG}=\S+", line)]
    if written:
        return manifest.replace(written[0].strip(), f"- {flag}")
    found = re.search(r"(?m)^([ \t]*)- kube-apiserver$", manifest)
    if found is None:
        raise unparsable("kube-apiserver.yaml", "", "no line `- kube-apiserver`")
    return f"{manifest[: found.end()]}\n{found[1].lstrip(chr(10))}- {flag}{manifest[found.end() :]}"


def node_ports_of(words: Iterable[str]) -> str:
    """The NodePort range in kube-apiserver's arguments; Kubernetes' own default where there is none."""
    found = [word.partition("=")[2] for word in words if word.startswith(f"--{NODE_PORTS_FLAG}=")]
    return found[-1] if found else "30000-32767 (the default)"


def api_server_command(manifest: str) -> tuple[str, ...]:
    """The command line in /etc/kubernetes/manifests/kube-apiserver.yaml."""
    return tuple(_api_server_command(manifest))


def with_node_ports_kept(cluster_configuration: str) -> str:
    """The ClusterConfiguration of kubeadm-config with the NodePort range added, so that an upgrade keeps it.

    `apiServer.extraArgs` is a mapping up to v1beta3 and a list of name and value in v1beta4.
    """
    data = cluster_configuration_of(cluster_configuration)
    server = data.setdefault("apiServer", {})
    if isinstance(arguments := server.setdefault("extraArgs", {}), list):
        arguments[:] = [a for a in arguments if a.get("name") != NODE_PORTS_FLAG]
        arguments.append({"name": NODE_PORTS_FLAG, "value": NODE_PORTS})
    else:
        arguments[NODE_PORTS_FLAG] = NODE_PORTS
    return _yaml(data)


def extra_arguments(configuration: Mapping[str, Any], component: str) -> dict[str, str]:
    """The `extraArgs` of a component, `apiServer`, in a ClusterConfiguration; of several of a name the last counts.

    A mapping up to v1beta3, a list of name and value in v1beta4. Unparsable for anything else.
    """
    given = configuration.get(component) or {}
    found = given.get("extraArgs") or {} if isinstance(given, dict) else given
    if isinstance(found, list) and all(isinstance(one, dict) and "name" in one for one in found):
        return {str(one["name"]): str(one.get("value", "")) for one in found}
    if not isinstance(found, dict):
        raise unparsable("kubeadm-config", f"extraArgs of {component}")
    return {str(name): str(value) for name, value in found.items()}


def cluster_configuration_of(text: str) -> dict[str, Any]:
    """Parse a ClusterConfiguration. Unparsable if the text is something else."""
    data = _load("kubeadm-config", text)
    if not isinstance(data, dict) or data.get("kind") != "ClusterConfiguration":
        raise unparsable("kubeadm-config", text.strip().splitlines()[0] if text.strip() else "")
    return data


def _cluster_configuration(cluster: Cluster, api: str) -> dict[str, Any]:
    master, own = cluster.master, cluster.suite.kubernetes
    names = dict.fromkeys([master.fqdn, master.name, cluster.public_name, master.address])
    names |= {str(own.virtual_ip): None} if own.virtual_ip else {}
    configuration: dict[str, Any] = {
        "apiVersion": api,
        "kind": "ClusterConfiguration",
        "clusterName": cluster.name,
        "kubernetesVersion": cluster.kubernetes_version,
        "controlPlaneEndpoint": endpoint(cluster),
        "networking": {
            "dnsDomain": "cluster.local",
            "podSubnet": _range(cluster.pod_range),
            "serviceSubnet": _range(cluster.service_range),
        },
        "apiServer": {"certSANs": list(names), "extraArgs": {NODE_PORTS_FLAG: NODE_PORTS}},
    }
    return configuration | ({"imageRepository": own.image_repository} if own.image_repository else {})


def _registration(cluster: Cluster, node: Node, resolv_conf_path: str) -> dict[str, Any]:
    arguments = {"node-ip": node.address, "resolv-conf": resolv_conf_path}
    socket = cluster.suite.kubernetes.cri_socket
    return {"name": node.name, "kubeletExtraArgs": arguments} | ({"criSocket": socket} if socket else {})


def _range(text: str) -> str:
    return str(ipaddress.ip_network(text, strict=False))


def _added(decided: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """`decided`, with further keys from `extra`, recursively; `decided` wins."""
    merged = dict(extra)
    for key, value in decided.items():
        below = extra.get(key)
        merged[key] = _added(value, below) if isinstance(value, dict) and isinstance(below, dict) else value
    return merged


def _yaml(*documents: Mapping[str, Any]) -> str:
    return yaml.safe_dump_all([dict(d) for d in documents], sort_keys=False, default_flow_style=False)


def _load(source: str, text: str) -> Any:
    try:
        return plain_yaml.load(clean(source, text))
    except yaml.YAMLError as error:
        raise unparsable(source, str(error).splitlines()[0]) from error


def _api_server_command(manifest: str) -> list[str]:
    try:
        containers = _load("kube-apiserver.yaml", manifest)["spec"]["containers"]
        return next(list(map(str, c["command"])) for c in containers if c["name"] == "kube-apiserver")
    except (KeyError, TypeError, StopIteration) as error:
        raise unparsable("kube-apiserver.yaml", "", "no container kube-apiserver with a command") from error
