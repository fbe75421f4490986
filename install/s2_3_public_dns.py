"""Runbook 2.3: the public A record, only where public access is configured. It is set in the DNS provider's console."""

from __future__ import annotations

from checks import network
from fixtures.stage import stage
from fixtures.targets import public_control_host


@stage(section="2.3", on=public_control_host, after="config", proves=[network.test_public_name_resolves])
def test_public_dns() -> None:
    """The cluster's public name resolves to its public address."""
