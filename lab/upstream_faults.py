"""What V0.1.6.1 would have on hosts where the suite does otherwise, injected into one; registered with the others."""

from __future__ import annotations

from lab import hosts
from lab.faults import WRONG_ADDRESS, Memory, fault
from lab.plan import CLUSTER, DOMAIN, LabHost
from lab.platform_faults import FAULTS, kubectl, need_pods, restart

__all__ = ["FAULTS"]

PUBLIC_NAME = f"{CLUSTER}.{DOMAIN}"
_OPEN = (
    "c=$(docker ps -q --filter label=io.kubernetes.container.name=openresty); "
    "docker exec $c sed -i '/endpoints.v2/s/ access_by_lua_block.*//' /etc/nginx/nginx.conf; "
    "docker exec $c nginx -s reload"
)
"""The route without a token has the suite's limit to NodePorts on its own line (`dlws.platform.image_names`)."""
_RIGHTS = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: lab-watchdog}
rules: [{apiGroups: [""], resources: [pods, nodes], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: lab-watchdog}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: lab-watchdog}
subjects: [{kind: ServiceAccount, name: default, namespace: kube-system}]
"""


def _undo_open_route(host: LabHost, memory: Memory) -> None:
    restart(host, "app=openresty")  # its image has the limit


@fault("open_route", "openresty leads anybody to any port of the host, as upstream's image does", _undo_open_route)
def _open_route(host: LabHost) -> Memory:
    need_pods(host, "app=openresty")
    hosts.execute(host, _OPEN)
    return {}


def _undo_rights_for_all(host: LabHost, memory: Memory) -> None:
    kubectl("delete", "--ignore-not-found", "-f", "-", stdin=_RIGHTS)


@fault("rights_for_all", "every pod of kube-system that names no account may read all pods", _undo_rights_for_all)
def _rights_for_all(host: LabHost) -> Memory:
    kubectl("apply", "-f", "-", stdin=_RIGHTS)
    return {}


def _undo_public_name_outside(host: LabHost, memory: Memory) -> None:
    hosts.execute(host, "cat > /etc/hosts", stdin=memory["hosts"])


@fault(
    "public_name_outside",
    f"{PUBLIC_NAME} leads to an address that does not come back to the host, as behind NAT",
    _undo_public_name_outside,
)
def _public_name_outside(host: LabHost) -> Memory:
    before = hosts.execute(host, "cat /etc/hosts")
    elsewhere = "".join(line.replace(PUBLIC_NAME, "") for line in before.splitlines(keepends=True))
    hosts.execute(host, "cat > /etc/hosts", stdin=f"{WRONG_ADDRESS} {PUBLIC_NAME}\n{elsewhere}")
    return {"hosts": before}
