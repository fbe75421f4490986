"""The first contact of a first configuration: whose keys are shown, who has confirmed them, and one login each."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from dlws.config.state import State
from dlws.init.listing import Listed
from dlws.init.survey import Contradiction, Surveyed, survey
from dlws.inventory import Arch, Device, Node, Origin, Role
from dlws.record.answer import HostKeyChanged, LoginRefused, Unreachable
from dlws.record.printable import clip, one_line
from dlws.record.redaction import Redactor
from dlws.remote.host import Host
from dlws.remote.hostkeys import HostKey, HostKeys, Remark
from dlws.remote.ssh import Login, open_ssh, shown_key
from dlws.verdict import Unknown

WIDTH = 16
"""Hosts connected to at a time."""
LONGEST = 600
"""Characters of a message, which may quote what a host says."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a host cannot be in the configuration yet, with what would mend it."""

    host: Listed
    message: str

    def __str__(self) -> str:
        about = f"{self.host.label}: "
        return about + one_line(clip(self.message.removeprefix(about), LONGEST))


@dataclass(slots=True)
class Contact:
    """The hosts' SSH, before they have a place in a configuration. `known` are the pins that there are already."""

    hosts: Sequence[Listed]
    known: HostKeys
    ssh_port: int
    shown: dict[Listed, HostKey] = field(default_factory=dict)

    def look(self) -> list[Failure]:
        """Have every host show its key, without a login. Returns those that show none, or another than is known."""
        with ThreadPoolExecutor(WIDTH) as pool:
            answers = dict(zip(self.hosts, pool.map(self._shown, self.hosts), strict=True))
        self.shown = {host: key for host, key in answers.items() if isinstance(key, HostKey)}
        failures = [one for one in answers.values() if isinstance(one, Failure)]
        owners: dict[HostKey, Listed] = {}
        for host, key in self.shown.items():
            if owners.setdefault(key, host) is not host:
                why = f"has the host key of {owners[key].label}: one machine with two addresses, or a clone"
                failures.append(Failure(host, f"{why} (name it once; a clone needs host keys of its own)"))
        return failures

    @property
    def unconfirmed(self) -> dict[Listed, HostKey]:
        """The keys that nobody has compared yet."""
        return {host: key for host, key in self.shown.items() if not self.known.voucher(self.node(host), key)}

    def survey(self, login: Login) -> tuple[list[Surveyed], list[Failure]]:
        """Log in to every host once, and ask it. Call it when all keys that are shown have been confirmed.

        The first host alone at first: a password that is wrong is not tried at a hundred hosts.
        """
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(WIDTH) as pool:
            confirmed = {host.label: key.fingerprint for host, key in self.shown.items()}
            keys = HostKeys(State(Path(folder)).host_keys, confirmed)
            first, *others = self.shown
            answers = [self._asked(first, login, keys)]
            if not _is_refusal(answers[0]):
                answers += pool.map(lambda host: self._asked(host, login, keys), others)
        found = [one for one in answers if isinstance(one, Surveyed)]
        return found, [one for one in answers if isinstance(one, Failure)]

    def node(self, host: Listed) -> Node:
        """A row of the inventory for a host of which only the address is known."""
        row = Node(host.label, host.address, "", Role.WORKER, Arch.AMD64, Device.CPU, Origin.MACHINES)
        return replace(row, ssh_port=self.ssh_port)

    def _shown(self, host: Listed) -> HostKey | Failure:
        try:
            return shown_key(self.node(host), self.known)
        except HostKeyChanged as error:
            return Failure(host, str(error))
        except Unreachable as error:
            return Failure(host, f"{error} (is the address right, the host on, its sshd up? --ssh-port names its port)")

    def _asked(self, host: Listed, login: Login, keys: HostKeys) -> Surveyed | Failure:
        node = self.node(host)
        if login.password and self.known.remarked(Remark.KEY_LOGIN, node, self.shown[host]):
            return Failure(host, self.known.why_no_password(node, self.shown[host]))
        redact = Redactor([login.password.reveal()] if login.password else []).text
        try:
            connection = open_ssh(node, [login], keys, redact=redact)
        except LoginRefused as error:
            return _Refusal(host, f"{error} ({_mended(login)})")
        except Unreachable as error:
            return Failure(host, str(error))
        try:
            return survey(host, Host(connection, node))
        except (Unknown, Contradiction) as error:
            return Failure(host, redact(str(error)))
        finally:
            connection.close()


class _Refusal(Failure):
    """A login that was refused."""


def _is_refusal(answer: Surveyed | Failure) -> bool:
    return isinstance(answer, _Refusal)


def _mended(login: Login) -> str:
    if login.key:
        return "put its public half into the host's authorized_keys, or leave --key out to be asked for the password"
    allowed = "let sshd take it: PermitRootLogin yes" if login.user == "root" else "PasswordAuthentication yes"
    return f"give the right password; if it is right, {allowed}"
