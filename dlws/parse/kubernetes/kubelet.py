"""How a kubelet is set up: /var/lib/kubelet/config.yaml and, stronger, the flags in kubeadm-flags.env."""

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
    """`cgroup_driver` and `resolv_conf` as in force, with kubelet's own defaults; `node_ip` empty if not given."""

    cgroup_driver: str
    resolv_conf: str
    node_ip: str


def parse(config: str, flags: str) -> Kubelet:
    """From the text of both files; a flag outweighs the file, as in kubelet."""
    try:
        written = yaml.safe_load(clean(CONFIG, config))
    except yaml.YAMLError as error:
        raise unparsable(CONFIG, str(error).splitlines()[0]) from error
    if not isinstance(written, dict) or written.get("kind") != "KubeletConfiguration":
        raise unparsable(CONFIG, config.strip().partition("\n")[0])
    given = _flags(flags)
    return Kubelet(
        cgroup_driver=given.get("cgroup-driver") or str(written.get("cgroupDriver") or "cgroupfs"),
        resolv_conf=given.get("resolv-conf") or str(written.get("resolvConf") or "/etc/resolv.conf"),
        node_ip=given.get("node-ip", ""),
    )


def settings(text: str) -> dict[str, Any]:
    """The kubelet's configuration file as it is written; Unparsable when it is not a YAML mapping."""
    try:
        written = yaml.safe_load(text)
    except yaml.YAMLError:
        raise unparsable(CONFIG, why="not YAML") from None
    if not isinstance(written, dict):
        raise unparsable(CONFIG, text.partition("\n")[0])
    return written


def _flags(text: str) -> dict[str, str]:
    found = re.fullmatch(r'\s*KUBELET_KUBEADM_ARGS="(.*)"\s*', clean(FLAGS, text), re.DOTALL)
    if found is None:
        raise unparsable(FLAGS, text.strip().partition("\n")[0])
    pairs = (word.removeprefix("--").partition("=") for word in shlex.split(found[1]))
    return {name: value for name, _, value in pairs}
