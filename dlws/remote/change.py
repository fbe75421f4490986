"""`change`: the only way in which the suite changes a host.

Every change is an `Action`: a sentence for people and a command for the host. Applying sends the command at most once;
planning only notes the sentence. Both may read, because an edit that would change nothing is not an action.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from dlws.kubernetes.objects import title
from dlws.parse.host import apt_locks, boot
from dlws.record.answer import Answer, LinkLost
from dlws.record.ledger import ActionRow
from dlws.remote.api_server import without_secrets
from dlws.remote.backend import quoted
from dlws.remote.connection import Connection
from dlws.remote.file_text import KEEP_ATTRIBUTES, OWNER, difference, encoded, exact_text, owned
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes, Refused
from dlws.remote.outbox import Stdin
from dlws.remote.spool import OWN_LINK, Spool, Supply
from dlws.remote.waiting import wait_for
from dlws.verdict import Unknown

MINUTE = 60.0
REBOOT_DEADLINE = 20 * MINUTE  # servers with 512 GiB of memory take most of this for their self-test
APT_DEADLINE = 30 * MINUTE
LOCK_DEADLINE = 10 * MINUTE  # an unattended upgrade may hold apt's lock that long
FILE_DEADLINE = 10 * MINUTE
PART_DEADLINE = 2 * MINUTE  # until a part that was cut off has ended on the host
BOOT = ("cat /proc/sys/kernel/random/boot_id", "cat /proc/1/stat")
"""The commands that identify a boot of a host; the boot id alone does not change in a container."""
SUDOERS = "/etc/sudoers.d"


class ChangeFailed(Exception):
    """A change was carried out and failed on the host. The message includes the end of its output."""


class NotEnded(Unknown):
    """A change was stopped at its deadline."""


@dataclass(frozen=True, slots=True)
class Action:
    """One change: a sentence for people, the shell command, its stdin, and its deadline in seconds."""

    text: str
    command: str
    stdin: Stdin = b""
    deadline: float = 10 * MINUTE


class Sender(Protocol):
    """Carries out actions, or only plans them. Large files come by the `supply`."""

    supply: Supply

    def carry_out(self, action: Action) -> str:
        """Run the command and return its standard output; empty in a plan."""

    def reboot(self, action: Action) -> None:
        """Restart the host and wait for the new boot; does nothing in a plan."""

    def call(self, action: Action, ask: Callable[[], None]) -> None:
        """Send a change to the Kubernetes API, once; does nothing in a plan."""

    def wait(self, what: str | Callable[[], str], holds: Callable[[], bool], deadline: float) -> None:
        """Wait for the effect of earlier actions (`wait_for`); does nothing in a plan."""

    def settle(self, deadline: float) -> None:
        """After a lost link: wait until the command that was running has ended on the host."""


@dataclass(slots=True)
class Planner:
    """Plans only: sends nothing."""

    supply: Supply = OWN_LINK

    def carry_out(self, action: Action) -> str:
        """Nothing is sent, so there is no output."""
        return ""

    def reboot(self, action: Action) -> None:
        """Nothing is sent."""

    def call(self, action: Action, ask: Callable[[], None]) -> None:
        """Nothing is sent."""

    def wait(self, what: str | Callable[[], str], holds: Callable[[], bool], deadline: float) -> None:
        """There is nothing to wait for."""

    def settle(self, deadline: float) -> None:
        """No command is running."""


@dataclass(slots=True)
class Applier:
    """Sends each action once and never again; whether a lost one took effect is read from the host."""

    host: Host
    connection: Callable[[], Connection]
    token: str = ""
    permit: Callable[[], None] = lambda: None
    """Called before anything is sent and while something is awaited; raises when no more may be sent."""
    supply: Supply = OWN_LINK

    def carry_out(self, action: Action) -> str:
        """Send the command. ChangeFailed if it exits non-zero; Unknown (LinkLost, time-out) without an exit status.

        A large file for its stdin is brought first, in parts, each of them sent once (`dlws.remote.spool`).
        """
        file = action.stdin
        if isinstance(file, Path) and self.supply.brings(file):
            arrivals = self.spool(f"{action.text}: bring {file.name}", PART_DEADLINE)
            action = replace(action, command=self.supply.feed(arrivals, file, action.command), stdin=b"")
        return self._end_of(action)

    def spool(self, text: str, patience: float, folder: str = "") -> Spool:
        """Brings files to the host in parts, each an action with this text; a lost one may take `patience` s to end."""
        part_of = partial(Action, text)
        return Spool(self.host, lambda *part: self._end_of(part_of(*part)), partial(self.settle, patience), folder)

    def _end_of(self, action: Action) -> str:
        answer = self._send(action)
        if answer.timed_out:
            raise NotEnded(f"{self.host.name}: no end after {action.deadline:g} s: {action.text}")
        if answer.rc != 0:
            raise ChangeFailed(f"{self.host.name}: {action.text}: exit status {answer.rc}: {last_words(answer)}")
        return answer.text

    def reboot(self, action: Action) -> None:
        """Send the reboot, then wait until the host answers from another boot and systemd has finished starting."""
        before = boot_of(self.host)
        try:
            answer = self._send(action)
        except LinkLost:
            answer = None  # as usual for a reboot command
        if answer is not None and answer.rc not in (0, None):
            raise ChangeFailed(f"{self.host.name}: {action.text}: exit status {answer.rc}: {last_words(answer)}")
        wait_for(f"{self.host.name} to answer from a new boot", lambda: self._boot() != before, action.deadline)
        wait_for(f"{self.host.name} to finish starting", self._is_up, action.deadline)

    def call(self, action: Action, ask: Callable[[], None]) -> None:
        """Call the API. ChangeFailed if it refuses; Unknown if it is not known whether the change was made."""
        self.permit()
        try:
            ask()
        except Refused as error:
            raise ChangeFailed(f"the API server refuses to {action.text}: {error}") from None

    def wait(self, what: str | Callable[[], str], holds: Callable[[], bool], deadline: float) -> None:
        """See `wait_for`."""

        def still_wanted() -> bool:
            self.permit()
            return holds()

        wait_for(what, still_wanted, deadline)

    def _boot(self) -> boot.Boot:
        with self._renewed_when_lost():
            return boot_of(self.host)

    def _send(self, action: Action) -> Answer:
        self.permit()
        self.token = uuid.uuid4().hex
        return self.connection().send(action.command, token=self.token, stdin=action.stdin, deadline=action.deadline)

    def settle(self, deadline: float) -> None:
        """After a lost link: wait until the command that was running, if any, has ended on the host."""
        if self.token:
            wait_for(f"the interrupted command on {self.host.name} to end", self._ended, deadline)

    def _ended(self) -> bool:
        with self._renewed_when_lost():
            return not self.connection().still_running(self.token)

    def _is_up(self) -> bool:
        with self._renewed_when_lost():
            return self.host.run("systemctl is-system-running").stdout.strip() in ("running", "degraded")

    @contextmanager
    def _renewed_when_lost(self) -> Iterator[None]:
        """Renew a connection that fails: it remembers the failure and would not notice that the host is back."""
        try:
            yield
        except Unknown:
            self.connection().renew()
            raise


@dataclass(slots=True)
class Change:
    """The changes that a stage can make. Arguments are quoted: `change.run("hostnamectl set-hostname %s", name)`.

    What is made without an `owner` belongs to the user as whom commands run: root on hosts, the operator on the control
    host.

    Every method raises ChangeFailed if the host or the API reports a failure, and Unknown if the outcome is not known.
    """

    host: Host
    sender: Sender
    on_action: Callable[[str], None] = lambda text: None
    actions: list[ActionRow] = field(default_factory=list)
    kube: Kubernetes | None = None

    def run(self, command: str, *args: str, stdin: Stdin = b"", deadline: float = 10 * MINUTE, text: str = "") -> str:
        """Run a command as root and return its output. `text` describes it where the command itself is unclear.

        `stdin` may be a file of the control host, however large: it is sent in pieces and never held in memory.
        """
        filled = quoted(command, *args)
        return self._do(Action(text or filled, filled, stdin, deadline))

    def write_file(self, path: str, content: str, *, mode: str = "0644", owner: str = "") -> None:
        """Write a file atomically (temporary file, then rename). The content is not in the action's text."""
        count = len(content.splitlines())
        text = f"write {path} ({count} {'line' if count == 1 else 'lines'})"
        self._put(path, encoded(content), owned(mode, owner), text=text)

    def put_file(self, path: str, content: Stdin, *, text: str, mode: str = "0644", owner: str = "") -> None:
        """Put a file in place atomically: bytes that are no text, or a file of the control host, however large."""
        self._put(path, content, owned(mode, owner), text=text)

    def write_sudoers(self, name: str, content: str) -> None:
        """Write a file in /etc/sudoers.d if visudo accepts it: an invalid one would lock every user out of sudo."""
        path = f"{SUDOERS}/{name}"
        text = f"write {path}: {content.strip()}"
        self._put(path, encoded(content), f'{owned("0440", "root:root")}; visudo -q -c -f "$t"', text=text)

    def edit_file(self, path: str, edit: Callable[[str], str], *, mode: str = "0644", owner: str = "") -> None:
        """Rewrite a file by a pure function of its text; an existing file keeps mode, owner and ACL.

        Nothing is sent if the text stays as it is. A link is followed. Bytes that are not UTF-8 pass through the
        function as surrogates and are written back as they were. ChangeFailed if the file has changed since it was
        read, or cannot be replaced without loss: a link to nothing, or a file of several names.
        """
        path = replaceable(self.host, path)
        exists = self.host.run("test -e %s", path).rc == 0
        old = exact_text(self.host, path) if exists else ""
        new = edit(old)
        if new == old:
            return
        if exists:
            digest = hashlib.sha256(encoded(old)).hexdigest()
            attributes, still = KEEP_ATTRIBUTES, f'[ "$(sha256sum <"$f")" = "{digest}  -" ]'
        else:
            attributes, still = owned(mode, owner), '[ ! -e "$f" ]'
        as_read = f"{{ {still} || {{ echo 'it was changed meanwhile: run this again' >&2; exit 1; }}; }}"
        self._put(path, encoded(new), f"{attributes}; {as_read}", text=f"edit {path}: {difference(old, new)}")

    def _put(self, path: str, content: Stdin, finish: str, *, text: str) -> None:
        """Write a file atomically, provided that `finish`, shell commands on the new file `$t`, succeeds."""
        command = quoted(
            'set -e; f=%s; t=$(mktemp "$f.XXXXXX"); trap \'rm -f "$t"\' EXIT; trap "exit 143" TERM; cat > "$t"; ', path
        )
        command += f'{finish}; sync "$t"; mv -f "$t" "$f"; sync "$(dirname "$f")"; trap - EXIT'
        self._do(Action(text, command, content, FILE_DEADLINE))

    def make_directory(self, path: str, *, mode: str = "0755", owner: str = "") -> None:
        """Make a directory with this mode and owner, and its missing parents."""
        command = f'{OWNER}; install -d -m %s -o "${{o%%%%:*}}" -g "${{o#*:}}" %s'
        self.run(command, owner, mode, path, text=f"make directory {path}")

    def update_package_lists(self) -> None:
        """Fetch apt's lists of packages anew; waits for a held apt lock."""
        self._wait_for_apt()
        self.run("apt-get update -q", deadline=APT_DEADLINE)

    def install_packages(self, packages: Iterable[str]) -> None:
        """Install Debian packages with apt, without prompts, recommends or any removal; waits for a held apt lock."""
        names = list(packages)
        self.update_package_lists()
        self._wait_for_apt()
        self.run(
            "DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends --no-remove"
            " -o Dpkg::Options::=--force-confold " + " ".join(["%s"] * len(names)),
            *names,
            deadline=APT_DEADLINE,
            text=f"apt-get install {' '.join(names)}",
        )

    def reboot(self) -> None:
        """Restart the host and wait for the new boot."""
        action = Action("reboot and wait for the new boot", "systemctl reboot", deadline=REBOOT_DEADLINE)
        with self._noted(action):
            self.sender.reboot(action)

    def wait_until(self, what: str, holds: Callable[[], bool], deadline: float) -> None:
        """Wait for the effect of a change; see `wait_for`. In a plan it is only noted. `deadline` is in seconds."""
        with self._noted(Action(f"wait until {what}", "")):
            self.sender.wait(what, holds, deadline)

    def apply(self, manifest: Mapping[str, Any], *, text: str = "") -> None:
        """Create or update an object (server-side apply)."""
        self._call(text or f"apply {title(manifest)}", lambda kube: kube.apply(manifest))

    def create(self, manifest: Mapping[str, Any], *, text: str = "") -> None:
        """Create an object of a kind that does not support server-side apply."""
        self._call(text or f"create {title(manifest)}", lambda kube: kube.create(manifest))

    def merge(self, manifest: Mapping[str, Any], *, text: str = "") -> None:
        """Update an existing object of a kind that does not support server-side apply."""
        self._call(text or f"change {title(manifest)}", lambda kube: kube.merge(manifest))

    def patch(self, resource: str, name: str, patch: Mapping[str, Any], *, namespace: str = "", text: str = "") -> None:
        """Change fields of an object (merge patch: null removes a key, a list replaces the list)."""
        words = text or f"patch {resource} {name}: {json.dumps(without_secrets(f'/{resource}', patch))}"
        self._call(words, lambda kube: kube.patch(resource, name, patch, namespace=namespace))

    def delete(self, resource: str, name: str, *, namespace: str = "", text: str = "") -> None:
        """Delete an object and its dependents; does nothing if it is missing."""
        words = text or f"delete {resource} {f'{namespace}/' if namespace else ''}{name}"
        self._call(words, lambda kube: kube.delete(resource, name, namespace=namespace))

    def _call(self, text: str, ask: Callable[[Kubernetes], None]) -> None:
        kube = self.kube
        if kube is None:
            raise LookupError("this change was given no Kubernetes API")
        action = Action(text, "")
        with self._noted(action):
            self.sender.call(action, lambda: ask(kube))

    def _do(self, action: Action) -> str:
        if isinstance(action.stdin, Path) and self.sender.supply.brings(action.stdin):
            action = replace(action, text=action.text + self.sender.supply.way(self.host.name))
        with self._noted(action):
            return self.sender.carry_out(action)

    @contextmanager
    def _noted(self, action: Action) -> Iterator[None]:
        self.on_action(action.text)
        started = time.monotonic()
        try:
            yield
        finally:
            self.actions.append(ActionRow(text=action.text, seconds=round(time.monotonic() - started, 3)))

    def _wait_for_apt(self) -> None:
        holders: list[str] = []

        def free() -> bool:
            holders[:] = apt_lock_holders(self.host)
            return not holders

        self.sender.wait(lambda: f"the apt lock on {self.host.name}, held by {', '.join(holders)}", free, LOCK_DEADLINE)


def apt_lock_holders(host: Host) -> list[str]:
    """The processes that hold one of apt's and dpkg's lock files: `apt-get (pid 4711)`. bionic's apt does not wait."""
    files = host.run(f"stat -c '%i %n' {' '.join(apt_locks.LOCK_FILES)}").stdout
    held = apt_locks.holders(host.read("cat /proc/locks"), files)
    pids = sorted({pid for holders in held.values() for pid in holders})
    names = {pid: host.run("cat /proc/%s/comm", str(pid)).stdout.strip() or "a process" for pid in pids}
    return [f"{name} (pid {pid})" for pid, name in names.items()]


def boot_of(host: Host) -> boot.Boot:
    """The host's current boot: its boot id and the start of PID 1."""
    return boot.parse(*(host.read(command) for command in BOOT))


def replaceable(host: Host, path: str) -> str:
    """The path itself or where it leads, if the file there can be replaced by a new one without loss.

    ChangeFailed for a link to nothing, which would become a file, and for a file of several names, of which the others
    would keep the old content.
    """
    if host.run("test -e %s", path).rc != 0:
        if host.run("test -L %s", path).rc == 0:
            target = host.read("readlink %s", path)
            fix = "restore it or delete the link"
            raise ChangeFailed(f"{host.name}: {path} links to {target}, which is missing: {fix}")
        return path
    path = host.read("readlink -f %s", path)
    names = host.read("stat -c %%h %s", path)
    if names != "1":
        fix = "replace it by a copy, or edit it by hand"
        raise ChangeFailed(f"{host.name}: {path} has {names} names (hard links): {fix}")
    return path


def last_words(answer: Answer) -> str:
    """The last three lines of a command's stderr, or of its stdout, for a failure message."""
    output = (answer.error_text.strip() or answer.text.strip()).splitlines()
    return " | ".join(output[-3:])[-400:] or "it said nothing"
