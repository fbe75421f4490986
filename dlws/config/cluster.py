"""`load`: reads a configuration file into a `Cluster`, or reports everything wrong with it (runbook section 3.2)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from dlws.config import addresses, document, lint, lint_local_yaml, named_file, ranges, rules, values
from dlws.config.addresses import Hosts, Resolver
from dlws.config.document import Document
from dlws.config.finding import ConfigError, ConfigUnreadable, Finding, Level, errors
from dlws.config.kept import kept
from dlws.config.packages import Packages
from dlws.config.schema import Configuration, Kubernetes, Machine, NameResolution, Nfs, Share, Suite
from dlws.config.state import State, state_of
from dlws.config.validation import secrets_in, validate
from dlws.hostfiles import hosts_file
from dlws.hostfiles.apt_source import AptSource
from dlws.inventory import Arch, Device, Node, Origin, Role
from dlws.parse.mappings import merged
from dlws.upstream import published_secrets, service_token

__all__ = [
    "Cluster",
    "ConfigError",
    "ConfigUnreadable",
    "Kubernetes",
    "Mount",
    "NameResolution",
    "Nfs",
    "Packages",
    "Suite",
    "inspect",
    "load",
]

CONTENT_IMAGES: Final = "images"
"""The folder of a content folder that has the archives of images."""
HOW_TO_START: Final = "`dlws init` writes a first one, or name another file"


@dataclass(frozen=True, slots=True)
class Mount:
    """A share: `server:export` is mounted on `mount_point` of every host and holds `folders` (runbook section 3.12).

    `links_in` is the folder of every host that links to them: /dlwsdata, or /dltsdata/<vc> for a virtual cluster's.
    """

    name: str
    type: str
    server: str
    export: str
    mount_point: str
    folders: tuple[str, ...]
    is_default: bool
    links_in: str
    options: str | None = None


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Cluster:
    """A DLWS cluster as its configuration promises it. Its repr holds no secret."""

    name: str
    domain: str
    nodes: tuple[Node, ...]
    """`machines`, then `scale_up`, in the order of the file."""
    leaving: tuple[Node, ...]
    """`scale_down`: machines that `-m scale_down` takes out of the cluster. None of `nodes`."""
    admin_username: str
    kubernetes_version: str
    """As kubeadm takes it: `v1.18.0`."""
    mounts: tuple[Mount, ...]
    service_range: str
    pod_range: str
    suite: Suite = field(hash=False)
    path: Path
    """The configuration file, absolute."""
    findings: tuple[Finding, ...] = field(compare=False)  # some are about the file, such as its mode
    """Warnings and hints about the configuration; none of them an error."""
    settings: Configuration = field(repr=False, compare=False)
    """The whole configuration, typed, with its defaults. Holds secrets."""
    document: Mapping[str, Any] = field(repr=False, compare=False)
    """The same as plain values, with what only DLWorkspace's templates know: for them alone. Holds secrets."""
    secrets: tuple[str, ...] = field(repr=False, compare=False)
    """Every secret value of the configuration, longest first: what must be redacted."""

    @property
    def master(self) -> Node:
        """The infrastructure machine: Kubernetes control plane, database, web interface."""
        return _master(self)

    @property
    def workers(self) -> tuple[Node, ...]:
        """Every machine whose role is worker."""
        return tuple(node for node in self.nodes if node.role is Role.WORKER)

    @property
    def archs(self) -> tuple[Arch, ...]:
        """The architectures that images are needed for, the master's first."""
        return tuple(dict.fromkeys([self.master.arch, *(node.arch for node in self.nodes)]))

    @property
    def public_name(self) -> str:
        """`<cluster_name>.<domain>`, by which users reach the cluster (runbook sections 2.3 and 3.2)."""
        return f"{self.name}.{self.domain}"

    @property
    def state(self) -> State:
        """The folder, beside the configuration, that keeps this cluster's ID, keys and pinned host keys."""
        return state_of(self.path, self.name)

    @property
    def digest(self) -> str:
        """The SHA-256 of the configuration, including secrets and defaults; equal for equal configurations."""
        return _digest(self)

    @property
    def names_by_address(self) -> Mapping[str, tuple[str, ...]]:
        """The names of each address in every host's hosts file (runbook 2.4): first the FQDN, for `hostname -f`."""
        return _names_by_address(self)

    @property
    def image_archives(self) -> Path | None:
        """The folder with `docker save` archives, if there is one: the site's own, else the content's."""
        return self._beside(self.suite.image_archives) or (self.content / CONTENT_IMAGES if self.content else None)

    @property
    def content(self) -> Path | None:
        """The folder with what the install needs, made by `dlws bundle fetch`, if one is named."""
        return self._beside(self.suite.content)

    @property
    def registry_config(self) -> Path | None:
        """Docker's config.json with the login to the registry, if one is named."""
        return self._beside(self.suite.registry_config)

    @property
    def dlworkspace(self) -> Path | None:
        """The user's DLWorkspace checkout, if one is named."""
        return self._beside(self.settings.dlworkspace or self.suite.dlworkspace)

    @property
    def cni_manifest(self) -> Path | None:
        """The manifest of the pod network, if one is named."""
        return self._beside(self.suite.kubernetes.cni_manifest)

    @property
    def kubernetes_source(self) -> AptSource | None:
        """The apt source of the Kubernetes packages, if one is named."""
        line, key = self.suite.kubernetes.apt_source, self.suite.kubernetes.apt_key
        return AptSource("kubernetes", line, self._beside(key)) if line else None

    def apt_sources(self, node: Node) -> tuple[AptSource, ...]:
        """The sources of `suite.apt_sources` that a machine has, in the order of the file."""
        configured = self.suite.apt_sources.items()
        mine = [(name, source) for name, source in configured if source.type in (None, node.device)]
        return tuple(AptSource(name, source.line, self._beside(source.key_file)) for name, source in mine)

    @property
    def packages_folder(self) -> Path | None:
        """The folder with the Kubernetes packages as files, if there is one."""
        return self._beside(self.suite.kubernetes.packages_folder)

    def written(self, path: Path) -> str:
        """A path as the configuration may write it: relative to its folder, if below that. The same on any machine."""
        folder = self.path.parent
        return str(path.relative_to(folder) if path.is_relative_to(folder) else path)

    def node(self, name: str) -> Node:
        """The machine with this name, under `scale_down` or not. Raises KeyError if there is none."""
        if name not in _by_name(self):
            raise KeyError(f"{name} is no machine of the cluster {self.name}")
        return _by_name(self)[name]

    def _beside(self, path: str | None) -> Path | None:
        return self.path.parent / Path(path).expanduser() if path else None


@kept
def _master(cluster: Cluster) -> Node:
    return next(node for node in cluster.nodes if node.role is Role.INFRASTRUCTURE)


@kept
def _by_name(cluster: Cluster) -> Mapping[str, Node]:
    return {node.name: node for node in (*cluster.leaving, *cluster.nodes)}


@kept
def _names_by_address(cluster: Cluster) -> Mapping[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {node.address: (node.fqdn, node.name) for node in cluster.nodes}
    master = cluster.master.address
    names[master] = tuple(dict.fromkeys([*names[master], cluster.public_name]))
    return names


@kept
def _digest(configured: Cluster) -> str:
    return hashlib.sha256(json.dumps(configured.document).encode()).hexdigest()


def load(path: Path | str, *, resolve: Resolver = addresses.ask_system) -> Cluster:
    """The cluster that the file at `path` describes.

    `resolve` asks DNS; it is called only for machines without another address, or if suite.name_resolution is dns.
    Raises ConfigError with all findings if one of them is an error, ConfigUnreadable if there is no file to read.
    """
    cluster, findings = inspect(path, resolve=resolve)
    if cluster is None:
        raise ConfigError(findings)
    return cluster


def inspect(
    path: Path | str,
    *,
    resolve: Resolver = addresses.ask_system,
    hosts_path: Path | None = None,
    local_yaml: Path | None = None,
    known_leaks: Mapping[str, published_secrets.Leak] = published_secrets.KNOWN,
) -> tuple[Cluster | None, tuple[Finding, ...]]:
    """The cluster at `path` (None if a finding is an error) and all findings in file order.

    `hosts_path` is the hosts file of runbook 2.4, by default `<state>/deploy/etc/hosts`; `local_yaml` is the
    configuration of the web interface, runbook 3.15; the one in the checkout is always checked if it exists.
    Raises ConfigUnreadable if a file that is named cannot be read.
    """
    path = Path(path)
    written = document.read(_content(path, HOW_TO_START), str(path))
    hosts = _hosts(path, written, hosts_path)
    if written.findings and not written.data:  # what an unreadable file lacks is not known
        return None, tuple(written.findings)
    configuration, findings = validate(written)
    findings += written.findings
    address_of, address_findings = addresses.resolve_all(written, _by_hand(hosts), resolve)
    findings += address_findings
    findings += rules.check(written)
    findings += ranges.check(written, address_of)
    findings += lint.check(written, known_leaks)
    findings += lint.check_file_mode(written, path.stat().st_mode)
    named = written.get("suite", "registry_config")
    if isinstance(named, str):
        findings += lint.check_registry_config(written, path.resolve().parent / Path(named).expanduser())
    if hosts is not None:
        findings += lint.check_hosts(written, hosts, address_of)
    source = _checkout(path, written)
    if source is not None:
        findings += lint.check_checkout(written, source)
        edited = source / lint.LOCAL_YAML
        if edited.is_file():  # it has no effect, so nothing in it may prevent a run
            web = _web_document(edited)
            web_findings = [*web.findings, *lint_local_yaml.check(written, web, known_leaks)]
            findings += [replace(f, level=Level.WARNING) if f.level is Level.ERROR else f for f in web_findings]
    if local_yaml is not None:
        web = _web_document(local_yaml)
        findings += [*web.findings, *lint_local_yaml.check_effective(written, web, known_leaks)]
    ordered = tuple(sorted(dict.fromkeys(findings), key=lambda finding: finding.place))
    if configuration is None or errors(ordered):
        return None, ordered
    return _cluster(path, written, configuration, address_of, ordered), ordered


def _content(path: Path, fix: str) -> bytes:
    try:
        return named_file.content(path)
    except FileNotFoundError:
        reason = "does not exist"
    except IsADirectoryError:
        reason, fix = "is a folder", f"name a file in it, such as {path / 'config.yaml'}"
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    except ValueError:
        reason = "is no file name"
    raise ConfigUnreadable([Finding(str(path), 0, 0, "", reason, fix, Level.ERROR)])


def _web_document(path: Path) -> Document:
    return document.read(_content(path, "name the local.yaml of runbook section 3.15"), str(path))


def _checkout(path: Path, written: Document) -> Path | None:
    """The checkout that the configuration names, even if other keys are wrong; None if it names none or two."""
    top, own = written.get("dlworkspace"), written.get("suite", "dlworkspace")
    named = None if top and own and top != own else top or own
    return path.resolve().parent / Path(named).expanduser() if isinstance(named, str) and "\0" not in named else None


def _hosts(path: Path, written: Document, named: Path | None) -> Hosts | None:
    """The hosts file that was named, else the one in the state folder; None if neither exists."""
    name = written.get("cluster_name")
    if named is None:
        if not isinstance(name, str) or not values.is_label(name):
            return None
        named = state_of(path, name).hosts
        if not named.exists():
            return None
    text = _content(named, "name the hosts file of runbook section 2.4").decode("utf-8", "replace")
    return Hosts(str(named), text, named.stat().st_mode & 0o777)


def _by_hand(hosts: Hosts | None) -> Hosts | None:
    """The hosts file without the suite's own block, which is derived from the configuration and must not feed it."""
    return replace(hosts, text=hosts_file.without_block(hosts.text)) if hosts else None


def _cluster(
    path: Path, written: Document, configuration: Configuration, found: Mapping[str, str], findings: tuple[Finding, ...]
) -> Cluster:
    return Cluster(
        name=configuration.cluster_name,
        domain=configuration.network.domain,
        nodes=tuple(n for n in _nodes(configuration, found) if n.origin is not Origin.SCALE_DOWN),
        leaving=tuple(n for n in _nodes(configuration, found) if n.origin is Origin.SCALE_DOWN),
        admin_username=configuration.admin_username,
        kubernetes_version=configuration.kubernetes_version,
        mounts=tuple(_mount(configuration, name, s) for name, s in configuration.mountpoints.items() if s.autoshare),
        service_range=configuration.service_cluster_ip_range,
        pod_range=configuration.pod_ip_range,
        suite=configuration.suite,
        path=path.resolve(),
        findings=findings,
        settings=configuration,
        document=merged(configuration.model_dump(mode="json", by_alias=True, exclude_none=True), written.data),
        secrets=_secrets(written),
    )


def _nodes(configuration: Configuration, address_of: Mapping[str, str]) -> Iterator[Node]:
    sections: dict[Origin, dict[str, Machine]] = {
        Origin.MACHINES: configuration.machines,
        Origin.SCALE_UP: configuration.scale_up,
        Origin.SCALE_DOWN: configuration.scale_down,
    }
    for origin, machines in sections.items():
        for name, machine in machines.items():
            yield Node(
                name=name,
                address=address_of[name],
                domain=configuration.network.domain,
                role=machine.role,
                arch=machine.archtype,
                device=machine.type,
                origin=origin,
                vendor=machine.vendor,
                series=machine.series,
                os=machine.os,
                device_count=_device_count(configuration, name, machine),
                ssh_port=configuration.suite.ssh_port,
            )


def _device_count(configuration: Configuration, name: str, machine: Machine) -> int:
    if machine.type not in (Device.GPU, Device.NPU):
        return 0
    return configuration.suite.devices.get(name, configuration.onpremise_cluster.gpu_count_per_node or 0)


def _mount(configuration: Configuration, name: str, share: Share) -> Mount:
    folders = (share.mountpoints,) if isinstance(share.mountpoints, str) else tuple(share.mountpoints or ())
    folders = tuple(folder for folder in folders if folder)
    return Mount(
        name=name,
        type=share.type,
        server=share.server,
        export=share.filesharename,
        mount_point=share.curphysicalmountpoint,
        folders=folders or configuration.storage_folders,
        is_default=not folders,
        links_in=f"{configuration.vc_mount_path}/{share.vc}" if share.vc else configuration.storage_mount_path,
        options=share.options,
    )


def _secrets(written: Document) -> tuple[str, ...]:
    secrets = {secret for path, value in written.scalars() for secret in secrets_in(path, value)}
    key = written.get("jwt", "secret_key")
    secrets |= {service_token.service_token(key)} if isinstance(key, str) else set()
    return tuple(sorted(secrets - {""}, key=lambda secret: (-len(secret), secret)))
