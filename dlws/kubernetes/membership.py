"""A host's part in a Kubernetes cluster, judged by its files: none, complete, or incomplete.

Pure functions from paths to a judgement. The files are those of kubeadm's phases (kubeadm 1.16 to 1.30).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from dlws.parse.kubernetes import certificates, kubelet
from dlws.parse.text import clean, unparsable

CA: Final = "/etc/kubernetes/pki/ca.crt"
ADMIN_CONF: Final = "/etc/kubernetes/admin.conf"
KUBELET_CONF: Final = "/etc/kubernetes/kubelet.conf"
API_SERVER: Final = "/etc/kubernetes/manifests/kube-apiserver.yaml"

KUBECTL: Final = f"kubectl --kubeconfig {ADMIN_CONF}"
"""kubectl on the master, as the administrator."""

NODE: Final = (CA, KUBELET_CONF, kubelet.CONFIG)
"""The files of every node of a cluster."""
CONTROL_PLANE: Final = (
    ADMIN_CONF,
    "/etc/kubernetes/controller-manager.conf",
    "/etc/kubernetes/scheduler.conf",
    "/etc/kubernetes/pki/ca.key",
    API_SERVER,
    "/etc/kubernetes/manifests/etcd.yaml",
    "/etc/kubernetes/manifests/kube-controller-manager.yaml",
    "/etc/kubernetes/manifests/kube-scheduler.yaml",
    "/var/lib/etcd/member",
)
"""The additional files of a master."""
PATHS: Final = (*NODE, *CONTROL_PLANE, "/etc/kubernetes/bootstrap-kubelet.conf", kubelet.FLAGS)
LIST_PATHS: Final = f"for f in {' '.join(PATHS)}; do test ! -e $f || echo $f; done"
"""Prints those of the paths that exist."""


class Part(StrEnum):
    """A host's part in a cluster."""

    NONE = "none"
    WORKER = "a worker"
    MASTER = "a master"
    HALF = "half done"


@dataclass(frozen=True, slots=True)
class Membership:
    """A host's part in a cluster; `said` describes it in words."""

    part: Part
    said: str


def judge(paths: Iterable[str]) -> Membership:
    """A host's part in a cluster, by those of PATHS that exist on it. Unparsable for any other path."""
    present = {path.strip() for path in paths}
    if unexpected := present - set(PATHS):
        raise unparsable("list of Kubernetes files", sorted(unexpected)[0])
    if not present:
        return Membership(Part.NONE, "no Kubernetes")
    missing_node = [path for path in NODE if path not in present]
    missing_master = [path for path in CONTROL_PLANE if path not in present]
    if not missing_node and not missing_master:
        return Membership(Part.MASTER, "a whole control plane")
    if not missing_node and len(missing_master) == len(CONTROL_PLANE):
        return Membership(Part.WORKER, "a whole worker")
    master = present & set(CONTROL_PLANE)
    missing = [*missing_node, *(missing_master if master else ())]
    kind = "control plane" if master else "worker"
    return Membership(Part.HALF, f"part of a {kind}, without {', '.join(missing)}; there: {', '.join(sorted(present))}")


def ca_hash(pem: str | bytes) -> str:
    """`sha256:<hex>` of a CA's public key, as kubeadm's discovery pins it. Unparsable if it is not a certificate."""
    text = pem if isinstance(pem, str) else pem.decode("ascii", "replace")
    return f"sha256:{hashlib.sha256(certificates.one(text, 'CA certificate').public_key).hexdigest()}"


PUBLIC_PARTS: Final = "^ *(certificate-authority-data|server|client-certificate-data): "
"""A pattern for `grep -E`: the lines of a kubeconfig that are not secret."""


@dataclass(frozen=True, slots=True)
class Public:
    """The public parts of a kubeconfig: the CA's hash, the server's URL, the client's certificate as base64."""

    ca_hash: str
    server: str
    client_certificate: str


def public_parts(text: str) -> Public:
    """Parse the output of `grep -E PUBLIC_PARTS` on a kubeconfig. Unparsable without a CA and a server."""
    fields = dict(re.findall(r"(?m)^ *([a-z-]+): *(\S+)$", clean("kubeconfig", text)))
    try:
        pem = base64.b64decode(fields["certificate-authority-data"], validate=True)
        return Public(ca_hash(pem), fields["server"], fields.get("client-certificate-data", ""))
    except (KeyError, binascii.Error) as error:
        raise unparsable("kubeconfig", why=f"no {error} in it") from error
