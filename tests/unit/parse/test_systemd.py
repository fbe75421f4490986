"""systemctl show, list-units, list-unit-files, --failed."""

from __future__ import annotations

import pytest

from dlws.parse.host import systemd
from dlws.verdict import Unparsable

# Recorded: systemd 252 (Debian 12), no swap unit.
NO_UNIT_FILES = "UNIT FILE STATE PRESET\n\n0 unit files listed.\n"
# Transcribed: systemd 237 (Ubuntu 18.04), which has no header over zero units.
NO_UNITS_237 = """\
0 loaded units listed.
To show all installed unit files use 'systemctl list-unit-files'.
"""
SWAP_UNIT_237 = """\
UNIT          LOAD   ACTIVE SUB    DESCRIPTION
swap.img.swap loaded active active /swap.img

LOAD   = Reflects whether the unit definition was properly loaded.
ACTIVE = The high-level unit activation state, i.e. generalization of SUB.
SUB    = The low-level unit activation state, values depend on unit type.

1 loaded units listed.
To show all installed unit files use 'systemctl list-unit-files'.
"""
SWAP_FILES_237 = """\
UNIT FILE     STATE    
swap.img.swap generated

1 unit files listed.
"""  # noqa: W291
SWAP_FILES_252 = """\
UNIT FILE     STATE     PRESET
swap.img.swap generated -

1 unit files listed.
"""


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


@pytest.mark.parametrize("text", [NO_UNITS_237, "UNIT LOAD ACTIVE SUB DESCRIPTION\n" + NO_UNITS_237])
def test_no_swap_unit(text):
    assert systemd.units(text) == ()


def test_an_active_swap_unit_is_listed():
    assert systemd.units(SWAP_UNIT_237) == (systemd.Unit("swap.img.swap", "loaded", "active", "active"),)


def test_a_unit_that_is_marked_is_listed_too():
    text = SWAP_UNIT_237.replace("swap.img.swap loaded active active", "● dev-sdb2.swap not-found inactive dead  ")
    assert systemd.units(text)[0] == systemd.Unit("dev-sdb2.swap", "not-found", "inactive", "dead")


@pytest.mark.parametrize("text", ["", SWAP_UNIT_237.partition("\n1 loaded")[0], SWAP_UNIT_237.replace("1 l", "2 l")])
def test_units_without_their_closing_count_are_unknown(text):
    with pytest.raises(Unparsable):
        systemd.units(text)


@pytest.mark.parametrize("text", [SWAP_FILES_237, SWAP_FILES_252])
def test_unit_files_have_a_state(text):
    assert systemd.unit_files(text) == {"swap.img.swap": "generated"}


def test_no_unit_files():
    assert systemd.unit_files(NO_UNIT_FILES) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "UNIT FILE STATE PRESET\n",
        SWAP_FILES_237.replace("generated", ""),
        SWAP_FILES_237.replace("1 unit", "2 unit"),
    ],
)
def test_unit_files_cut_off_are_unknown(text):
    with pytest.raises(Unparsable):
        systemd.unit_files(text)


@pytest.mark.parametrize("mark", ["", "● ", "  ", "* "])
def test_a_failed_unit_is_named(mark):
    text = f"{mark}npu-info.service loaded failed failed NPU information for the job exporter\n"
    assert [unit.name for unit in systemd.failed(text)] == ["npu-info.service"]


def test_nothing_failed():
    assert systemd.failed("\n") == ()


def test_a_host_without_systemd_is_unknown():
    with pytest.raises(Unparsable):
        systemd.failed("System has not been booted with systemd as init system (PID 1). Can't operate.\n")
