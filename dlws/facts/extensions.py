"""Whether the API server gets an answer of the servers that extend it, and trusts them: asked where it runs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dlws.config.cluster import Cluster
from dlws.facts.certificates import clock, sections
from dlws.facts.control_plane import component_flags
from dlws.facts.reachability import refusing_endpoints
from dlws.kubernetes import extensions
from dlws.kubernetes.extensions import Extension
from dlws.kubernetes.objects import Object, name_of
from dlws.parse import switches
from dlws.parse.kubernetes import certificates
from dlws.parse.kubernetes.certificates import Certificate
from dlws.parse.versions import kubernetes
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes

CONFIGURATIONS: Final = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
SHOW: Final = (
    'date +%s; for x in EACH; do echo "== $x"; timeout 10 openssl s_client -connect "${x%/*}" -servername'
    ' "${x#*/}" -showcerts </dev/null'
    " | sed -n -e '/-BEGIN/,/-END/p' -e '/^no peer certificate/p' -e '/Verify return code/p'; done"
)
"""What each server shows of certificates, one after the other, and what the host's own CAs say of them."""
NONE_SHOWN: Final = "no peer certificate available"
PUBLIC: Final = re.compile(r"^ *Verify return code: 0 \(ok\)$", re.MULTILINE)
WITHOUT_COMMON_NAMES: Final = (1, 19)
"""The first Kubernetes built with Go 1.15, which takes a certificate's common name for no name of its server."""
SOON: Final = timedelta(days=30)
SHARE: Final = 10
"""A tenth of a certificate's life: who renews his own lets it come to a third (cert-manager) or a seventh (knative)."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a server shows, at a time of the host's: its chain, leaf first, and whether the host's CAs vouch for it."""

    now: datetime
    chain: tuple[Certificate, ...]
    is_public: bool


def webhooks(kube: Kubernetes) -> list[Extension]:
    """Every webhook of the cluster, mutating, validating and converting."""
    admission = [hook for resource in CONFIGURATIONS for hook in extensions.webhooks(kube.list(resource))]
    return [*admission, *extensions.conversions(kube.list("customresourcedefinitions"))]


def dead(cluster: Cluster, kube: Kubernetes, master: Host, asked: Sequence[Extension]) -> list[str]:
    """Those of which the API server would get no answer that it trusts, with the reason."""
    places = {one: _unrouted(cluster, kube, one) or _place_of(kube, one) for one in asked}
    closed = refusing_endpoints(master, sorted({place for place, why in places.values() if not why}))
    reasons = {
        one: why or (f"no connection to {place}" if place in closed else "") for one, (place, why) in places.items()
    }
    there = {one: place for one, (place, _) in places.items() if not reasons[one]}
    version = cluster.kubernetes_version
    reasons |= {one: _distrust(version, one, shown) for one, shown in _shown(master, there).items()}
    return sorted(f"{one}: {why}" for one, why in reasons.items() if why)


def ending(kube: Kubernetes, master: Host, asked: Sequence[Extension]) -> list[str]:
    """The certificates by which these servers are trusted that run out soon; without those that cannot be reached."""
    places = {one: place for one in asked for place, why in [_place_of(kube, one)] if not why}
    closed = refusing_endpoints(master, sorted({*places.values()}))
    found = set()
    for one, shown in _shown(master, {one: at for one, at in places.items() if at not in closed}).items():
        used = [(str(one), certificate) for certificate in shown.chain[:1]]
        roots = certificates.roots_of(shown.chain, _roots(one), shown.now)
        used += [(f"caBundle of {one}", root) for root in sorted(roots, key=lambda ca: ca.not_after)[-1:]]
        for what, certificate in used:
            left, life = certificate.not_after - shown.now, certificate.not_after - certificate.not_before
            if left < min(SOON, life / SHARE):
                found.add(f"{what}: {certificate.not_after:%Y-%m-%d} ({left.days} days)")
    return sorted(found)


def _shown(master: Host, places: Mapping[Extension, str]) -> dict[Extension, Shown]:
    """What each of them shows at its place, asked for by its own name."""
    words = {one: f"{place}/{one.host}" for one, place in places.items()}
    if not words:
        return {}
    each = " ".join(map(shlex.quote, sorted({*words.values()})))
    stamp, _, text = master.read(SHOW.replace("EACH", each), deadline=60.0).partition("\n")
    now, said = clock("openssl s_client", stamp), sections(text)
    return {one: _read(now, said.get(word, ""), f"openssl s_client at {word}") for one, word in words.items()}


def _read(now: datetime, text: str, source: str) -> Shown:
    chain = () if NONE_SHOWN in text else certificates.parse(text, source)
    return Shown(now, chain, PUBLIC.search(text) is not None)


def _distrust(version: str, one: Extension, shown: Shown) -> str:
    """Why the API server would hang up; empty if it would not."""
    if not shown.chain:
        return "it shows no certificate"
    leaf = shown.chain[0]
    old = kubernetes(version).numbers[:2] < WITHOUT_COMMON_NAMES
    names = leaf.names or (frozenset([leaf.common_name]) if old else frozenset())
    if not certificates.covers(names, one.host):
        return f"its certificate is for {', '.join(sorted(names)) or 'no name'}, not for {one.host}"
    if not one.trusts:
        return "" if shown.is_public else "it has no caBundle, and no CA of the master vouches for its certificate"
    return certificates.distrust(shown.chain, _roots(one), shown.now)


def _roots(one: Extension) -> tuple[Certificate, ...]:
    return certificates.parse(one.trusts, f"caBundle of {one.name}") if one.trusts else ()


def _unrouted(cluster: Cluster, kube: Kubernetes, one: Extension) -> tuple[str, str] | None:
    """No place, and why, for a headless service: the API server asks its pods only with --enable-aggregator-routing.

    Source: apiserver's proxy.ResolveCluster, kubernetes/kubernetes#77018. None for another.
    """
    service = kube.get("services", one.service[1], namespace=one.service[0]) if one.service else None
    if service is None or service["spec"].get("type") == "ExternalName" or not _is_headless(service):
        return None
    if (component_flags(cluster, kube, "kube-apiserver") or {}).get("enable-aggregator-routing") in switches.ON:
        return None
    return "", f"service {name_of(service)} is headless: it has no address that the API server could ask"


def _is_headless(service: Object) -> bool:
    return service["spec"].get("clusterIP") in (None, "", "None")


def _place_of(kube: Kubernetes, one: Extension) -> tuple[str, str]:
    """Where the API server finds it, `10.3.0.7:443`; or nowhere, and why."""
    if one.service is None:
        return one.address, ""
    namespace, name, port = one.service
    service = kube.get("services", name, namespace=namespace)
    if service is None:
        return "", f"there is no service {namespace}/{name}"
    if service["spec"].get("type") == "ExternalName":
        return f"{service['spec'].get('externalName')}:{port}", ""
    endpoints = kube.get("endpoints", name, namespace=namespace) or {}
    ready = [subset for subset in endpoints.get("subsets") or () if subset.get("addresses")]
    if not ready:
        return "", f"service {namespace}/{name} has no ready pod"
    if _is_headless(service):
        return f"{ready[0]['addresses'][0]['ip']}:{_port_of_pods(service, ready[0], port)}", ""
    return f"{service['spec']['clusterIP']}:{port}", ""


def _port_of_pods(service: Object, subset: Object, port: int) -> int:
    """The port of the pods behind a port of their service, found by its name (apiserver's proxy.ResolveEndpoint)."""
    names = [one.get("name", "") for one in service["spec"].get("ports") or () if one.get("port") == port]
    ports = [int(one["port"]) for one in subset.get("ports") or () if one.get("name", "") in names]
    return ports[0] if ports else port
