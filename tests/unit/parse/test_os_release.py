"""/etc/os-release."""

from __future__ import annotations

import pytest

from dlws.parse.host import os_release
from dlws.verdict import Unparsable

# Ubuntu's base-files 10.1ubuntu2.2 and .8, transcribed; Debian's recorded.
UBUNTU = """\
NAME="Ubuntu"
VERSION="18.04.1 LTS (Bionic Beaver)"
ID=ubuntu
ID_LIKE=debian
PRETTY_NAME="Ubuntu 18.04.1 LTS"
VERSION_ID="18.04"
HOME_URL="https://www.ubuntu.com/"
UBUNTU_CODENAME=bionic
"""
DEBIAN = """\
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
ID=debian
"""


@pytest.mark.parametrize("text", [UBUNTU, UBUNTU.replace("\n", "\r\n"), "Welcome to atlas01!\n\n" + UBUNTU])
def test_the_point_release_is_read_from_version(text):
    assert os_release.parse(text) == os_release.OsRelease("ubuntu", "18.04", "18.04.1", "Ubuntu 18.04.1 LTS")


def test_the_first_release_has_no_point():
    assert os_release.parse(UBUNTU.replace("18.04.1", "18.04")).point == "18.04"


def test_debian_is_told_apart():
    found = os_release.parse(DEBIAN)
    assert (found.id, found.version, found.point) == ("debian", "12", "12")


def test_a_release_without_numbers_has_none():
    assert os_release.parse("ID=arch\n# rolling\n").version is None


@pytest.mark.parametrize(
    "text", ["", UBUNTU[:30], 'NAME="Ubuntu"\n', 'ID="ubuntu\n', "ID=a b\n", "ID=x\nsomething else\n", "ID=ubuntu\0"]
)
def test_what_is_not_an_os_release_is_unknown(text):
    with pytest.raises(Unparsable):
        os_release.parse(text)
