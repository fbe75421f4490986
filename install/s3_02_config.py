"""Runbook 3.2: the configuration."""

from __future__ import annotations

from checks import control
from dlws.engine.stage import stage
from dlws.engine.targets import control_host


@stage(section="3.2", on=control_host, proves=[control.test_configuration_is_valid])
def test_config() -> None:
    """config.yaml is valid; every finding names its line."""
