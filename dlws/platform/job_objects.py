"""The objects that jobs need in the namespace `default` besides their own pods (docs/upstream.md#job-objects).

The service account and its rights come with jobmanager2 from V0.1.6.1 on; before, an image's prebuild.sh created them
as a side effect. Every job's pod names `regcred`, even if the registry is public.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

NAMESPACE: Final = "default"
ACCOUNT: Final = "job"
ROLE: Final = "configmap-admin"
BINDING: Final = "job-configmap-admin"
PULL_SECRET: Final = "regcred"
TYPE: Final = "kubernetes.io/dockerconfigjson"
MARK: Final = "dlws-suite/login"
"""The annotation of the Secret with its mark."""
CONFIGURED: Final = "the configured login"
DOCKER_HUB: Final = "https://index.docker.io/v1/"
"""The key under which Docker stores its login to Docker Hub."""


class NoCredentials(Exception):
    """A Docker configuration without a login that a cluster could use. The message shows nothing of its content."""


def account() -> tuple[dict[str, Any], ...]:
    """The service account `job`, which may list, create and delete ConfigMaps."""
    rights = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "delete", "create"]}
    group = "rbac.authorization.k8s.io"
    return (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _about(ACCOUNT)},
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": _about(ROLE), "rules": [rights]},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": _about(BINDING),
            "roleRef": {"apiGroup": group, "kind": "Role", "name": ROLE},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}],
        },
    )


def pull_secret(docker_config: str, key: bytes) -> dict[str, Any]:
    """`regcred`, as `kubectl create secret docker-registry` makes it. The value is a secret; NoCredentials as below.

    `key` is a secret of the cluster, for the mark.
    """
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _about(PULL_SECRET) | {"annotations": {MARK: mark(docker_config, key)}},
        "type": TYPE,
        "data": {".dockerconfigjson": base64.b64encode(logins(docker_config).encode()).decode()},
    }


def mark(docker_config: str, key: bytes) -> str:
    """Identifies a Secret with these logins, because its values are never read and compared.

    Everybody who reads the cluster's objects or a report may see it: without the key no password can be tried on it.
    """
    return hmac.new(key, f"{PULL_SECRET}\0{logins(docker_config)}".encode(), hashlib.sha256).hexdigest()[:32]


def login_in(secret: Mapping[str, Any], docker_config: str, key: bytes) -> str:
    """What an existing Secret holds, in words: CONFIGURED if it is these logins."""
    annotations = secret["metadata"].get("annotations") or {}
    marked = str(annotations.get(MARK, ""))
    if secret.get("type") != TYPE:
        return "no login"
    if not marked:
        return "a login of another origin"
    known = (mark(docker_config, key), _mark_without_key(docker_config))
    return CONFIGURED if any(hmac.compare_digest(marked, right) for right in known) else "another login"


def _mark_without_key(docker_config: str) -> str:
    """The mark of releases up to 0.1.0: it is still right, and replaced when the login is."""
    return hashlib.sha256(f"{PULL_SECRET}\0{logins(docker_config)}".encode()).hexdigest()[:32]


def logins(docker_config: str) -> str:
    """Only the logins of a ~/.docker/config.json (runbook 3.16.1), in a fixed order.

    Empty text gives a configuration without logins, for a public registry. NoCredentials if it is not such a file, or
    if a login is kept in a credential store of the machine, where it cannot be read.
    """
    try:
        content = json.loads(docker_config or "{}")
    except ValueError:
        raise NoCredentials("config.json of Docker: not JSON") from None
    auths = content.get("auths") or {} if isinstance(content, dict) else None
    if not isinstance(auths, Mapping):
        raise NoCredentials("config.json of Docker: not understood")
    kept = {}
    for host, login in sorted(auths.items()):
        if not isinstance(login, Mapping) or not (login.get("auth") or login.get("identitytoken")):
            raise NoCredentials(f"config.json of Docker: the login to {host} is in a credential store")
        kept[host] = {key: login[key] for key in ("auth", "identitytoken") if login.get(key)}
    return json.dumps({"auths": kept}, sort_keys=True, separators=(",", ":"))


def login(registry: str, username: str, password: str) -> str:
    """A config.json with one login. `registry` is a `dockerregistry` of config.yaml."""
    token = base64.b64encode(f"{username}:{password}".encode()).decode()
    return json.dumps({"auths": {registry_key(registry): {"auth": token}}}, separators=(",", ":"))


def registry_key(registry: str) -> str:
    """Docker's key for the registry of `dockerregistry`: `harbor.example.org:8443` for `harbor.example.org:8443/dlws/`.

    A first part with a dot, a colon, or `localhost` is a host (Docker's own rule); anything else is on Docker Hub.
    """
    first = registry.split("/")[0]
    is_host = "." in first or ":" in first or first == "localhost"
    return first if is_host and first != "docker.io" else DOCKER_HUB


def secrets_in(docker_config: str) -> tuple[str, ...]:
    """The secrets in Docker's config.json, to be redacted: its tokens, and the passwords in them."""
    try:
        logins = json.loads(docker_config).get("auths") or {}
        values = [str(value) for entry in logins.values() for value in entry.values()]
    except (ValueError, AttributeError):
        return ()
    passwords = []
    for value in values:
        try:
            passwords.append(base64.b64decode(value, validate=True).decode().partition(":")[2])
        except ValueError:
            continue
    return tuple({*values, *passwords} - {""})


def _about(name: str) -> dict[str, Any]:
    return {"name": name, "namespace": NAMESPACE}
