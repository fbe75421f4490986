"""Label selectors of Kubernetes objects (apimachinery's LabelSelector)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def fits(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether labels are as a label selector wants them; an empty one wants none."""
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
