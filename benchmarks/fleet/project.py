"""The folder in which the audit of a fleet runs: a copy of the suite, its configuration and the cluster's state."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.fleet import api
from benchmarks.fleet.members import Member
from benchmarks.fleet.recording import Recording
from benchmarks.working_folder import copy_of_the_suite
from dlws.config.state import State, state_of
from dlws.inventory import Role
from dlws.record.redaction import MASK

INVENTED = "invented-for-the-benchmark"
BESIDE = (
    ("dlworkspace",),
    ("suite", "dlworkspace"),
    ("suite", "kubernetes", "cni_manifest"),
    ("suite", "image_archives"),
)
"""The keys of config.yaml that name a place beside it."""


class Project:
    """One folder for all sizes: what a run has learnt of the kinds of hosts serves the next one."""

    def __init__(self, folder: Path, recording: Recording) -> None:
        """Copy the suite, make keys and certificates. Raises OSError."""
        self.folder, self._recording = folder, recording
        copy_of_the_suite(folder)
        self.config = folder / "config.yaml"
        self.state: State = state_of(self.config, recording.cluster.name)
        for below in (self.state.keys, self.state.hosts.parent, folder / "pki"):
            below.mkdir(parents=True, mode=0o700)
        self._make_keys()

    def _make_keys(self) -> None:
        for key in (self.state.key, self.folder / "host_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True)
        api.certificates(self.folder / "pki", self._recording.cluster.master.fqdn)
        server = f"https://{self._recording.cluster.master.fqdn}:{self._recording.cluster.settings.api_port}"
        self._write(self.state.admin_conf, api.admin_conf(self.folder / "pki", server))
        known = self._recording.answers["control"]
        for command, answer in known.items():
            if command.startswith("cat ") and command.endswith(self.state.cluster_id.name):
                self._write(self.state.cluster_id, answer.text)

    def resize(self, fleet: list[Member], port: int) -> None:
        """Write the configuration for this fleet, and pin its keys."""
        self._write(self.config, json.dumps(self._document(fleet, port), indent=1))
        lines = [f"{m.address} {m.name}.{self._recording.cluster.domain} {m.name}\n" for m in fleet]
        self._write(self.state.hosts, "".join(lines))
        self.state.host_keys.unlink(missing_ok=True)
        kind, blob, *_ = (self.folder / "host_key.pub").read_text().split()
        pins = [f"[{m.address}]:{port} {kind} {blob} {m.name}\n" for m in fleet]
        self._write(self.state.host_keys, "".join(pins))
        shutil.rmtree(self.folder / "reports" / "out", ignore_errors=True)

    def _document(self, fleet: list[Member], port: int) -> dict[str, Any]:
        beside = self._recording.cluster.path.parent
        document: dict[str, Any] = _invented(self._recording.document)
        old = document.pop("machines") | document.pop("scale_up", {})
        for path in BESIDE:
            *above, key = path
            table = document
            for name in above:
                table = table.get(name, {})
            if isinstance(table.get(key), str):
                table[key] = str(beside / table[key])
        rows = {m.name: old[m.original.name] | {"private-ip": m.address} for m in fleet}
        masters = {m.name for m in fleet if m.original.role is Role.INFRASTRUCTURE}
        suite = document["suite"] | {"ssh_port": port, "browser": "no-browser"}
        return document | {
            "machines": {name: row for name, row in rows.items() if name in masters},
            "scale_up": {name: row for name, row in rows.items() if name not in masters},
            "suite": suite,
        }

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o600)


def _invented(value: Any) -> Any:
    """The configuration with something in place of each masked secret."""
    if isinstance(value, Mapping):
        return {key: _invented(below) for key, below in value.items()}
    if isinstance(value, (list, tuple)):
        return [_invented(below) for below in value]
    return INVENTED if value == MASK else value
