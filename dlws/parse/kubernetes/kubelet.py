"""A kubelet's configuration: /var/lib/kubelet/config.yaml, overridden by its flags.

kubeadm's drop-in starts it with `$KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS`, from kubeadm-flags.env and then
/etc/default/kubelet: a variable of the second file replaces that of the first, and of two equal flags the last counts.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import Any

import yaml

from dlws.parse import plain_yaml
from dlws.parse.text import clean, unparsable

CONFIG = "/var/lib/kubelet/config.yaml"
FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
DEFAULTS = "/etc/default/kubelet"
_VARIABLE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=(?P<value>.*)")
_STRINGS = ("cgroup-driver", "resolv-conf", "node-ip")
"""Flags that are read here; pflag takes the next word as the value of one without `=`."""


@dataclass(frozen=True, slots=True)
class Kubelet:
    """The values in force, including kubelet's own defaults; `node_ip` is empty if not set."""

    cgroup_driver: str
    resolv_conf: str
    node_ip: str


def parse(config: str, flags: str, defaults: str = "") -> Kubelet:
    """How the kubelet starts next: by config.yaml, kubeadm-flags.env and /etc/default/kubelet."""
    variables = _environment(FLAGS, flags)
    if "KUBELET_KUBEADM_ARGS" not in variables:
        raise unparsable(FLAGS, flags.strip().partition("\n")[0])
    variables |= _environment(DEFAULTS, defaults)
    words = [variables.get(name, "") for name in ("KUBELET_KUBEADM_ARGS", "KUBELET_EXTRA_ARGS")]
    return _kubelet(config, [word for text in words for word in _split(text)])


def running(config: str, command_line: str) -> Kubelet:
    """How the kubelet runs: by config.yaml and its command line, one word in each line."""
    return _kubelet(config, clean("kubelet's command line", command_line).split("\n")[1:])


def _kubelet(config: str, words: list[str]) -> Kubelet:
    try:
        from_file = _content(clean(CONFIG, config))
    except yaml.YAMLError as error:
        raise unparsable(CONFIG, str(error).splitlines()[0]) from error
    if not isinstance(from_file, dict) or from_file.get("kind") != "KubeletConfiguration":
        raise unparsable(CONFIG, config.strip().partition("\n")[0])
    from_flags = _flags(words)
    return Kubelet(
        cgroup_driver=from_flags.get("cgroup-driver") or str(from_file.get("cgroupDriver") or "cgroupfs"),
        resolv_conf=from_flags.get("resolv-conf") or str(from_file.get("resolvConf") or "/etc/resolv.conf"),
        node_ip=from_flags.get("node-ip", ""),
    )


def settings(text: str) -> Mapping[str, Any]:
    """The settings in the kubelet's configuration file. Raises Unparsable if it is not a YAML mapping."""
    try:
        content = _content(text)
    except yaml.YAMLError:
        raise unparsable(CONFIG, why="not YAML") from None
    if not isinstance(content, dict):
        raise unparsable(CONFIG, text.partition("\n")[0])
    return content


@lru_cache(maxsize=64)
def _content(text: str) -> Any:
    """What the file says. kubeadm writes the same one on every host, and six checks of each read it: 5 ms a time.

    By PyYAML's own parser: libyaml's overflows the stack on what a hostile host can write. Raises yaml.YAMLError.
    """
    return plain_yaml.load(text)


def _flags(words: list[str]) -> dict[str, str]:
    """The values of _STRINGS; the kubelet takes `_` for `-` in a flag's name."""
    found: dict[str, str] = {}
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        name, equals, value = word.removeprefix("--").partition("=")
        name = name.replace("_", "-")
        if word.startswith("--") and name in _STRINGS:
            found[name] = value if equals else following
    return found


def _environment(source: str, text: str) -> dict[str, str]:
    """The variables of an EnvironmentFile (systemd.exec(5)): comments, values in either quotes or none."""
    found: dict[str, str] = {}
    for line in (line.strip() for line in clean(source, text).replace("\\\n", "").split("\n")):
        if not line or line.startswith(("#", ";")):
            continue
        row = _VARIABLE.fullmatch(line)
        value = row["value"].strip() if row else ""
        quote = value[:1] if value[:1] in ("'", '"') else ""
        if row is None or (quote and (len(value) < 2 or not value.endswith(quote))):
            raise unparsable(source, line)
        found[row["name"]] = value[1:-1] if quote else value
    return found


def _split(value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError as error:
        raise unparsable(FLAGS, value, str(error)) from error
