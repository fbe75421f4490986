"""Configurations with a checkout of the user's, each in a folder of its own: no lab needs to run, no host is asked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from dlws.config.state import state_of
from lab.first_boot import deploy_hosts_file
from lab.plan import CLUSTER, HOSTS, LAB
from tests.kits.config_example import example

CONFIGURATION: Final = LAB / "config.yaml"
ID: Final = "00000000-0000-4000-8000-000000000000"
"""The cluster's id where none has been made yet."""
_FIRST_HOST: Final = re.compile(r"(machines:\n(?:.*\n){3} +archtype: ).*\n +type: npu\n +vendor: .*\n")
_ALERTS: Final = """\
alert-manager:
  configured: true
  smtp_url: smtp.example.org:25
  smtp_from: dlws@example.org
  smtp_auth_username: dlws@example.org
  smtp_auth_password: invented-mail-password
  receiver: admin@example.org
"""
_CHECKOUT: Final = re.compile(r"^dlworkspace: .*$", re.MULTILINE)


def text_for(checkout: Path) -> str:
    """The text of the lab's configuration, naming `checkout` in place of the stand-in."""
    text, count = _CHECKOUT.subn(f"dlworkspace: {checkout}", CONFIGURATION.read_text(encoding="utf-8"))
    if count != 1:
        raise LookupError(f"{CONFIGURATION} names {count} checkouts, not one")
    return text.replace("cni_manifest: cni.yaml", f"cni_manifest: {LAB / 'cni.yaml'}")


def write(folder: Path, checkout: Path) -> Path:
    """config.yaml in `folder`, and the state that the lab would have: the hosts' addresses and the cluster's id."""
    path = _written(folder, text_for(checkout))
    hosts = state_of(path, CLUSTER).hosts
    hosts.parent.mkdir(parents=True)
    hosts.write_text(deploy_hosts_file(list(HOSTS.values())), encoding="utf-8")
    return path


def write_example(folder: Path, checkout: Path) -> Path:
    """The documentation's example as config.yaml in `folder`, naming `checkout`, and its cluster's id."""
    return _written(folder, f"dlworkspace: {checkout}\n{example()}")


def write_amd64(folder: Path, checkout: Path) -> Path:
    """That example with Alertmanager, on a master of amd64 without accelerators."""
    text, count = _FIRST_HOST.subn(r"\1amd64\n    type: cpu\n", example(), count=1)
    if count != 1:
        raise LookupError("the documentation's example begins with no host that has NPUs")
    return _written(folder, f"dlworkspace: {checkout}\n{_ALERTS}{text}")


def _written(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    identity = state_of(path, CLUSTER).cluster_id
    identity.parent.mkdir(parents=True)
    identity.write_text(f"clusterId: {ID}\n", encoding="utf-8")
    return path
