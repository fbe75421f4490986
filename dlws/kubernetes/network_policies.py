"""NetworkPolicies that let no packet through to pods, or from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dlws.kubernetes.objects import Object, name_of

DIRECTIONS: Final[Mapping[str, str]] = {"Ingress": "nothing reaches", "Egress": "nothing leaves"}
"""By direction, what becomes of a pod that policies select in it and none has a rule for."""
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


def cut_off(policies: Sequence[Object], pods: Sequence[Object]) -> list[CutOff]:
    """The pods in the policies' namespaces that policies select in a direction without any rule that lets through.

    Policies add up: one that selects a pod denies what no policy that selects it allows. Pods with hostNetwork are in
    no policy's reach. A pod without labels stands for those still to be created: `default/any new pod`.
    """
    spaces = sorted({str(policy["metadata"]["namespace"]) for policy in policies})
    new = [{"metadata": {"namespace": space, "name": "any new pod"}, "spec": {}} for space in spaces]
    found: defaultdict[tuple[tuple[str, ...], str], list[str]] = defaultdict(list)
    for pod in (pod for pod in (*pods, *new) if not pod["spec"].get("hostNetwork")):
        for direction, effect in DIRECTIONS.items():
            deciding = [p for p in policies if _selects(p, pod) and direction in _directions(p)]
            if deciding and not any((p["spec"] or {}).get(direction.lower()) for p in deciding):
                found[tuple(map(name_of, deciding)), effect].append(name_of(pod))
    return [CutOff(names, effect, tuple(these)) for (names, effect), these in found.items()]


def _directions(policy: Object) -> Sequence[str]:
    spec = policy["spec"] or {}
    return spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]


def _selects(policy: Object, pod: Object) -> bool:
    if policy["metadata"]["namespace"] != pod["metadata"]["namespace"]:
        return False
    selector = (policy["spec"] or {}).get("podSelector") or {}
    labels = pod["metadata"].get("labels") or {}
    exact = (selector.get("matchLabels") or {}).items() <= labels.items()
    return exact and all(_meets(labels, term) for term in selector.get("matchExpressions") or ())


def _meets(labels: Mapping[str, str], term: Mapping[str, Any]) -> bool:
    """Whether labels meet a requirement of a label selector: In and Exists want the key, NotIn also takes none."""
    has, values = term["key"] in labels, term.get("values") or ()
    match term["operator"]:
        case "In":
            return has and labels[term["key"]] in values
        case "NotIn":
            return not has or labels[term["key"]] not in values
        case "Exists":
            return has
        case _:
            return not has
