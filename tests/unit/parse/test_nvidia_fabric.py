"""What ails the fabric that a GPU has joined, as `nvidia-smi -q` of drivers 535 to 595 tells it."""

from __future__ import annotations

import pytest

from dlws.parse.accelerators import nvidia_fabric
from dlws.verdict import Unparsable

ROWS = """\
        Health
            Summary                           : Healthy
            Bandwidth                         : Full
            Route Recovery in progress        : False
            Route Unhealthy                   : False
            Access Timeout Recovery           : False
            Incorrect Configuration           : None
            Partition Assigned                : N/A
"""
JOINED = """\
GPU {}
    Product Name                          : NVIDIA GB300
    Fabric
        State                             : Completed
        Status                            : Success
        CliqueId                          : 32766
        ClusterUUID                       : 00000001-0000-0000-0000-000000000001
{}    Processes                             : None
"""
FIRST, SECOND = "00000008:01:00.0", "00000009:01:00.0"
HEAD = "==============NVSMI LOG==============\n\nDriver Version : 580.173.02\nAttached GPUs : {}\n"


def asked(*rows: str) -> list[str]:
    cards = (JOINED.format(card, text) for card, text in zip((FIRST, SECOND), rows, strict=False))
    return nvidia_fabric.troubles(HEAD.format(len(rows)) + "".join(cards))


@pytest.mark.parametrize("rows", [ROWS, "", ROWS.replace("Healthy", "N/A").replace("Full", "Not Supported")])
def test_a_sound_fabric_or_one_of_which_nothing_is_told_has_no_trouble(rows: str) -> None:
    assert asked(rows, ROWS) == []


@pytest.mark.parametrize(
    ("key", "now", "then"),
    [
        ("Summary", "Healthy", "Unhealthy"),
        ("Summary", "Healthy", "Limited Capacity"),
        ("Bandwidth", "Full", "Degraded"),
        ("Route Recovery in progress", "False", "True"),
        ("Route Unhealthy", "False", "True"),
        ("Access Timeout Recovery", "False", "True"),
        ("Incorrect Configuration", "None", "Insufficient Nvlinks"),
        ("Incorrect Configuration", "None", "Invalid Location : tray 7"),
    ],
)
def test_each_trouble_is_told_with_its_card(key: str, now: str, then: str) -> None:
    line = next(line for line in ROWS.splitlines() if line.strip().startswith(key))
    ill = ROWS.replace(line, line.replace(f": {now}", f": {then}"))
    assert asked(ROWS, ill) == [f"GPU {SECOND} {key} {then}"]
    assert asked(ill, ill) == [f"GPU {card} {key} {then}" for card in (FIRST, SECOND)]


def test_what_is_not_of_the_fabric_is_none_of_its_troubles() -> None:
    elsewhere = "    Clocks\n        Summary : Unhealthy\n    Summary : Unhealthy\n"
    assert nvidia_fabric.troubles(HEAD.format(1) + JOINED.format(FIRST, ROWS) + elsewhere) == []
    after = "            Summary : Unhealthy\n"
    assert nvidia_fabric.troubles(HEAD.format(1) + JOINED.format(FIRST, ROWS) + after) == []
    before = JOINED.format(FIRST, ROWS).replace("    Fabric\n", f"{elsewhere}    Fabric\n")
    assert nvidia_fabric.troubles(HEAD.format(1) + before) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEAD.format(0),
        HEAD.format(2) + JOINED.format(FIRST, ROWS),
        HEAD.format(1) + JOINED.format(FIRST, ROWS) + JOINED.format(SECOND, ROWS),
        JOINED.format(FIRST, ROWS),
        HEAD.format(1) + JOINED.format(FIRST, ROWS.replace("Healthy", "[Unknown Error]")),
        HEAD.format(1) + JOINED.format("0", ROWS),
        HEAD.format(1) + JOINED.format(f"{FIRST} is lost", ROWS),
    ],
)
def test_an_answer_with_a_doubt_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable, match="nvidia-smi -q"):
        nvidia_fabric.troubles(text)
