"""`dlws lab up --offline`: the hosts reach each other and nothing else, and every packet that tries is counted.

The control host reaches them, and they answer it. What else is on the gateway (apt cache, registry, name server) is
there for the machine alone, where `dlws bundle fetch` finds it as on a machine with a network.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import yaml

from dlws.config.cluster import load
from dlws.config.schema import Configuration
from lab import dlws_images, mirror, ports, registry
from lab.plan import BRIDGE, GATEWAY, IMAGES, LAB, REGISTRY, STATE, cache
from lab.process import LabError, attempt, run

TABLE = "dlws_lab_offline"
RULES = f"""
table inet {TABLE} {{
    set tried {{
        type ipv4_addr . ipv4_addr . inet_proto . inet_service
        flags dynamic
        counter
        size 65535
    }}
    set tried_without_port {{
        type ipv4_addr . ipv4_addr . inet_proto
        flags dynamic
        counter
        size 65535
    }}
    set sent {{
        type ipv4_addr
        flags dynamic
        counter
        size 1024
    }}
    chain elsewhere {{
        meta l4proto {{ tcp, udp }} update @tried {{ ip saddr . ip daddr . meta l4proto . th dport counter }}
        meta l4proto != {{ tcp, udp }} update @tried_without_port {{ ip saddr . ip daddr . meta l4proto counter }}
        counter reject
    }}
    chain to_the_machine {{
        type filter hook input priority -10;
        iifname {BRIDGE} meta nfproto ipv4 ct state new,invalid,untracked jump elsewhere
    }}
    chain to_the_hosts {{
        type filter hook output priority -10;
        oifname {BRIDGE} tcp dport 22 update @sent {{ ip daddr counter }}
    }}
    chain beyond {{
        type filter hook forward priority -10;
        iifname {BRIDGE} oifname != {BRIDGE} jump elsewhere
    }}
}}
"""
CONFIG = LAB / "offline.yaml"
"""The configuration of the offline lab, made of the lab's own: what differs."""
CONTENT = STATE / "content"
SEED = "atlas02"
"""The host that hands the content to the others."""
SOURCES = STATE / "offline.list"
BELOW = "offline"
"""The path of the registry that has every image for both architectures."""
KNOWN = {
    (GATEWAY, 53): "resolv.conf's name server, which does not answer",
    ("169.254.169.254", 80): "kubelet's look for a cloud's credentials",
}
"""What a host tries in any machine room, by destination. N05 wants a name server, and N02 asks it for every host's name
until /etc/hosts has them; kubelet 1.20 asks the link-local address of AWS' metadata service at its start."""
SERVICES = ip_network(Configuration.model_fields["service_cluster_ip_range"].default)
"""The addresses of the cluster's Services, which lead nowhere until the host's kube-proxy has them. A pod of the pod
network may ask the API server before; the API server asks the metrics adapter (Kubernetes' aggregation layer) as soon
as that has an endpoint."""
KEYRING = "/usr/share/keyrings/{}-archive-keyring.gpg"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a host sent to somewhere else: `port` is 0 for a protocol without ports."""

    source: str
    destination: str
    protocol: str
    port: int
    packets: int

    @property
    def known(self) -> str:
        """What is known to try this without needing it; empty for anything else."""
        if ip_address(self.destination) in SERVICES:
            return "a Service's address, until the host's kube-proxy has it"
        return KNOWN.get((self.destination, self.port), "")

    def __str__(self) -> str:
        to = f"{self.destination}:{self.port}" if self.port else self.destination
        why = f" ({self.known})" if self.known else ""
        return f"{self.source} -> {to} {self.protocol}: {self.packets} packets{why}"


def cut_off() -> None:
    """From now on the hosts reach nothing else; the counter begins at 0."""
    reconnect()
    run("nft", "-f", "-", stdin=RULES)


def reconnect() -> None:
    """Take the rules and the counter away."""
    if is_cut_off():
        run("nft", "delete", "table", "inet", TABLE)


def is_cut_off() -> bool:
    """Whether this is an offline lab now."""
    return attempt("nft", "list", "table", "inet", TABLE).returncode == 0


def attempts() -> list[Attempt]:
    """What the hosts have tried to send elsewhere, or to their name server. LabError unless the lab is offline."""
    return parse(run("nft", "--json", "list", "table", "inet", TABLE))


def sent() -> dict[str, int]:
    """By address, the bytes of IP packets that the control host has sent to a host's sshd. LabError unless offline."""
    return parse_sent(run("nft", "--json", "list", "table", "inet", TABLE))


def parse(text: str) -> list[Attempt]:
    """The elements of the two sets of what was tried in what `nft --json list table` prints."""
    return sorted((_attempt(one) for one in _elements(text, "tried", "tried_without_port")), key=str)


def parse_sent(text: str) -> dict[str, int]:
    """The same of the set of what was sent to the hosts."""
    return {str(one["val"]): int(one["counter"]["bytes"]) for one in _elements(text, "sent")}


def _elements(text: str, *names: str) -> list[dict[str, Any]]:
    sets = [entry["set"] for entry in json.loads(text)["nftables"] if "set" in entry]
    return [one["elem"] for entry in sets if entry["name"] in names for one in entry.get("elem", ())]


def _attempt(element: dict[str, Any]) -> Attempt:
    source, destination, protocol, *port = element["val"]["concat"]
    return Attempt(source, destination, str(protocol), port[0] if port else 0, element["counter"]["packets"])


def prepare() -> list[str]:
    """Have everything on this machine that a machine with a network has; return the command that fetches it."""
    CONFIG.write_text(configuration((LAB / "config.yaml").read_text()))
    CONFIG.chmod(0o600)
    cluster = load(CONFIG)
    SOURCES.write_text("".join(f"{line}\n" for line in sources()))
    ports.ensure(cluster, [line for line in sources() if "arch=amd64" in line])
    for archive in sorted([*IMAGES.glob("*.tar"), *dlws_images.archives().glob("*.tar")]):
        registry.push_index(archive, BELOW, [arch.value for arch in cluster.archs])
    words = ["dlws", "bundle", "fetch", "--cluster", _here(CONFIG), "--output", _here(CONTENT)]
    words += ["--sources", f"'ubuntu 18.04={_here(SOURCES)}'", "--plain-http", REGISTRY]
    return [
        *words,
        "--mirror",
        f"docker.io={REGISTRY}/{BELOW}",
        "--mirror",
        f"k8s.gcr.io={REGISTRY}/{BELOW}/k8s.gcr.io",
    ]


def configuration(text: str) -> str:
    """The lab's configuration without its registry and its archives, with a content folder and one seed for all."""
    settings = yaml.safe_load(text)
    settings["dockerregistry"] = settings["dockers"]["hub"] = "apulistech/"
    settings["suite"].pop("image_archives", None)
    settings["suite"]["content"] = str(CONTENT.relative_to(LAB))
    settings["suite"]["seeds"] = {SEED: ["*"]}
    head = "# Written by `dlws lab up --offline`: config.yaml, but for images and packages from a content folder.\n"
    return head + yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)


def sources() -> list[str]:
    """The lines of sources.list of a machine with a network, for hosts of both architectures."""
    distribution = run("sh", "-c", ". /etc/os-release; echo $ID").strip()
    keyring = KEYRING.format(distribution)
    if not Path(keyring).exists():
        raise LabError(f"{keyring} is missing: install the package {distribution}-archive-keyring")
    lines = [
        f"deb [arch=amd64 signed-by={keyring}] {mirror.through_cache(one.uri)} {one.suite} {' '.join(one.components)}"
        for one in mirror.read_sources()
    ]
    own = f"deb [arch=amd64 trusted=yes] file:{cache() / 'packages'} ./"
    return [*lines, own, f"deb [arch=arm64 trusted=yes] file:{ports.repository()} ./"]


def _here(path: Path) -> str:
    return os.path.relpath(path)
