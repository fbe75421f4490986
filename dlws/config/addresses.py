"""The address of every machine: `private-ip`, else the hosts file of runbook 2.4, else DNS. Reports contradictions."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dlws.config import values
from dlws.config.document import Document
from dlws.config.finding import Finding, Level, shown
from dlws.config.rules import Written, leaving, machines
from dlws.hostfiles import hosts_file

Resolver = Callable[[str], Sequence[str]]
"""Looks up a name's IPv4 addresses in DNS: empty if there is no such name; OSError if the lookup failed."""


def ask_system(name: str) -> Sequence[str]:
    """The IPv4 addresses of `name` by this machine's own resolver. Raises OSError if the lookup failed."""
    try:
        entries = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)):
            return ()
        raise
    except UnicodeError:
        return ()
    return tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in entries))


@dataclass(frozen=True, slots=True)
class Hosts:
    """A hosts file: its name for messages, its text, and its permission bits (0 if not from a file)."""

    file: str
    text: str
    mode: int = 0


def resolve_all(document: Document, hosts: Hosts | None, resolve: Resolver) -> tuple[Mapping[str, str], list[Finding]]:
    """The address of each machine that has one, by name; and a finding for each that has none or several."""
    seeker = _Seeker(document, hosts, resolve)
    findings = [*seeker.hosts_file_problems(), *seeker.search()]
    return seeker.found, findings


class _Seeker:
    def __init__(self, document: Document, hosts: Hosts | None, resolve: Resolver) -> None:
        self.document = document
        self.file = hosts.file if hosts else ""
        self.parsed = hosts_file.parse(hosts.text if hosts else "")
        self.resolve = resolve
        self.asks_always = document.get("suite", "name_resolution") == "dns"
        domain = document.get("network", "domain")
        self.domain = domain if isinstance(domain, str) and domain else None
        self.found: dict[str, str] = {}
        self.dns_failure: str | None = None

    def hosts_file_problems(self) -> Iterator[Finding]:
        """Findings for the malformed lines of the hosts file."""
        for line, problem in self.parsed.problems:
            yield Finding(self.file, line, 1, "", problem, "write `address name...`")

    def search(self) -> Iterator[Finding]:
        """Fill in `found`; yield a finding for every missing or contradictory address."""
        owners: dict[str, str] = {}
        for machine in (*machines(self.document), *leaving(self.document)):
            yield from self._search_one(machine)
            address = self.found.get(machine.name)
            owner = owners.setdefault(address, machine.name) if address else machine.name
            if owner != machine.name and "private-ip" not in machine.values:
                message = f"{address} is the address of {owner} already"
                yield self.document.at_key(machine.path, message, "give each machine its own address")
        yield from self._public_name()

    def _names(self, machine: Written) -> list[str]:
        return [machine.name, *([f"{machine.name}.{self.domain}"] if self.domain else [])]

    def _in_hosts_file(self, names: Sequence[str]) -> list[hosts_file.HostsEntry]:
        return [entry for name in names for entry in self.parsed.entries_of(name) if ":" not in entry.address]

    def _search_one(self, machine: Written) -> Iterator[Finding]:
        written = machine.text("private-ip")
        if "private-ip" in machine.values and not values.is_address(written):
            return  # the schema reports it
        listed = []
        for entry in dict.fromkeys(self._in_hosts_file(self._names(machine))):
            if values.is_address(entry.address):
                listed.append(entry)
            else:
                yield self._in_hosts(entry, machine.name, f"{entry.address} cannot be the address of {machine.name}")
        address = written or (listed[0].address if listed else None)
        if address is None or self.asks_always:
            yield from self._ask(machine, address)
        if address is None:
            return
        self.found[machine.name] = address
        for entry in listed:
            if entry.address != address:
                message = f"{machine.name} is {entry.address} here, but {address} by {self._source(machine)}"
                yield self._in_hosts(entry, machine.name, message)

    def _source(self, machine: Written) -> str:
        """Where the address that is used is written, for a message."""
        if machine.text("private-ip"):
            line = self.document.value_position((*machine.path, "private-ip")).line
            return f"private-ip in {self.document.file} line {line}"
        return f"line {self._in_hosts_file(self._names(machine))[0].line}"

    def _ask(self, machine: Written, address: str | None) -> Iterator[Finding]:
        name = self._names(machine)[-1]
        if not all(map(values.is_label, name.split("."))):
            return  # the schema reports it; an invalid name is not looked up
        if self.dns_failure is None:
            try:
                answers = list(self.resolve(name))
            except OSError as error:
                self.dns_failure = shown(error.strerror or str(error))[1:-1]
        if self.dns_failure is not None:
            message = f"DNS could not be asked for {name}: {self.dns_failure}"
            yield self.document.at_key(machine.path, message, "repair name resolution here, or add private-ip")
            return
        yield from self._judge(machine, name, address, answers)

    def _judge(self, machine: Written, name: str, address: str | None, answers: list[str]) -> Iterator[Finding]:
        path = machine.path
        several = ", ".join(sorted(answers))
        if not answers and address is None:
            where = self.file or "a hosts file"
            message = f"no address: no private-ip, not in {where}, {name} not in DNS"
            yield self.document.at_key(path, message, "add private-ip")
        elif not answers:
            message = f"{name} is not in DNS, and name_resolution is dns"
            yield self.document.at_key(path, message, "add an A record, or use name_resolution: hosts_file")
        elif address is not None and address not in answers:
            # With runbook 2.4's option 1 DNS has a public address for a private one, so that is not an error.
            is_outside = not _is_public(address) and all(map(_is_public, answers))
            level = Level.WARNING if is_outside else Level.ERROR
            message = f"{address} by {self._source(machine)}, but {several} in DNS"
            yield self.document.at_key(path, message, "correct the one that is wrong", level)
        elif address is None and (len(answers) > 1 or not values.is_address(answers[0])):
            message = f"DNS says {several} for {name}, which is not one usable address"
            yield self.document.at_key(path, message, "add private-ip")
        elif address is None:
            self.found[machine.name] = answers[0]

    def _in_hosts(self, entry: hosts_file.HostsEntry, key: str, message: str) -> Finding:
        return Finding(self.file, entry.line, 1, key, message, "correct the one that is wrong")

    def _public_name(self) -> Iterator[Finding]:
        """`<cluster_name>.<domain>` must have the master's address, also in the hosts file (runbook 2.4)."""
        master = next((machine for machine in machines(self.document) if machine.is_infrastructure), None)
        name = self.document.get("cluster_name")
        if master is None or self.domain is None or not isinstance(name, str) or master.name not in self.found:
            return
        public, address = f"{name}.{self.domain}", self.found[master.name]
        for entry in self._in_hosts_file([public]):
            if entry.address != address:
                message = f"{public} is {entry.address} here, but the master {master.name} is {address}"
                yield self._in_hosts(entry, public, message)


def _is_public(text: str) -> bool:
    try:
        return ipaddress.IPv4Address(text).is_global
    except ValueError:
        return False
