"""Predicts the commands that checks will run on a host: those that they ran on hosts of its kind before.

They run as root on every host, so what is remembered is never taken from anybody else: it is in the operator's own
cache, not in the project's folder, which may come from elsewhere, and only the suite that wrote it reads it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from dlws.inventory import Node
from dlws.remote import flock

PLAIN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
LOCK_PATIENCE = 5.0  # seconds for which another audit may be saving
KEPT = 20  # selections of checks remembered in the file; the least recently used is dropped first

# In a remembered command these private-use characters stand for the host's own name, address and full name.
_NAME, _ADDRESS, _FQDN = "\ue000", "\ue001", "\ue002"

Read = tuple[str, float, int]  # command, deadline in seconds, cap in bytes


def kept_for(configuration: Path) -> Path | None:
    """The file for the cluster of a configuration, below $XDG_CACHE_HOME or ~/.cache; None without a home."""
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        return None
    name = hashlib.sha256(str(configuration.resolve()).encode()).hexdigest()
    return folder / "dlws" / "foresight" / f"{name[:32]}.json" if folder.is_absolute() else None


@cache
def source_digest() -> str:
    """The SHA-256 of all source that can ask a host: another version asks other questions."""
    root, digest = Path(__file__).parents[2], hashlib.sha256()
    for folder in ("checks", "dlws", "fixtures"):
        for file in sorted((root / folder).rglob("*.py")):
            digest.update(f"{file.relative_to(root)} {file.stat().st_size}\n".encode() + file.read_bytes())
    return digest.hexdigest()


class Foresight:
    """Learns per kind of host and saves it in a JSON file. Thread-safe.

    A command is predicted for a host if at least half of the hosts of its kind that ran anything ran it; one that names
    other hosts, and so is asked of a single one, is not kept. This never
    affects a result: a wrong guess costs an unused command, a missing one costs a round trip.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        suite: str = "",
        selection: str = "",
        run: str = "",
        redact: Callable[[str], str] = str,
    ) -> None:
        """`suite` is the version of the suite (`source_digest`); what another one has saved is dropped.

        `selection` names the set of checks (their commands differ), `run` is the same in all processes of this run. A
        command that `redact` changes is not saved.
        """
        self._path, self._suite, self._selection, self._run, self._redact = path, suite, selection, run, redact
        self._lock = threading.Lock()
        self._hosts: defaultdict[str, dict[str, int]] = defaultdict(dict)  # a bit for each host of a kind
        self._asked: defaultdict[str, dict[str, int]] = defaultdict(dict)  # by kind and template the bits of its hosts
        self._once: defaultdict[str, dict[int, int]] = defaultdict(dict)  # by the hash of one that a single host asked
        self._bounds: dict[str, tuple[float, int]] = {}
        self._last: dict[str, list[str]] = {}
        for kind, entry in self._load().get(selection, {}).get("kinds", {}).items():
            for template, deadline, cap in entry["commands"]:
                self._last.setdefault(kind, []).append(template)
                self._bounds[template] = float(deadline), int(cap)

    def learn(self, node: Node, command: str, deadline: float, cap: int) -> None:
        """Note that a check ran this command on this host; `deadline` in seconds, `cap` in bytes."""
        template = _general(command, node)
        with self._lock:
            hosts, asked = self._hosts[node.kind], self._asked[node.kind]
            bits = hosts.setdefault(node.name, 1 << len(hosts))
            if template not in asked and bits > 2:  # what one of three has asked is predicted for none
                first = self._once[node.kind].setdefault(hash(template), bits)
                if first == bits:
                    return
                bits |= first
            asked[template] = asked.get(template, 0) | bits
            earlier = self._bounds.get(template, (0.0, 0))
            self._bounds[template] = max(earlier[0], deadline), max(earlier[1], cap)

    def foreseen(self, node: Node) -> list[Read]:
        """The commands that checks are expected to run on this host."""
        with self._lock:
            templates = dict.fromkeys([*self._last.get(node.kind, ()), *self._common(node.kind)])
            return [(_specific(t, node), *self._bounds[t]) for t in templates]

    def save(self) -> None:
        """Merge what this process learnt into the file, if that can be written. Others of the same run add theirs.

        A home that is missing, read-only, full or locked costs the next audit some round trips, and this one nothing.
        """
        if self._path is not None and self._asked:
            with suppress(OSError):
                self._merge_into(self._path)

    def _merge_into(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            flock.lock(lock, LOCK_PATIENCE)
            selections = self._load()
            kinds = selections.pop(self._selection, {}).get("kinds", {})
            for kind in self._asked:
                old = kinds.get(kind, {})
                commands = {c[0]: c for c in old.get("commands", ())} if old.get("run") == self._run else {}
                for template in self._common(kind):
                    if self._redact(template) == template:
                        commands[template] = [template, *self._bounds[template]]
                kinds[kind] = {"run": self._run, "commands": list(commands.values())}
            selections[self._selection] = {"kinds": kinds}
            latest = dict(list(selections.items())[-KEPT:])
            fresh = path.with_suffix(f".{os.getpid()}")
            fresh.touch(0o600)
            fresh.write_text(json.dumps({"suite": self._suite, "selections": latest}, indent=1), "utf-8")
            fresh.replace(path)
        finally:
            os.close(lock)

    def _common(self, kind: str) -> list[str]:
        enough = len(self._hosts[kind]) / 2
        return [template for template, hosts in self._asked[kind].items() if hosts.bit_count() >= enough]

    def _load(self) -> dict[str, Any]:
        """What this suite has saved; empty for a link, a file that others can write, or one that is malformed."""
        try:
            if self._path is None:
                return {}
            with os.fdopen(os.open(self._path, PLAIN_FILE), encoding="utf-8") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
                    return {}
                content = json.load(file)
            if content["suite"] != self._suite:
                return {}
            selections = content["selections"]
            for entry in selections.values():
                for kind in entry["kinds"].values():
                    kind["commands"] = [[str(c), float(d), int(n)] for c, d, n in kind["commands"]]
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}
        return dict(selections)


def _general(command: str, node: Node) -> str:
    """The command with marks for the host's own names. Most name no host, and every check's commands come by here."""
    for mark, own in ((_FQDN, node.fqdn), (_NAME, node.name), (_ADDRESS, node.address)):
        if own in command:
            command = re.sub(rf"(?<![\w.-]){re.escape(own)}(?![\w-])", mark, command)
    return command


def _specific(template: str, node: Node) -> str:
    return template.replace(_FQDN, node.fqdn).replace(_NAME, node.name).replace(_ADDRESS, node.address)
