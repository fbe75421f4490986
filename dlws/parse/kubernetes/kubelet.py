"""A kubelet's configuration: /var/lib/kubelet/config.yaml, overridden by the flags in kubeadm-flags.env."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Any

import yaml

from dlws.parse.text import clean, unparsable

CONFIG = "/var/lib/kubelet/config.yaml"
FLAGS = "/var/lib/kubelet/kubeadm-flags.env"


@dataclass(frozen=True, slots=True)
class Kubelet:
    """The values in force, including kubelet's own defaults; `node_ip` is empty if not set."""

    cgroup_driver: str
    resolv_conf: str
    node_ip: str


def parse(config: str, flags: str) -> Kubelet:
    """The configuration from the text of both files; a flag overrides the file, as in kubelet."""
    try:
        from_file = yaml.safe_load(clean(CONFIG, config))
    except yaml.YAMLError as error:
        raise unparsable(CONFIG, str(error).splitlines()[0]) from error
    if not isinstance(from_file, dict) or from_file.get("kind") != "KubeletConfiguration":
        raise unparsable(CONFIG, config.strip().partition("\n")[0])
    from_flags = _flags(flags)
    return Kubelet(
        cgroup_driver=from_flags.get("cgroup-driver") or str(from_file.get("cgroupDriver") or "cgroupfs"),
        resolv_conf=from_flags.get("resolv-conf") or str(from_file.get("resolvConf") or "/etc/resolv.conf"),
        node_ip=from_flags.get("node-ip", ""),
    )


def settings(text: str) -> dict[str, Any]:
    """The settings in the kubelet's configuration file. Raises Unparsable if it is not a YAML mapping."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        raise unparsable(CONFIG, why="not YAML") from None
    if not isinstance(content, dict):
        raise unparsable(CONFIG, text.partition("\n")[0])
    return content


def _flags(text: str) -> dict[str, str]:
    assignment = re.fullmatch(r'\s*KUBELET_KUBEADM_ARGS="(.*)"\s*', clean(FLAGS, text), re.DOTALL)
    if assignment is None:
        raise unparsable(FLAGS, text.strip().partition("\n")[0])
    pairs = (word.removeprefix("--").partition("=") for word in shlex.split(assignment[1]))
    return {name: value for name, _, value in pairs}
