"""The first config.yaml: the text, from what the operator answered and what the hosts said.

A machine is one line, `atlas01: {role: worker, private-ip: 192.168.3.2, ...}`: deploy.py's YAML reader takes that form
too, and knows neither ranges of machines nor defaults for groups of them (its `machines` is a mapping by host name).
"""

from __future__ import annotations

import secrets
import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any, Final

import yaml

from dlws.config.ranges import DOCKER_BRIDGE, RANGES, network
from dlws.config.schema import Configuration, Images
from dlws.init.survey import Surveyed
from dlws.init.table import VENDORS
from dlws.inventory import Device, Role
from dlws.parse.mappings import merged

_ALPHABET: Final = string.ascii_letters + string.digits
PASSWORD_LENGTH: Final = 24
"""Characters of a password, 143 bits; letters and digits alone, which no template, shell or YAML changes."""
SPARE: Final = tuple(IPv4Network(f"10.{second}.0.0/16") for second in range(2, 256)) + tuple(
    IPv4Network(f"172.{second}.0.0/16") for second in range(18, 32)
)
"""Private ranges (RFC 1918) of the size of DLWorkspace's own defaults; without Docker's 172.17.0.0/16."""
_HEADER: Final = """\
# The cluster, as `dlws init` found it. Every key: docs/configuration.md. `dlws lint` reports what is wrong with it.
# It has passwords: keep its mode at 0600, and keep it out of git.
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """What only the operator knows. `settings` are further keys, as nested mappings, and win over all others."""

    cluster_name: str
    domain: str
    master: str
    admin_user: str
    admin_mail: str
    ssh_port: int = 22
    settings: Mapping[str, Any] = field(default_factory=dict)


def key_is_in_an_image(answers: Answers) -> bool:
    """Whether the signing key is that of an image (upstream's nginx-jwt-cookie.lua is built into openresty's)."""
    suite = answers.settings.get("suite")
    return isinstance(suite, Mapping) and suite.get("images") == Images.PREBUILT


def new_secret() -> str:
    """A password or signing key; the first character is a letter, so that YAML never takes it for a number."""
    return secrets.choice(string.ascii_letters) + "".join(secrets.choice(_ALPHABET) for _ in range(PASSWORD_LENGTH - 1))


def text(answers: Answers, hosts: Sequence[Surveyed], ranges: Mapping[str, str]) -> str:
    """The configuration. `ranges` are the keys of the pod and service range where they are not the defaults."""
    ordered = sorted(hosts, key=lambda host: host.name != answers.master)
    written = {
        "cluster_name": answers.cluster_name,
        "network": {"domain": answers.domain},
        "machines": {host.name: machine(host, answers.master) for host in ordered},
        "onpremise_cluster": _size(ordered),
        "admin_username": answers.admin_user,
        "mysql_password": new_secret(),
        "jwt": {"secret_key": new_secret()},
        "UserGroups": {"DLWSAdmins": {"Allowed": [answers.admin_mail], "uid": "20000", "gid": "20001"}},
        "WebUIadminGroups": ["DLWSAdmins"],
        "WebUIauthorizedGroups": ["DLWSAdmins"],
        "Authentications": {
            "Microsoft": {"TenantId": "", "ClientId": "", "ClientSecret": ""},
            "Wechat": {"AppId": "", "AppSecret": ""},
        },
        "mountpoints": {
            "nfsshare1": {
                "type": "nfs",
                "server": answers.master,
                "filesharename": "/mnt/local",
                "curphysicalmountpoint": "/mntdlws",
                "mountpoints": "",
            }
        },
        **ranges,
        "suite": _suite(answers, ordered),
    }
    sections = merged(written, dict(answers.settings)).items()
    return _HEADER + "".join(
        f"\n{_COMMENTS.get(key, '')}{_dumped(key, value)}" for key, value in sections if value != {}
    )


_COMMENTS: Final = {
    "machines": "# The first is the master: Kubernetes control plane, database, web interface.\n",
    "mysql_password": "# Made for this cluster; change it only before the first install.\n",
    "UserGroups": "# Who may sign in; each of DLWSAdmins becomes an administrator.\n",
    "Authentications": "# Sign-in by Microsoft and WeChat accounts; upstream's templates need the keys, even empty.\n",
    "mountpoints": "# The share that every host mounts, served by the master (runbook 3.12).\n",
    "suite": "# Read by this suite only.\n",
}


def machine(host: Surveyed, master: str) -> dict[str, str]:
    """A host's entry under `machines`."""
    role = Role.INFRASTRUCTURE if host.name == master else Role.WORKER
    entry = {"role": role, "private-ip": host.address, "archtype": host.arch, "type": host.device}
    vendor = VENDORS.get(host.device)
    more = {"vendor": vendor, "series": host.listed.series or None}
    return {key: str(value) for key, value in (entry | more).items() if value is not None}


def free_ranges(routes: Mapping[str, Iterable[IPv4Network]]) -> tuple[dict[str, str], list[str]]:
    """Pod and service ranges that meet no network of a host: those that are not the defaults, by key, and why.

    `routes` are the networks that each host has routes to, its own among them.
    """
    taken = {net: name for name, nets in routes.items() for net in nets}
    given: list[IPv4Network] = [IPv4Network(DOCKER_BRIDGE)]
    chosen, remarks = {}, []
    for key, what in RANGES.items():
        default = network(Configuration.model_fields[key].default)
        candidates = [default, *SPARE] if default else list(SPARE)
        free = next((c for c in candidates if not any(c.overlaps(other) for other in (*taken, *given))), None)
        if free is None:
            remarks.append(f"no /16 of 10.0.0.0/8 or 172.16.0.0/12 is free for the {what}: choose {key} by hand")
            continue
        given.append(free)
        if default is not None and free != default:
            met = next(net for net in (*taken, *given) if net.overlaps(default))
            where = f"{met}, to which {taken[met]} has a route" if met in taken else str(met)
            remarks.append(f"the {what} is {free}, because {default} meets {where}")
            chosen[key] = str(free)
    return chosen, remarks


def _size(hosts: Sequence[Surveyed]) -> dict[str, Any]:
    """`onpremise_cluster`: what most hosts have; the others are in `suite.devices`."""
    devices = {host.device for host in hosts}
    vendor = next((VENDORS[kind] for kind in (Device.GPU, Device.NPU) if kind in devices), None)
    size: dict[str, Any] = {"worker_node_num": len(hosts) - 1}
    if vendor is not None:
        size |= {"gpu_count_per_node": _usual(hosts), "gpu_type": str(vendor)}
    return size


def _usual(hosts: Iterable[Surveyed]) -> int:
    counts = Counter(host.device_count for host in hosts if host.device_count)
    return counts.most_common(1)[0][0] if counts else 0


def _suite(answers: Answers, hosts: Sequence[Surveyed]) -> dict[str, Any]:
    usual = _usual(hosts)
    other = {host.name: host.device_count for host in hosts if host.device in VENDORS and host.device_count != usual}
    keys = {host.name: host.listed.host_key for host in hosts if host.listed.host_key}
    port = {"ssh_port": answers.ssh_port} if answers.ssh_port != 22 else {}
    return {**port, **({"devices": other} if other else {}), **({"host_keys": keys} if keys else {})}


def _dumped(key: str, value: Any) -> str:
    """A key as YAML, its innermost mappings and lists on one line each."""
    style = None if isinstance(value, dict | list) else False
    return yaml.safe_dump({key: value}, sort_keys=False, default_flow_style=style, allow_unicode=True, width=1000)
