"""Constraints between the keys of a configuration: each rule yields an error for every violation.

Rules read the plain Document, not the model, so that all findings are reported at once even if another key is
malformed. They skip a value of the wrong type, which the schema reports.
Sources: deploy.py and its templates (V0.1.6.1), runbook sections 1, 2.4, 3.2, 3.12.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from dlws.config.document import Document
from dlws.config.finding import Finding, KeyPath, Level, shown
from dlws.config.validation import nearest

Rule = Callable[[Document], Iterator[Finding]]

REQUIRED_FOLDERS: Final = ("jobfiles", "storage", "work")
ANONYMOUS: Final = ("smtp_auth_username", "smtp_auth_password")
ALERTMANAGER: Final = ("smtp_url", "smtp_from", *ANONYMOUS, "receiver")
"""Keys of `alert-manager` by which mail is sent; the two of a login are empty for a server that asks for none."""


@dataclass(frozen=True, slots=True)
class Written:
    """A machine as written in the file: its key path and its plain values."""

    path: KeyPath
    values: dict[str, Any]

    @property
    def name(self) -> str:
        """The machine key."""
        return str(self.path[-1])

    @property
    def is_infrastructure(self) -> bool:
        """True for the master."""
        return self.values.get("role") == "infrastructure"

    @property
    def has_accelerators(self) -> bool:
        """True for gpu and npu machines."""
        return self.values.get("type") in ("gpu", "npu")

    def text(self, key: str) -> str | None:
        """The value of a key; None if it is not text."""
        value = self.values.get(key)
        return value if isinstance(value, str) else None


def machines(document: Document) -> list[Written]:
    """The machines of the cluster in file order, `machines` first, then `scale_up`."""
    return [*_section(document, "machines"), *_section(document, "scale_up")]


def leaving(document: Document) -> list[Written]:
    """The machines under `scale_down`, which are no longer part of the cluster."""
    return _section(document, "scale_down")


def _section(document: Document, section: str) -> list[Written]:
    written = document.mapping(section).items()
    return [Written((section, name), values) for name, values in written if isinstance(values, dict)]


def check(document: Document) -> Iterator[Finding]:
    """All violations of the rules in a configuration."""
    for rule in RULES:
        yield from rule(document)


def one_infrastructure_machine(document: Document) -> Iterator[Finding]:
    """Exactly one master, under `machines` (upstream runs a separate `init` on each), with its private-ip."""
    masters = [machine for machine in machines(document) if machine.is_infrastructure]
    roles = {str(machine.values.get("role")) for machine in machines(document)}
    if roles == {"worker"}:
        yield document.at_key(("machines",), "no machine has the role infrastructure", "give it to the master")
    for extra in masters[1:]:
        message = f"a second infrastructure machine, {masters[0].name} is one already; only one master is supported"
        yield document.at_value((*extra.path, "role"), message, "make it a worker")
    for master in masters:
        if master.path[0] == "scale_up":
            yield document.at_key(master.path, "the infrastructure machine is under scale_up", "move it to machines")
        if "private-ip" not in master.values:
            yield document.at_key(master.path, "the infrastructure machine has no private-ip", "add private-ip")
    for machine in leaving(document):
        if machine.is_infrastructure:
            yield document.at_value((*machine.path, "role"), "the master cannot leave its cluster", "-m reset ends it")


def disjoint_sections(document: Document) -> Iterator[Finding]:
    """A machine is listed once."""
    sections = ("machines", "scale_up", "scale_down")
    for at, section in enumerate(sections):
        for name in document.mapping(section):
            for other in (o for o in sections[:at] if name in document.mapping(o)):
                line = document.key_position((other, name)).line
                yield document.at_key((section, name), f"also under {other} in line {line}", "keep one of them")


def runtime_socket(document: Document) -> Iterator[Finding]:
    """Kubernetes 1.24 has no dockershim: kubelet reaches Docker through cri-dockerd, whose socket must be named."""
    version = document.get("k8s-gitbranch")
    parts = re.fullmatch(r"v1\.([0-9]{1,3})\.[0-9]{1,3}", version) if isinstance(version, str) else None
    if parts and int(parts[1]) >= 24 and document.get("suite", "kubernetes", "cri_socket") is None:
        message = f"Kubernetes {version} does not speak to Docker itself"
        fix = "install cri-dockerd and name its socket in suite.kubernetes.cri_socket"
        yield document.at_value(("k8s-gitbranch",), message, fix)


def unique_addresses(document: Document) -> Iterator[Finding]:
    """No two machines have the same address, and none has the virtual IP."""
    owner: dict[str, str] = {}
    for machine in machines(document):
        address = machine.text("private-ip")
        if address is None:
            continue
        if owner.get(address, machine.name) != machine.name:  # the same machine twice is told by disjoint_sections
            message = f"{shown(address)} is the address of {owner[address]} already"
            yield document.at_value((*machine.path, "private-ip"), message, "give each machine its own address")
        owner.setdefault(address, machine.name)
    path: KeyPath = ("suite", "kubernetes", "virtual_ip")
    virtual = document.get(*path)
    if isinstance(virtual, str) and virtual in owner:
        message = f"{shown(virtual)} is the address of {owner[virtual]} itself"
        yield document.at_value(path, message, "a virtual IP is one that moves between hosts: name that, or none")


def vendors(document: Document) -> Iterator[Finding]:
    """A gpu machine's vendor is nvidia, an npu machine's huawei; other machines need no vendor."""
    vendor_of = {"gpu": "nvidia", "npu": "huawei"}
    for machine in machines(document):
        kind, vendor = machine.text("type"), machine.text("vendor")
        if kind not in vendor_of:
            continue
        if "vendor" not in machine.values:
            yield document.at_key(
                machine.path, f"a machine of type {kind} needs its vendor", f"add vendor: {vendor_of[kind]}"
            )
        elif vendor in vendor_of.values() and vendor != vendor_of[kind]:
            message = f"type {kind} goes with vendor {vendor_of[kind]}, not {vendor}"
            yield document.at_value((*machine.path, "vendor"), message, "correct type or vendor")


def device_counts(document: Document) -> Iterator[Finding]:
    """Every gpu and npu machine has a number of devices, at least one, because a check for none would prove nothing."""
    default = document.get("onpremise_cluster", "gpu_count_per_node")
    counts = document.mapping("suite", "devices")
    by_name = {machine.name: machine for machine in machines(document)}
    for name in counts:
        if name not in by_name:
            yield document.at_key(("suite", "devices", name), "no such machine", _did_you_mean(name, by_name))
        elif counts[name] and not by_name[name].has_accelerators:
            message = f"{name} is of type {shown(by_name[name].values.get('type'))} and has no devices"
            yield document.at_key(("suite", "devices", name), message, "correct its type, or remove this line")
    for machine in by_name.values():
        if machine.has_accelerators and not counts.get(machine.name, default):
            fix = f"set onpremise_cluster.gpu_count_per_node, or suite.devices.{machine.name}"
            yield document.at_key(machine.path, "nothing says how many devices this machine has", fix)


def host_keys(document: Document) -> Iterator[Finding]:
    """Host keys are those of machines, and no two machines have the same one."""
    names = {machine.name for machine in (*machines(document), *leaving(document))}
    owner: dict[str, str] = {}
    for name, fingerprint in document.mapping("suite", "host_keys").items():
        path: KeyPath = ("suite", "host_keys", name)
        if name not in names:
            yield document.at_key(path, "no such machine", _did_you_mean(name, names))
        elif isinstance(fingerprint, str) and owner.setdefault(fingerprint, name) != name:
            message = f"{shown(fingerprint)} is the host key of {owner[fingerprint]} already"
            fix = "compare both on their consoles; a clone needs host keys of its own (U02)"
            yield document.at_value(path, message, fix)


def lost_hosts(document: Document) -> Iterator[Finding]:
    """A host that is given up as lost is one that leaves, named once."""
    names = {machine.name for machine in leaving(document)}
    listed = document.get("suite", "lost_hosts")
    for at, name in enumerate(listed if isinstance(listed, list) else ()):
        path: KeyPath = ("suite", "lost_hosts", at)
        if name not in names:
            yield document.at_value(path, f"{shown(name)} is not under scale_down", "move its machine there")
        elif name in listed[:at]:
            yield document.at_value(path, f"{name} is listed twice", "keep one of them")


def npu_cabling(document: Document) -> Iterator[Finding]:
    """Only machines with NPUs have a cabling plan."""
    by_name = {machine.name: machine for machine in machines(document)}
    for name in document.mapping("suite", "npu_cabling"):
        if name not in by_name:
            yield document.at_key(("suite", "npu_cabling", name), "no such machine", _did_you_mean(name, by_name))
        elif by_name[name].values.get("type") != "npu":
            message = f"{name} is of type {shown(by_name[name].values.get('type'))} and has no NPUs"
            yield document.at_key(("suite", "npu_cabling", name), message, "correct its type, or remove this line")


def kinds_of_accelerators(document: Document) -> Iterator[Finding]:
    """Every kind under `suite.acceptance.two_hosts` is one that the machines have."""
    values = (m.values for m in machines(document) if m.has_accelerators)
    kinds = {"_".join(str(v[key]) for key in ("vendor", "type", "archtype", "series") if key in v) for v in values}
    for kind in document.mapping("suite", "acceptance", "two_hosts"):
        if kind not in kinds:
            path: KeyPath = ("suite", "acceptance", "two_hosts", kind)
            yield document.at_key(path, "no machine has such accelerators", _did_you_mean(kind, kinds))


def shares(document: Document) -> Iterator[Finding]:
    """At most one default share, known servers, one mount point each (auto_share.py would mount over another)."""
    default: str | None = None
    mounted: dict[str, str] = {}
    names = {machine.name for machine in machines(document)}
    for name, share in document.mapping("mountpoints").items():
        if not isinstance(share, dict):
            continue
        path: KeyPath = ("mountpoints", name)
        if share.get("mountpoints", "") in ("", [], {}, None):
            if default is not None:
                message = f"a second default share (no folders of its own), {default} is one already"
                yield document.at_key(path, message, "name its folders in mountpoints")
            default = default or name
        point = share.get("curphysicalmountpoint")
        if isinstance(point, str) and mounted.setdefault(point, name) != name:
            message = f"{shown(point)} is the mount point of {mounted[point]} already"
            yield document.at_value((*path, "curphysicalmountpoint"), message, "mount each share on its own path")
        server = share.get("server")
        if isinstance(server, str) and server and "." not in server and server not in names:
            fix = f"{_did_you_mean(server, names)}; for another server write its full name or address"
            yield document.at_value((*path, "server"), f"{shown(server)} is no machine", fix)


def storage_folders(document: Document) -> Iterator[Finding]:
    """The folders that the platform's services mount must be on the default share."""
    folders = document.get("default-storage-folders")
    if isinstance(folders, list):
        for missing in [folder for folder in REQUIRED_FOLDERS if folder not in folders]:
            yield document.at_value(("default-storage-folders",), f"{missing} is missing", f"add `- {missing}`")


def user_groups(document: Document) -> Iterator[Finding]:
    """The web interface's groups are among UserGroups, and so is DLWSAdmins, which the templates need."""
    groups = document.mapping("UserGroups")
    if groups and "DLWSAdmins" not in groups:
        yield document.at_key(
            ("UserGroups",), "the group DLWSAdmins is missing", "add it: DLWorkspace's templates need it"
        )
    for key in ("WebUIadminGroups", "WebUIauthorizedGroups", "WebUIregisterGroups"):
        listed = document.get(key)
        for index, group in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(group, str) and group not in groups:
                yield document.at_value((key, index), f"{shown(group)} is no group", _did_you_mean(group, groups))


def administrators(document: Document) -> Iterator[Finding]:
    """Each of DLWSAdmins is one plain address, because it becomes an account and is rendered unquoted into YAML."""
    allowed = document.get("UserGroups", "DLWSAdmins", "Allowed")
    for index, address in enumerate(allowed if isinstance(allowed, list) else []):
        if isinstance(address, str) and not re.match(r"[A-Za-z0-9_]", address):
            path: KeyPath = ("UserGroups", "DLWSAdmins", "Allowed", index)
            yield document.at_value(path, f"{shown(address)} is no single account", "name each administrator")


def token_key(document: Document) -> Iterator[Finding]:
    """The key must read back unchanged from YAML, into which DLWorkspace's templates write it unquoted."""
    key = document.get("jwt", "secret_key")
    if isinstance(key, str) and not _is_plain_yaml(key):
        message = "changes when it stands unquoted in YAML, as DLWorkspace's templates write it"
        yield document.at_value(("jwt", "secret_key"), message, "use letters, digits, - and _, a letter first")


def password_in_a_pod(document: Document) -> Iterator[Finding]:
    """MySQL's password has no `$(NAME)` or `$$`, because Kubernetes expands both in a container's variables."""
    password = document.get("mysql_password")
    if isinstance(password, str) and ("$$" in password or "$(" in password):
        message = "holds $$ or $(, which Kubernetes changes on the way to MySQL"
        yield document.at_value(("mysql_password",), message, "choose a password without them")


def alertmanager(document: Document) -> Iterator[Finding]:
    """What upstream's templates of Alertmanager write as text is text; its params.py names what `configured` needs."""
    section = document.mapping("alert-manager")
    for key in ALERTMANAGER:
        path: KeyPath = ("alert-manager", key)
        if key in section and not isinstance(section[key], str):
            fix = "one text, addresses apart by commas" if key == "receiver" else "quote it"
            yield document.at_value(path, "must be text, as DLWorkspace's templates write it into a line", fix)
        elif key not in section and section.get("configured"):
            fix = f'add `{key}: ""`' if key in ANONYMOUS else f"add `{key}:` under alert-manager"
            place = ("alert-manager", "configured")
            yield document.at_key(place, f"V0.1.6.1's Alertmanager needs {key} too", fix, Level.WARNING)


def _is_plain_yaml(text: str) -> bool:
    try:
        return bool(yaml.safe_load(f"key: {text}\n") == {"key": text})
    except yaml.YAMLError:
        return False


def names_agree(document: Document) -> Iterator[Finding]:
    """`repair-manager.cluster_name` is the cluster's; `<cluster_name>.<domain>` is the master and no other machine."""
    name = document.get("cluster_name")
    other = document.get("repair-manager", "cluster_name")
    if isinstance(name, str) and isinstance(other, str) and name != other:
        path: KeyPath = ("repair-manager", "cluster_name")
        yield document.at_value(path, f"{shown(other)} is not cluster_name {shown(name)}", f"write {shown(name)}")
    for machine in machines(document):
        if machine.name == name and machine.values.get("role") == "worker":
            message = "a worker has the cluster's name, which is the public name of the master"
            yield document.at_key(machine.path, message, "rename the machine or the cluster")


def checkout_named_once(document: Document) -> Iterator[Finding]:
    """`dlworkspace` at the top level and in `suite` are one setting."""
    top, own = document.get("dlworkspace"), document.get("suite", "dlworkspace")
    if top is not None and own is not None and top != own:
        yield document.at_key(("dlworkspace",), "differs from suite.dlworkspace", "keep one of them")


def _did_you_mean(word: str, choices: object) -> str:
    names = sorted(choices) if isinstance(choices, set | dict) else []
    near = nearest(word, names)
    listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f"did you mean {near}?" if near else f"one of: {listed}"


RULES: Final[tuple[Rule, ...]] = (
    one_infrastructure_machine,
    disjoint_sections,
    unique_addresses,
    vendors,
    device_counts,
    host_keys,
    lost_hosts,
    npu_cabling,
    kinds_of_accelerators,
    shares,
    storage_folders,
    user_groups,
    administrators,
    token_key,
    password_in_a_pod,
    alertmanager,
    names_agree,
    checkout_named_once,
    runtime_socket,
)
