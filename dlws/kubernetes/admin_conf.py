"""The admin.conf that the control host keeps: written anew from what was understood of the master's.

A kubeconfig can name programs that every kubectl runs (`exec`, `auth-provider`), proxies, and servers that are not
verified. One that is taken as it is would let a master run commands on the control host.
"""

from __future__ import annotations

import base64

import yaml

from dlws.parse.kubernetes import kubeconfig

CLUSTER, USER = "kubernetes", "kubernetes-admin"
CONTEXT = f"{USER}@{CLUSTER}"
"""The names that kubeadm gives them."""


def rewritten(text: str) -> str:
    """A kubeconfig with the server, the CA, the client's certificate and its key of this one, and nothing else of it.

    Raises Unparsable if one of them is missing.
    """
    found = kubeconfig.parse(text)
    ca, certificate, key = (base64.b64encode(pem).decode() for pem in (found.ca, found.certificate, found.key))
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "cluster": {"certificate-authority-data": ca, "server": f"https://{found.name}:{found.port}"},
                "name": CLUSTER,
            }
        ],
        "contexts": [{"context": {"cluster": CLUSTER, "user": USER}, "name": CONTEXT}],
        "current-context": CONTEXT,
        "users": [{"name": USER, "user": {"client-certificate-data": certificate, "client-key-data": key}}],
    }
    return yaml.safe_dump(content, sort_keys=False)
