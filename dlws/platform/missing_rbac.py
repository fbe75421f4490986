"""What a service of the platform may ask of the Kubernetes API, where its own manifests leave it without any right.

Upstream's watchdog asks for nodes and pods as the default service account of its namespace (V0.1.6.1, watchdog.py), and
with RBAC, which kubeadm turns on, that may read neither: no device is counted on any dashboard (check D09).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SOURCE: Final = "the suite's own"
"""What stands where a manifest of the checkout names its file."""
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
"""By service the objects that are applied before its own."""
