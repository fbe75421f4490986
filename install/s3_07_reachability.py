"""Runbook 3.7: every host can reach every other host."""

from __future__ import annotations

from checks.host import system
from checks.network import names
from dlws.engine.stage import stage
from dlws.engine.targets import whole_cluster


@stage(
    section="3.7",
    after="admin_user",
    proves=[names.test_every_name_resolves, names.test_peers_answer],
)
def test_reachability() -> None:
    """All host names resolve, and all other hosts answer a ping."""


@stage(section="3.7", on=whole_cluster, after="login[*]", proves=[system.test_machine_ids_are_unique])
def test_identities() -> None:
    """No two hosts are clones with the same machine-id."""
