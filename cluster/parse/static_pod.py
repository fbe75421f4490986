"""Static pods of kubeadm: the flags of a component, from its manifest (checks X04 to X08, X06)."""

from __future__ import annotations

from typing import Any

import yaml

from cluster.parse.text import clean, unparsable


def flags(text: str, component: str) -> dict[str, str]:
    """`--profiling=false` as {"profiling": "false"}; a flag without a value is "true", as the components read it."""
    try:
        manifest: Any = yaml.safe_load(clean(component, text))
        containers = manifest["spec"]["containers"]
        command = next([*c["command"], *(c.get("args") or ())] for c in containers if c["name"] == component)
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, StopIteration):
        raise unparsable(f"manifest of {component}", text.strip().partition("\n")[0]) from None
    pairs = [str(word).removeprefix("--").partition("=") for word in command if str(word).startswith("--")]
    return {name: value if sign else "true" for name, sign, value in pairs}
