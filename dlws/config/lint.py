"""Suspicious values in a well-formed configuration: the runbook's own inconsistencies, typos and leaks.

One function per inconsistency of the runbook that a configuration can have. Most are warnings; a published password is
an error, because it leaves the database open to anyone.
"""

from __future__ import annotations

import ipaddress
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from dlws.config import values
from dlws.config.addresses import Hosts
from dlws.config.document import Document
from dlws.config.finding import Finding, KeyPath, Level, shown
from dlws.config.guesses import is_guessed, is_placeholder
from dlws.config.lint_seeds import seeds
from dlws.config.lint_shares import places_of_shares
from dlws.config.ranges import RANGES, network, suite_ranges
from dlws.config.rules import Written, machines
from dlws.config.validation import is_secret, nearest
from dlws.hostfiles import apt_source, hosts_file
from dlws.upstream import published_secrets
from dlws.upstream.checkout import CheckoutError, open_checkout
from dlws.upstream.published_secrets import Harm, Leak

OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
"""The permissions of everybody but the owner."""
LOCAL_YAML: Final = "src/dashboard/config/local.yaml"
"""The file of the checkout that runbook 3.15 tells to edit by hand."""

JWT_PLACEHOLDER: Final = "Sign key for JWT"
"""The runbook's sample; openresty's image has it built in, so it cannot simply be replaced (services/openresty)."""

_COMMENTED_VALUE: Final = re.compile(r"\s*#[\s#]*[\w-]+\s*:\s*(?P<value>\S{8,200})\s*")
_GUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def check(document: Document, known_leaks: Mapping[str, Leak] = published_secrets.KNOWN) -> Iterator[Finding]:
    """Every suspicious value in the configuration itself."""
    yield from published_values(document, known_leaks)
    yield from placeholders(document)
    yield from misspelt_names(document, document)
    yield from scale_up_only(document)
    yield from sizes(document)
    yield from mixed_architectures(document)
    yield from series_of_arm64(document)
    yield from container_range(document)
    yield from different_networks(document)
    yield from unquoted_ids(document)
    yield from odd_numbers(document)
    yield from cut_secrets(document)
    yield from sign_in(document)
    yield from token_key(document)
    yield from pod_network(document)
    yield from unsigned_packages(document)
    yield from virtual_address(document)
    yield from places_of_shares(document)
    yield from seeds(document)


def published_values(document: Document, known_leaks: Mapping[str, Leak]) -> Iterator[Finding]:
    """Secrets, accounts and mail addresses that were published with the runbook, including those in comments."""
    for path, value in document.scalars():
        if not isinstance(value, str) or path[0] in ("machines", "scale_up", "scale_down"):
            continue
        leak = published_secrets.leak_of(value, known_leaks)
        if leak is not None:
            fix, level = (
                ("choose another", Level.ERROR) if leak.harm is Harm.OPEN else ("put in your own", Level.WARNING)
            )
            yield document.at_value(path, f"this is {leak.what}: {leak.harm.value}", fix, level)
    for number, line in enumerate(document.text.split("\n"), start=1):
        comment = _COMMENTED_VALUE.fullmatch(line)
        leak = published_secrets.leak_of(comment["value"].strip("\"'"), known_leaks) if comment else None
        if comment and leak:
            column = comment.start("value") + 1
            message = f"this comment holds {leak.what}: {leak.harm.value}"
            yield Finding(document.file, number, column, "", message, "delete the line", Level.WARNING)


def placeholders(document: Document) -> Iterator[Finding]:
    """Placeholders that were not replaced; one in place of a password is an error."""
    for path, value in document.scalars():
        if not isinstance(value, str) or path[0] == "Authentications":  # needed by upstream, if only as a dummy
            continue
        if value == JWT_PLACEHOLDER:
            message = "the runbook's placeholder signs every token, so anybody can make one"
            yield document.at_value(path, message, "replace it here and in openresty's image", Level.WARNING)
        elif is_secret(path) and (is_guessed(value, _names(document)) or is_placeholder(value)):
            yield document.at_value(path, "a placeholder or a password that is guessed at once", "choose another")
        elif is_placeholder(value):
            yield document.at_value(path, f"{shown(value)} looks like a placeholder", "put in your own", Level.WARNING)


def misspelt_names(document: Document, searched: Document) -> Iterator[Finding]:
    """Near misses of the cluster's names in any value: `altas.sigsus.cn` for `atlas.sigsus.cn`."""
    domain, names = document.get("network", "domain"), _names(document)
    if not isinstance(domain, str) or not domain:
        return
    host = re.compile(rf"(?<![\w.-])([A-Za-z0-9-]+)\.{re.escape(domain)}(?![\w-])")
    for path, value in searched.scalars():
        for label in host.findall(value) if isinstance(value, str) and not is_secret(path) else ():
            near = nearest(label, names) if label.lower() not in names else None
            if near:
                message = f"{shown(f'{label}.{domain}')} is no name of this cluster"
                yield searched.at_value(path, message, f"did you mean {near}.{domain}?", Level.WARNING)


def scale_up_only(document: Document) -> Iterator[Finding]:
    """deploy.py reads scale_up only in `scale up`, which the runbook never runs; the suite merges both sections."""
    workers = [machine for machine in machines(document) if machine.values.get("role") == "worker"]
    if workers and all(machine.path[0] == "scale_up" for machine in workers):
        message = "all workers are under scale_up, where deploy.py would not see them; the suite installs them"
        yield document.at_key(("scale_up",), message, "move them to machines to make it plain", Level.INFO)


def sizes(document: Document) -> Iterator[Finding]:
    """The cluster's size and vendor in onpremise_cluster must match the machines."""
    every = list({machine.name: machine for machine in machines(document)}.values())
    workers = sum(machine.values.get("role") == "worker" for machine in every)
    possible = {workers, workers + sum(machine.is_infrastructure and machine.has_accelerators for machine in every)}
    configured = document.get("onpremise_cluster", "worker_node_num")
    if isinstance(configured, int) and every and configured not in possible:
        message = f"{configured}, but the configuration has {workers} workers"
        fix = f"write {' or '.join(map(str, sorted(possible)))}"
        yield document.at_value(("onpremise_cluster", "worker_node_num"), message, fix, Level.WARNING)
    vendor = document.get("onpremise_cluster", "gpu_type")
    vendors = {machine.text("vendor") for machine in every}
    if vendor in ("nvidia", "huawei") and vendor not in vendors:
        message = f"{vendor}, but no machine has this vendor"
        yield document.at_value(("onpremise_cluster", "gpu_type"), message, "correct one of them", Level.WARNING)


def mixed_architectures(document: Document) -> Iterator[Finding]:
    """Images are built natively, so each architecture needs its own (runbook 3.16)."""
    archs = sorted({str(machine.text("archtype")) for machine in machines(document)} & {"amd64", "arm64"})
    if len(archs) > 1:
        message = f"machines of {' and '.join(archs)}: every image is needed for both"
        yield document.at_key(("machines",), message, "", Level.INFO)


def container_range(document: Document) -> Iterator[Finding]:
    """Only freeflow reads this range, so an overlap (as in the runbook's sample, 10.0.0.0/8) is a warning."""
    path: KeyPath = ("network", "container-network-iprange")
    range_ = network(document.get(*path))
    if range_ is None:
        return
    overlapping = [f"the {RANGES[key]} {other}" for key, other in suite_ranges(document) if range_.overlaps(other)]
    for machine in machines(document):
        address = network(f"{machine.text('private-ip')}/32")
        if address and range_.overlaps(address):
            overlapping.append(f"{machine.name} ({machine.text('private-ip')})")
    if overlapping:
        message = f"{range_} overlaps {', '.join(overlapping)}"
        yield document.at_value(
            path, message, "choose a range of its own, or remove it: only freeflow reads it", Level.WARNING
        )


def different_networks(document: Document) -> Iterator[Finding]:
    """Master and workers must share a subnet or VPC (runbook section 1); a /16 is the widest plausible one."""
    placed: list[tuple[Written, ipaddress.IPv4Network]] = []
    for machine in machines(document):
        address = machine.text("private-ip")
        wide = network(f"{address}/16") if values.is_address(address) else None
        placed += [(machine, wide)] if wide else []
    home = next((wide for machine, wide in placed if machine.is_infrastructure), None)
    for machine, wide in placed:
        if home is not None and wide != home:
            message = f"not in {home}, where the master is: they must share a subnet or VPC"
            yield document.at_value((*machine.path, "private-ip"), message, "check the address", Level.WARNING)


def unquoted_ids(document: Document) -> Iterator[Finding]:
    """A uid or gid that is a number, where upstream expects text."""
    for name in document.mapping("UserGroups"):
        for key in ("uid", "gid"):
            value = document.get("UserGroups", name, key)
            if isinstance(value, int) and not isinstance(value, bool):
                path: KeyPath = ("UserGroups", name, key)
                octal = re.match(r"0[0-7]+", _from_value(document, path))
                message = f"an octal number, {value}, for its leading 0" if octal else "a number, upstream wants text"
                yield document.at_value(path, message, f'write "{octal[0] if octal else value}"', Level.WARNING)


def odd_numbers(document: Document) -> Iterator[Finding]:
    """A number that YAML reads otherwise than it looks: octal (010), hexadecimal, to the base 60 (1:30), with `_`."""
    for path, value in document.scalars():
        if not isinstance(value, int) or isinstance(value, bool) or path[0] == "UserGroups":
            continue
        written = re.match(r"[^\s,#}\]]+", _from_value(document, path))
        if written is not None and not re.fullmatch(r"[+-]?(?:0|[1-9][0-9]*)", written[0]):
            yield document.at_value(path, f"YAML reads {written[0]} as {value}", f"write {value}", Level.WARNING)


def cut_secrets(document: Document) -> Iterator[Finding]:
    """A password that ends where YAML begins a comment: `password: ab #9` is ab."""
    for path, value in document.scalars():
        behind = _from_value(document, path).removeprefix(str(value)) if is_secret(path) else ""
        if re.match(r"[ \t]+#", behind):
            message = "ends before the `#`, which begins a comment"
            yield document.at_value(path, message, "put quotes around it, with the # or without", Level.WARNING)


def _from_value(document: Document, path: KeyPath) -> str:
    """The line from the value at `path` on, as it is written."""
    where = document.value_position(path)
    return document.text.split("\n")[where.line - 1][where.column - 1 :]


def sign_in(document: Document) -> Iterator[Finding]:
    """RestfulAPI's configuration is rendered only if both providers are configured, even with empty values."""
    for provider in ("Microsoft", "Wechat"):
        if not isinstance(document.get("Authentications", provider), dict):
            message = f"{provider} is missing: DLWorkspace's templates need it, even unused"
            yield document.at_key(
                ("Authentications", provider), message, f"add {provider} with empty values", Level.WARNING
            )
    for key in ("TenantId", "ClientId"):
        value = document.get("Authentications", "Microsoft", key)
        if isinstance(value, str) and value and not _GUID.fullmatch(value):
            path: KeyPath = ("Authentications", "Microsoft", key)
            yield document.at_value(
                path, "no GUID, so Microsoft sign-in cannot work", 'correct it, or write ""', Level.WARNING
            )


def token_key(document: Document) -> Iterator[Finding]:
    """Without its own key the platform signs tokens with the one in DLWorkspace's params.py, which is public."""
    if document.get("jwt", "secret_key") is None:
        message = "missing: DLWorkspace's own key signs every token, so anybody can make one"
        yield document.at_key(("jwt", "secret_key"), message, "add jwt: {secret_key: ...}", Level.WARNING)


def pod_network(document: Document) -> Iterator[Finding]:
    """Upstream's address of the pod network's manifest no longer exists, so the user must provide the manifest."""
    if document.get("suite", "kubernetes", "cni_manifest") is None:
        message = "no pod network is named: hosts stay NotReady until one is applied by hand"
        fix = "save its manifest beside this file and name it"
        yield document.at_key(("suite", "kubernetes", "cni_manifest"), message, fix, Level.WARNING)


def check_file_mode(document: Document, mode: int) -> Iterator[Finding]:
    """A configuration with passwords must be its owner's alone; `mode` is its permission bits."""
    if mode & OTHERS and any(is_secret(path) for path, _ in document.scalars()):
        message = f"holds passwords and is open to other users (mode {stat.S_IMODE(mode):04o})"
        yield Finding(document.file, 1, 1, "", message, "chmod 600", Level.WARNING)


def check_registry_config(document: Document, path: Path) -> Iterator[Finding]:
    """The same of the file with the registry's login; that it is missing is for the run to say."""
    with suppress(OSError, ValueError):
        if (mode := path.stat().st_mode) & OTHERS:
            message = f"{path} holds a login and is open to other users (mode {stat.S_IMODE(mode):04o})"
            yield document.at_value(("suite", "registry_config"), message, f"chmod 600 {path}", Level.WARNING)


def check_checkout(document: Document, folder: Path) -> Iterator[Finding]:
    """The checkout must be DLWorkspace's with a readable params.py; runbook 3.15's file in it has no effect.

    A key that is True or False in params.py is no text here: templates ask `{% if %}`, and "false" is true.
    Warnings only, because verifying a cluster needs no checkout.
    """
    key: KeyPath = ("dlworkspace",) if document.get("dlworkspace") else ("suite", "dlworkspace")
    try:
        defaults: object = open_checkout(folder).defaults()
    except CheckoutError as error:
        defaults = {}
        yield document.at_value(key, str(error), "", Level.WARNING)
    for path, value in document.scalars():
        if isinstance(value, str) and isinstance(_at(defaults, path), bool):
            message = f"{shown(value)} is text, and to DLWorkspace's templates every text but the empty one is true"
            yield document.at_value(path, message, "write true or false, without quotes", Level.WARNING)
    if (folder / LOCAL_YAML).is_file():
        message = "the running web interface reads /etc/WebUI/local.yaml; the suite writes it, and leaves this one out"
        fix = "remove it, its secrets would go into an image"
        yield Finding(str(folder / LOCAL_YAML), 1, 1, "", message, fix, Level.WARNING)


def _at(defaults: object, path: KeyPath) -> object:
    for key in path:
        defaults = defaults.get(key) if isinstance(defaults, Mapping) else None
    return defaults


def check_hosts(document: Document, hosts: Hosts, addresses: Mapping[str, str]) -> Iterator[Finding]:
    """A hosts file (runbook 2.4) must name every machine, the cluster and ::1, and must not be writable by everyone."""
    parsed = hosts_file.parse(hosts.text)

    def note(key: str, message: str, fix: str) -> Finding:
        return Finding(hosts.file, 1, 1, key, message, fix, Level.WARNING)

    if hosts.mode & stat.S_IWOTH:
        yield note("", "may be written by every user of this machine (the runbook's chmod 666)", "chmod 644")
    if not any(entry.address == "::1" for entry in parsed.entries):
        yield note("", "has no line for ::1", "add `::1 localhost ip6-localhost ip6-loopback`")
    domain, name = document.get("network", "domain"), document.get("cluster_name")
    masters = [machine.name for machine in machines(document) if machine.is_infrastructure]
    aliases = [(machine, machine) for machine in addresses]
    if masters and isinstance(name, str) and masters[0] in addresses:
        aliases.append((f"{name}.{domain}", masters[0]))
    for alias, machine in aliases:
        if not parsed.entries_of(alias):
            yield note(alias, "is missing", f"add `{addresses[machine]} {alias}`")


def unsigned_packages(document: Document) -> Iterator[Finding]:
    """Apt sources whose packages are installed, as root on every host, without a signature."""
    keys: dict[KeyPath, str] = {("suite", "kubernetes", "apt_source"): "suite.kubernetes.apt_key"}
    named = document.get("suite", "apt_sources")
    for name in named if isinstance(named, dict) else ():
        keys["suite", "apt_sources", name, "line"] = f"suite.apt_sources.{name}.key_file"
    for path, key in keys.items():
        line = document.get(*path)
        if isinstance(line, str) and (given := apt_source.unverified(line)):
            message = f"{', '.join(given)}: whoever answers for this source is root on every host"
            yield document.at_value(path, message, f"take it out and set {key}", Level.WARNING)


def series_of_arm64(document: Document) -> Iterator[Finding]:
    """A series that hides the architecture from V0.1.6.1's job manager, which looks at the end of gpuType for it
    (pod_template.py, dist_pod_template.py).
    """
    for machine in machines(document):
        series, arch = machine.text("series"), machine.text("archtype")
        if machine.has_accelerators and arch == "arm64" and series and not series.endswith("arm64"):
            message = f"gpuType ends in {shown(series)}, not in arm64: jobs get the init-container of amd64"
            path = (*machine.path, "series")
            yield document.at_value(path, message, "leave the series out, or end it in -arm64", Level.WARNING)


def virtual_address(document: Document) -> Iterator[Finding]:
    """DLWorkspace's own key for a virtual IP, which the suite does not read."""
    if document.get("kube-vip") is not None and document.get("suite", "kubernetes", "virtual_ip") is None:
        message = "only DLWorkspace reads this: the suite leaves the address out of the certificate"
        yield document.at_key(("kube-vip",), message, "set suite.kubernetes.virtual_ip too", Level.WARNING)


def cluster_names(document: Document) -> set[str]:
    """The short and full names and the addresses of all hosts and of the cluster; empty without a domain."""
    domain = document.get("network", "domain")
    if not isinstance(domain, str) or not domain:
        return set()
    addresses = {address for machine in machines(document) if (address := machine.text("private-ip"))}
    public = document.get("suite", "public_address")
    full = {f"{name}.{domain}" for name in _names(document)}
    return full | {machine.name for machine in machines(document)} | addresses | ({str(public)} if public else set())


def _names(document: Document) -> set[str]:
    name = document.get("cluster_name")
    return {machine.name for machine in machines(document)} | ({name} if isinstance(name, str) else set())
