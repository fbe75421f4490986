"""NetworkPolicies that let no packet through to pods, or from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dlws.kubernetes.objects import Object, name_of
from dlws.kubernetes.selectors import fits

DIRECTIONS: Final[Mapping[str, str]] = {"Ingress": "nothing reaches", "Egress": "nothing leaves"}
"""By direction, what becomes of a pod that policies select in it and none has a rule for."""
PEERS: Final[Mapping[str, str]] = {"Ingress": "from", "Egress": "to"}
"""By direction, where a rule names whom it lets through; without it, all."""
SHOWN: Final = 3
"""Pods that are named; a policy often selects a whole namespace."""


@dataclass(frozen=True, slots=True)
class CutOff:
    """The pods that no packet reaches, or none leaves, because of the same policies."""

    policies: tuple[str, ...]
    effect: str
    pods: tuple[str, ...]

    def __str__(self) -> str:
        more = f" and {len(self.pods) - SHOWN} more" if len(self.pods) > SHOWN else ""
        return f"{', '.join(self.policies)}: {self.effect} {', '.join(self.pods[:SHOWN])}{more}"


def cut_off(policies: Sequence[Object], pods: Sequence[Object], namespaces: Sequence[Object]) -> list[CutOff]:
    """The pods in the policies' namespaces that policies select in a direction without any rule that lets through.

    Policies add up: one that selects a pod denies what no policy that selects it allows. Pods with hostNetwork are in
    no policy's reach. A pod without labels stands for those still to be created: `default/any new pod`. A rule whose
    peers are pods of which there is none but the pod itself lets nothing through either, to a pod that a workload keeps
    running; what comes and goes, as jobs do, may have peers tomorrow. Nor does one whose peers are in namespaces with
    labels that none has: `kubernetes.io/metadata.name` is on all of them from Kubernetes 1.21 on only.
    """
    labels_of = [space["metadata"].get("labels") or {} for space in namespaces]
    spaces = sorted({str(policy["metadata"]["namespace"]) for policy in policies})
    new = [{"metadata": {"namespace": space, "name": "any new pod"}, "spec": {}} for space in spaces]
    found: defaultdict[tuple[tuple[str, ...], str], list[str]] = defaultdict(list)
    for pod in (pod for pod in (*pods, *new) if not pod["spec"].get("hostNetwork")):
        for direction, effect in DIRECTIONS.items():
            deciding = [p for p in policies if _selects(p, pod) and direction in _directions(p)]
            if deciding and not any(_lets_through(p, direction, pod, pods, labels_of) for p in deciding):
                found[tuple(map(name_of, deciding)), effect].append(name_of(pod))
    return [CutOff(names, effect, tuple(these)) for (names, effect), these in found.items()]


def _directions(policy: Object) -> Sequence[str]:
    spec = policy["spec"] or {}
    return spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]


def _lets_through(
    policy: Object, direction: str, pod: Object, pods: Sequence[Object], spaces: Sequence[Mapping[str, str]]
) -> bool:
    """Whether a policy has a rule by which packets of a pod may come, or go; `spaces` are the namespaces' labels."""
    rules = (policy["spec"] or {}).get(direction.lower()) or ()
    if not pod["metadata"].get("ownerReferences"):
        return bool(rules)
    peers = [rule.get(PEERS[direction]) for rule in rules]
    others = [other for other in pods if name_of(other) != name_of(pod)]
    return any(not those or any(_exists(peer, policy, others, spaces) for peer in those) for those in peers)


def _exists(peer: Object, policy: Object, pods: Sequence[Object], spaces: Sequence[Mapping[str, str]]) -> bool:
    """Whether a peer means one of the pods; addresses and other namespaces' pods are taken for somebody's."""
    if "ipBlock" in peer:
        return True
    if "namespaceSelector" in peer:
        return any(fits(peer["namespaceSelector"] or {}, labels) for labels in spaces)
    return any(_is_selected(peer.get("podSelector") or {}, policy, pod) for pod in pods)


def _selects(policy: Object, pod: Object) -> bool:
    return _is_selected((policy["spec"] or {}).get("podSelector") or {}, policy, pod)


def _is_selected(selector: Object, policy: Object, pod: Object) -> bool:
    """Whether a selector of a policy for pods of its own namespace selects a pod."""
    if policy["metadata"]["namespace"] != pod["metadata"]["namespace"]:
        return False
    return fits(selector, pod["metadata"].get("labels") or {})
