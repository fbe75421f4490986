"""Platforms: what the runbook demands of each kind of host, and what a row of a site's own accepts."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dlws.config.platforms import DEMANDED, Platform
from dlws.inventory import Device


def test_the_runbook_demands_one_release_of_each_kind_of_host() -> None:
    rows = {kind: [str(row) for row in DEMANDED if row.type is kind] for kind in Device}
    assert rows.pop(Device.NPU) == ["ubuntu 18.04.1"]
    assert set(map(tuple, rows.values())) == {("ubuntu 18.04",)}


@pytest.mark.parametrize(
    ("release", "found", "takes"),
    [
        ("18.04", "18.04", True),
        ("18.04", "18.04.6", True),
        ("18.04.1", "18.04.1", True),
        ("18.04.1", "18.04.10", False),
        ("18.04.1", "18.04", False),
        ("2", "20.04", False),
    ],
)
def test_a_release_takes_its_point_releases(release: str, found: str, takes: bool) -> None:
    assert Platform(os="ubuntu", release=release).takes("ubuntu", found) is takes
    assert not Platform(os="ubuntu", release=release).takes("debian", found)


@pytest.mark.parametrize("row", [{"os": "centos", "release": "7"}, {"os": "debian", "release": "bookworm"}])
def test_what_is_no_release_of_ubuntu_or_debian_is_refused(row: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Platform.model_validate(row)
