"""Runbook 2.1: the requirements on the machines. These stages only check; they change nothing."""

from __future__ import annotations

from checks import accounts, control, firewall
from checks.gpu import presence as gpu
from checks.host import system
from checks.network import names
from checks.npu import presence as npu
from dlws.engine.stage import stage
from dlws.engine.targets import image_builders


@stage(section="2.1", after=["config", "content"], proves=[accounts.test_login])
def test_login() -> None:
    """The suite can log in with the pinned host key and has root privileges."""


@stage(section="2.1", on=image_builders, after="login", proves=[control.test_build_architecture])
def test_build_host() -> None:
    """Images are built on machines of the architecture they are for."""


@stage(
    section="2.1",
    after="login",
    proves=[
        system.test_operating_system,
        system.test_architecture,
        system.test_secure_boot_is_off,
        system.test_cpu_and_memory,
        names.test_private_address_is_here,
        firewall.test_firewall_is_off,
        gpu.test_gpu_count,
        gpu.test_gpu_driver,
        npu.test_npu_count,
        npu.test_npu_driver,
    ],
)
def test_requirements() -> None:
    """The operating system, architecture, firewall, accelerators and drivers meet the requirements."""
