"""Runbook 2.3: the public A record, if public access is configured. It must be set in the DNS provider's console."""

from __future__ import annotations

from checks.network import names
from dlws.engine.stage import stage
from dlws.engine.targets import public_control_host


@stage(section="2.3", on=public_control_host, after="config", proves=[names.test_public_name_resolves])
def test_public_dns() -> None:
    """The cluster's public name resolves to its public address."""
