"""systemctl show and --failed."""

from __future__ import annotations

import pytest

from dlws.parse.host import systemd
from dlws.verdict import Unparsable


def test_properties_may_be_empty():
    text = "LoadState=loaded\nActiveState=active\nUnitFileState=\nExecStart={ path=/usr/bin/dockerd ; argv[]=x }\n"
    assert systemd.show(text)["UnitFileState"] == ""
    assert systemd.show(text)["ExecStart"].startswith("{ path=")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "System has not been booted with systemd as init system (PID 1). Can't operate.\n",
        "LoadState=loaded\nFailed to get properties: Connection timed out\n",
        "LoadState=loaded\nLoadState=masked\n",
    ],
)
def test_systemctl_show_without_properties_is_unknown(text):
    with pytest.raises(Unparsable):
        systemd.show(text)


@pytest.mark.parametrize("mark", ["", "● ", "  ", "* "])
def test_a_failed_unit_is_named(mark):
    text = f"{mark}npu-info.service loaded failed failed NPU information for the job exporter\n"
    assert [unit.name for unit in systemd.failed(text)] == ["npu-info.service"]


def test_nothing_failed():
    assert systemd.failed("\n") == ()


def test_a_host_without_systemd_is_unknown():
    with pytest.raises(Unparsable):
        systemd.failed("System has not been booted with systemd as init system (PID 1). Can't operate.\n")
