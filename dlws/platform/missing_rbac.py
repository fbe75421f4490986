"""Rights on the Kubernetes API that a platform service needs and its own manifests do not grant.

Upstream's watchdog reads nodes and pods as the default service account of its namespace (V0.1.6.1, watchdog.py). With
RBAC, which kubeadm enables, that account may read neither, so no dashboard counts any device (check D09).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SOURCE: Final = "the suite's own"
"""Used in place of the name of a file in the checkout."""
_WATCHDOG: Final = "dlws-watchdog"
_RBAC: Final = "rbac.authorization.k8s.io"

OBJECTS: Final[Mapping[str, tuple[dict[str, Any], ...]]] = {
    "monitor": (
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": _WATCHDOG},
            "rules": [{"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["get", "list"]}],
        },
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": _WATCHDOG},
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": _WATCHDOG},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "kube-system"}],
        },
    ),
}
"""By service, the objects that are applied before its own."""
