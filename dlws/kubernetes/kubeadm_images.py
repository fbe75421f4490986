"""The images of a kubeadm version, known before any kubeadm is there to list them.

Source: cmd/kubeadm/app/constants/constants.go and images/images.go of Kubernetes v1.16 to v1.21. From 1.22 on patch
releases of one minor version differ in etcd, and later in the registry: those only kubeadm itself can list.
"""

from __future__ import annotations

from typing import Final

from dlws.config.cluster import Cluster
from dlws.parse.versions import kubernetes

REPOSITORY: Final = "k8s.gcr.io"
CONTROL_PLANE: Final = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
_OTHERS: Final[dict[tuple[int, ...], tuple[str, ...]]] = {
    (1, 16): ("pause:3.1", "etcd:3.3.15-0", "coredns:1.6.2"),
    (1, 17): ("pause:3.1", "etcd:3.4.3-0", "coredns:1.6.5"),
    (1, 18): ("pause:3.2", "etcd:3.4.3-0", "coredns:1.6.7"),
    (1, 19): ("pause:3.2", "etcd:3.4.13-0", "coredns:1.7.0"),
    (1, 20): ("pause:3.2", "etcd:3.4.13-0", "coredns:1.7.0"),
    (1, 21): ("pause:3.4.1", "etcd:3.4.13-0", "coredns/coredns:v1.8.0"),
}
_ODD: Final = frozenset({"1.19.0"})
"""Patch releases whose etcd is another than their minor version's: 1.19.0 has 3.4.9-1."""
_DECIDE: Final = frozenset({"imageRepository", "etcd", "dns", "useHyperKubeImage", "featureGates"})
"""Keys of a ClusterConfiguration by which kubeadm takes other images (API v1beta2)."""


def known(cluster: Cluster) -> tuple[str, ...]:
    """What `kubeadm config images list` prints for the configuration, in its order. LookupError where it is not known.

    With `suite.kubernetes.image_repository` they are there, coredns without a folder of its own.
    """
    settings = cluster.suite.kubernetes
    version = kubernetes(cluster.kubernetes_version)
    others = _OTHERS.get(version.numbers[:2])
    if others is None or version.text in _ODD:
        raise LookupError(f"the images of kubeadm {cluster.kubernetes_version} are not known in advance")
    if _DECIDE & set(settings.kubeadm.get("ClusterConfiguration", {})):
        raise LookupError("suite.kubernetes.kubeadm names images of its own")
    own, repository = settings.image_repository, settings.image_repository or REPOSITORY
    if own:
        others = tuple(name.rpartition("/")[2] for name in others)
    control_plane = (f"{name}:v{version.text}" for name in CONTROL_PLANE)
    return tuple(f"{repository}/{name}" for name in (*control_plane, *others))
