"""How a first configuration comes about: who is asked what, in which order, and what is written."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from dlws.config import named_file, values
from dlws.config.cluster import Cluster, inspect, load
from dlws.config.command import CONFIG, show
from dlws.config.finding import errors, shown
from dlws.config.ranges import RANGES
from dlws.config.state import State, state_of
from dlws.engine.credentials import ENVIRONMENT, kept_credential
from dlws.init import draft, from_cluster, settings, table
from dlws.init.comparison import differences
from dlws.init.contact import LONGEST, Contact, Failure
from dlws.init.dialogue import Dialogue, checked, known_or_asked
from dlws.init.listing import BadList, Listed, from_option
from dlws.init.survey import Contradiction, Surveyed, as_listed
from dlws.inventory import Role
from dlws.parse.mappings import merged
from dlws.record import whole_file
from dlws.record.asking import Unanswered
from dlws.record.ownership import user
from dlws.record.printable import clip, one_line
from dlws.remote.hostkeys import HostKeys, Remark, console, keys_of
from dlws.remote.ssh import Login, Secret

GENERIC = frozenset({"debian", "host", "localhost", "server", "ubuntu"})
"""Names that installers give; many hosts have them."""
FOR_A_NEW_FILE = {
    "--cluster-name": "cluster_name",
    "--domain": "domain",
    "--master": "master",
    "--admin-user": "admin_user",
    "--admin-mail": "admin_mail",
    "--set": "settings",
}
"""The options that say what is written; where the file exists, they are not compared with it."""
DEFAULTS = {"cluster_name": "dlws", "domain": "dlws.internal", "admin_user": "dlwsadmin"}
"""`.internal` is reserved for private networks (ICANN, 2024)."""


class Stopped(Exception):
    """Nothing was written; the message says why, a line for each host."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `dlws init`; None or empty is what was not given."""

    output: Path
    hosts: str | None = None
    table_file: Path | None = None
    kubeconfig: Path | None = None
    cluster_name: str | None = None
    domain: str | None = None
    master: str | None = None
    admin_user: str | None = None
    admin_mail: str | None = None
    user: str | None = None
    key: Path | None = None
    ssh_port: int | None = None
    no_login: bool = False
    keep_password: bool | None = None
    settings: tuple[str, ...] = ()


@dataclass(slots=True)
class Named:
    """The hosts that were named, and what came with them: a login, and keys of config.yaml."""

    hosts: list[Listed]
    login: table.Table = field(default_factory=table.Table)
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Beginning:
    """One call of `dlws init`. Raises BadList, Unanswered, ConfigError, CredentialError, Unreachable, Stopped."""

    options: Options
    dialogue: Dialogue
    user: str = "root"
    password: str | None = field(default=None, repr=False)

    def run(self) -> int:
        """Write the configuration, or compare the one that is there. Returns the exit status."""
        given = [o for o in (self.options.hosts, self.options.table_file, self.options.kubeconfig) if o]
        if len(given) > 1:
            raise Unanswered("--hosts, --csv and --from-cluster: name the hosts in one way")
        if self.options.no_login and not self.options.table_file:
            raise Unanswered("--no-login: only a table says what the hosts are (add --csv FILE)")
        more = settings.from_options(self.options.settings)
        if self.options.output.exists():
            return self._compare(load(self.options.output))
        _check_place(self.options.output)
        named = self._named() if given else None  # first: nobody answers questions for a table that is none
        name = self._ask("--cluster-name", "Name of the cluster", DEFAULTS["cluster_name"], values.label)
        domain = self._ask("--domain", "Domain of the hosts", DEFAULTS["domain"], values.domain)
        admin = self._ask("--admin-user", "User that operates the hosts", DEFAULTS["admin_user"], values.user_name)
        mail = self._ask("--admin-mail", "Mail address of the administrator", f"admin@{domain}", values.mail)
        named = named or self._named()
        state = state_of(self.options.output, name)
        for folder in filter(Path.exists, (state.folder.parent, state.folder, state.keys)):
            _check_own(folder, self.options.output)
        port = self._port(named)
        hosts, contact = self._surveyed(named, HostKeys(state.host_keys, _confirmed(named.hosts)), state, port)
        hosts = self._with_names(hosts)
        answers = draft.Answers(name, domain, self._master(hosts), admin, mail, port, merged(named.settings, more))
        return self._write(answers, hosts, contact, state)

    def _ask(self, option: str, question: str, default: str | None, read: Callable[[str], Any]) -> str:
        given = getattr(self.options, option.removeprefix("--").replace("-", "_"))
        return known_or_asked(self.dialogue, given, option, question, default, read)

    def _named(self) -> Named:
        """The hosts that the options name, else those that the operator answers with."""
        if self.options.kubeconfig:
            running = from_cluster.asked(self.options.kubeconfig)
            return Named(running.hosts, settings=running.settings)
        if self.options.table_file:
            return self._from_table(self.options.table_file)
        option = "--hosts LIST, --csv FILE or --from-cluster KUBECONFIG"
        question = "Addresses of the hosts, like 192.168.3.2-9,192.168.3.20"
        return Named(from_option(self.options.hosts or self.dialogue.text(option, question, None, _host_list)))

    def _from_table(self, file: Path) -> Named:
        try:
            found = table.read(named_file.content(file), str(file))
        except OSError as error:
            raise BadList(f"{file}: {error.strerror} (name a table that can be read)") from None
        if errors(found.findings):
            raise BadList("\n".join(map(str, found.findings)))
        if found.ignored:
            _say(f"{file}: these columns are not read: {', '.join(found.ignored)}")
        return Named(found.hosts, found)

    def _port(self, named: Named) -> int:
        return self.options.ssh_port or named.login.port or 22

    def _surveyed(self, named: Named, known: HostKeys, state: State, port: int) -> tuple[list[Surveyed], Contact]:
        """What the hosts say of themselves. Stopped if one of them says nothing, or something else than the table."""
        contact = Contact(named.hosts, known, port)
        if self.options.no_login:
            return [_believed(host) for host in named.hosts], contact
        _stop_at(contact.look())
        self._confirm(contact)
        found, failures = contact.survey(self._login(named.login, state))
        _stop_at(failures)
        for host in found:
            devices = f" x {host.device_count}" if host.device_count else ""
            pretty = host.system.pretty if host.system else ""
            _say(f"{host.name or '?':14} {host.address:15} {host.device}{devices}, {host.arch}, {pretty}")
        for host in found:
            for remark in host.remarks:
                _say(f"{host.name or host.address}: {remark}")
        return found, contact

    def _confirm(self, contact: Contact) -> None:
        """Have the operator compare the keys that nobody has compared. Stopped if they are not right."""
        unsure = contact.unconfirmed
        for host, key in unsure.items():
            _say(f"{host.label:15} {key}")
        if not unsure:
            return
        _say(f"Compare each with {console(next(iter(unsure.values())).kind)}.")
        option = "put the fingerprints that were compared into a column host_key of --csv"
        if not self.dialogue.confirms(option, f"Are these {len(unsure)} host keys right?"):
            raise Stopped("nothing was sent and nothing written: find out who answers at these addresses")

    def _login(self, told: table.Table, state: State) -> Login:
        kept = kept_credential(state)
        user = told.user or kept.user
        self.user = user = checked("--user", self.options.user, values.login_name) if self.options.user else user
        if self.options.key:
            return Login(user, key=self.options.key)
        option = f"set {ENVIRONMENT}, or name a key with --key FILE"
        self.password = (
            told.password or kept.password or self.dialogue.secret(option, f"Password of {user} on the hosts")
        )
        return Login(user, password=Secret(self.password))

    def _with_names(self, hosts: Sequence[Surveyed]) -> list[Surveyed]:
        """The hosts, each with a name of its own. What several call themselves is asked for."""
        calls = Counter(host.name for host in hosts)
        taken = {host.name for host in hosts if _is_own(host, calls)}
        named = []
        for host in hosts:
            if not _is_own(host, calls):
                question = f"Name of {host.address}, which calls itself {host.name or 'by no valid name'}"
                option = "a name for it in the column name of --csv"
                host = replace(host, name=self.dialogue.text(option, question, None, _not_among(taken)))
                taken.add(host.name)
            named.append(host)
        return named

    def _master(self, hosts: Sequence[Surveyed]) -> str:
        told = next((host.name for host in hosts if host.listed.role is Role.INFRASTRUCTURE), None)
        by_word = {word: host.name for host in hosts for word in (host.name, host.address)}
        return self._ask("--master", "Master, by name or address", told or hosts[0].name, _one_of(by_word))

    def _write(self, answers: draft.Answers, hosts: list[Surveyed], contact: Contact, state: State) -> int:
        """Pin the keys, write the file, keep the password if that is wanted, and lint."""
        path = self.options.output
        given = {key: value for key, value in answers.settings.items() if key in RANGES}
        networks = {host.name: [route.network for route in host.routes] for host in hosts}
        ranges, remarks = ({}, []) if given else draft.free_ranges(networks)
        _lines(remarks)
        text = draft.text(answers, hosts, ranges)
        try:
            whole_file.create(path, text)
        except PermissionError:
            raise
        except OSError as error:
            raise BadList(f"{path}: cannot be written: {error.strerror} (name another file with --output)") from None
        by_address = {host.address: host.name for host in hosts}
        for listed, key in contact.shown.items():
            state.folder.mkdir(mode=whole_file.PRIVATE_FOLDER, parents=True, exist_ok=True)
            node = replace(contact.node(listed), name=by_address[listed.address], domain=answers.domain)
            contact.known.pin(node, key, Remark.CONFIRMED)
        self._keep_password(state)
        _say(f"{path} is written, for its owner alone (mode 0600)")
        if draft.key_is_in_an_image(answers):
            _say(
                "jwt.secret_key: write there the key that the prebuilt openresty image has; the new one is in no image"
            )
        status = show(inspect(path)[1])
        named = "" if path == CONFIG else f" --cluster {path}"
        _say(f"correct it, then: dlws lint {path}" if status else f"next: dlws pytest -m preflight{named}")
        return status

    def _keep_password(self, state: State) -> None:
        """Put the password where the install looks for it (runbook 3.5), if the operator wants that."""
        if self.password is None or state.root_password.exists():
            return
        question = f"Keep the password in {state.root_password} until the install has placed the keys?"
        try:
            keep = self.options.keep_password
            if not (self.dialogue.confirms("--keep-password", question) if keep is None else keep):
                return
        except Unanswered:
            return
        state.keys.mkdir(mode=whole_file.PRIVATE_FOLDER, parents=True, exist_ok=True)
        whole_file.create(state.root_password, f"{self.password}\n")
        if self.user != "root":
            whole_file.write(state.root_user, f"{self.user}\n")

    def _compare(self, cluster: Cluster) -> int:
        """Say in what the hosts differ from the file that is there. Nothing is written."""
        own = [Listed(node.address, self.options.output.name, node.name) for node in cluster.nodes]
        asked = self.options.hosts or self.options.table_file or self.options.kubeconfig
        named = self._named() if asked else Named(own)
        port = self.options.ssh_port or cluster.suite.ssh_port
        if self.options.key is None and cluster.state.key.exists():  # the install has placed it
            self.options = replace(self.options, key=cluster.state.key, user=cluster.admin_username)
        hosts, _ = self._surveyed(named, keys_of(cluster), cluster.state, port)
        found = list(differences(cluster, hosts))
        _lines(found)
        what = f"differs from its hosts in {len(found)} points" if found else "says what its hosts are"
        _say(f"{self.options.output} {what}; it was left as it is")
        if unread := [option for option, value in FOR_A_NEW_FILE.items() if getattr(self.options, value)]:
            _say(f"not read, as the file exists: {', '.join(unread)} (edit {self.options.output} instead)")
        return 1 if found else 0


def _check_place(path: Path) -> None:
    """BadList where no file can be made at `path`: before anything is asked, and any host."""
    folder = path.parent
    if path.is_symlink():
        why, fix = "is a link that leads nowhere", "remove it"
    elif not folder.is_dir():
        why, fix = f"there is no folder {folder}", "make it"
    else:
        _check_own(folder, path)
        return
    raise BadList(f"{path}: {why} ({fix}, or name another file with --output)")


def _check_own(folder: Path, path: Path) -> None:
    """BadList where files cannot be made in a folder that `path` needs."""
    if not os.access(folder, os.W_OK | os.X_OK):
        why = f"{user()} may not write into {folder.absolute()}"
        raise BadList(f"{path}: {why} (call it in a folder of your own, or name another file with --output)")


def _confirmed(hosts: Sequence[Listed]) -> dict[str, str]:
    """The fingerprints that a table has, by what the host is called until its name is known."""
    return {host.label: host.host_key for host in hosts if host.host_key}


def _believed(host: Listed) -> Surveyed:
    try:
        return as_listed(host)
    except Contradiction as error:
        raise BadList(str(error)) from None


def _stop_at(failures: Sequence[Failure]) -> None:
    if failures:
        raise Stopped("\n".join([*map(str, failures), "nothing was written"]))


def _is_own(host: Surveyed, calls: Counter[str]) -> bool:
    """Whether a host's name can be its machine key: no other's, and not an installer's."""
    return bool(host.listed.name) or (calls[host.name] == 1 and bool(host.name) and host.name not in GENERIC)


def _not_among(taken: set[str]) -> Callable[[str], str]:
    def read(name: str) -> str:
        if name in taken:
            raise values.refusal(f"{shown(name)} is another host's name", "give each host its own")
        return values.machine_name(name)

    return read


def _one_of(by_word: dict[str, str]) -> Callable[[str], str]:
    def read(word: str) -> str:
        if word not in by_word:
            raise values.refusal(f"{shown(word)} is none of the hosts", f"one of: {', '.join(by_word)}")
        return by_word[word]

    return read


def _host_list(text: str) -> str:
    try:
        from_option(text)
    except BadList as error:
        message, _, fix = str(error).partition(" (")
        raise values.refusal(message, fix.removesuffix(")")) from None
    return text


def _lines(lines: Sequence[str]) -> None:
    for line in lines:
        _say(line)


def _say(line: str) -> None:
    """A line on the terminal; what it quotes of a host steers nothing."""
    click.echo(one_line(clip(line, LONGEST)) if len(line) > LONGEST or not line.isprintable() else line)
