"""Extensions of the API server: servers that it asks before it answers. Webhooks, of two kinds, and aggregated APIs."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from dlws.kubernetes.objects import Object, name_of
from dlws.verdict import Unparsable

HTTPS = 443


@dataclass(frozen=True, slots=True)
class Extension:
    """A server that the API server asks by HTTPS: a webhook of a configuration, or the one behind an APIService."""

    name: str
    policy: str
    """`Fail`: without its answer a request is refused. `Ignore`: the request waits for it, and then goes on."""
    resources: tuple[str, ...]
    service: tuple[str, str, int] | None
    """Namespace, name and port of the Service that answers; None if it is a URL."""
    url: str = ""
    trusts: str = ""
    """The CAs (PEM) that its certificate must come from; empty for those of the API server's host."""

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.resources)})" if self.resources else self.name

    @property
    def address(self) -> str:
        """`host:port` of its URL."""
        place = urlsplit(self.url)
        return f"{place.hostname}:{place.port or HTTPS}"

    @property
    def host(self) -> str:
        """The name that its certificate must have: `webhook.policy.svc`, or the host of its URL."""
        return f"{self.service[1]}.{self.service[0]}.svc" if self.service else str(urlsplit(self.url).hostname)


def webhooks(configurations: Iterable[Object]) -> Iterator[Extension]:
    """The webhooks of (Validating|Mutating)WebhookConfigurations; one without rules is never asked."""
    for configuration in configurations:
        for hook in configuration.get("webhooks") or ():
            rules = hook.get("rules") or ()
            resources = sorted({str(r) for rule in rules for r in rule.get("resources") or ()})
            if resources:
                yield _webhook(str(hook["name"]), str(hook.get("failurePolicy") or "Fail"), resources, hook)


def conversions(definitions: Iterable[Object]) -> Iterator[Extension]:
    """The webhooks that convert objects of CustomResourceDefinitions which have more than one version.

    Without its answer no such object can be listed, by kubectl, the garbage collector or who deletes its namespace.
    """
    for definition in definitions:
        spec, status = definition["spec"], definition.get("status") or {}
        conversion = spec.get("conversion") or {}
        served = {str(version["name"]) for version in spec["versions"] if version.get("served")}
        if conversion.get("strategy") == "Webhook" and len(served | {*(status.get("storedVersions") or ())}) > 1:
            yield _webhook(f"conversion of {name_of(definition)}", "Fail", (), conversion.get("webhook") or {})


def aggregated(services: Iterable[Object]) -> Iterator[Extension]:
    """The servers behind APIServices, without those of which the API server takes any certificate.

    What it serves itself has no service.
    """
    for service in services:
        name, spec = name_of(service), service["spec"]
        if spec.get("service") and not spec.get("insecureSkipTLSVerify"):
            yield Extension(name, "Fail", (), _service(spec["service"]), trusts=_pem(name, spec.get("caBundle")))


def _webhook(name: str, policy: str, resources: Iterable[str], hook: Mapping[str, Any]) -> Extension:
    client = hook.get("clientConfig") or {}
    to, trusts = client.get("service"), _pem(name, client.get("caBundle"))
    service = _service(to) if to else None
    return Extension(name, policy, tuple(resources), service, str(client.get("url") or ""), trusts)


def _service(to: Mapping[str, Any]) -> tuple[str, str, int]:
    return str(to["namespace"]), str(to["name"]), int(to.get("port") or HTTPS)


def _pem(name: str, bundle: object) -> str:
    try:
        return base64.b64decode(str(bundle or ""), validate=True).decode()
    except ValueError:
        raise Unparsable(f"caBundle of {name}: not base64 of a PEM text") from None
