"""Runbook 3.2: the configuration."""

from __future__ import annotations

from checks import content, control
from dlws.engine.stage import stage
from dlws.engine.targets import content_control_host, control_host


@stage(section="3.2", on=control_host, proves=[control.test_configuration_is_valid])
def test_config() -> None:
    """config.yaml is valid; every finding names its line."""


@stage(section="3.2", on=content_control_host, after="config", proves=[content.test_content_is_complete])
def test_content() -> None:
    """What the install needs from outside is in the content folder, before anything is changed on a host."""
