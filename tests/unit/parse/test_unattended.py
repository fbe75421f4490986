"""What unattended-upgrades may replace."""

from __future__ import annotations

import pytest

from dlws.parse.host import unattended
from dlws.verdict import Unparsable

UBUNTU = 'Unattended-Upgrade "";\nUnattended-Upgrade::Allowed-Origins:: "${distro_id}:${distro_codename}-security";\n'
NEVER = "Unattended-Upgrade::Package-Blacklist::"
ORIGIN = 'Unattended-Upgrade::Origins-Pattern:: "{}";'
DOCKER = 'Unattended-Upgrade::Origins-Pattern:: "origin=Docker";\n'


@pytest.mark.parametrize(
    ("text", "package", "may"),
    [
        (UBUNTU, "docker.io", True),
        (UBUNTU, "docker-ce", False),
        (UBUNTU, "containerd.io", False),
        (DOCKER, "docker-ce", True),
        ('Unattended-Upgrade::Allowed-Origins:: "*:*";', "containerd.io", True),
        ('Unattended-Upgrade::Origins-Pattern:: "o=*";', "docker-ce", True),
        ('Unattended-Upgrade::Allowed-Origins "";', "docker.io", False),
        (UBUNTU + 'Unattended-Upgrade::Package-Blacklist:: "docker";', "docker.io", False),
        (UBUNTU + 'Unattended-Upgrade::Package-Blacklist:: "ocker";', "docker.io", True),
        (UBUNTU + 'Unattended-Upgrade::Package-Blacklist:: "(";', "docker.io", True),
        (UBUNTU + 'Unattended-Upgrade::package-blacklist:: "docker\\.io$";', "docker.io", False),
    ],
)
def test_what_it_may_replace(text: str, package: str, *, may: bool) -> None:
    assert unattended.parse(text).may_replace(package) is may


@pytest.mark.parametrize(
    "origin",
    [
        "codename=bionic",
        "a=bionic,c=stable",
        "o=D*",
        "l=Docker CE",
        "n=archive.ubuntu.com",
        "site=download.docker.com",
        "site=mirrors.aliyun.com",
    ],
)
def test_what_names_no_other_origin_takes_dockers_packages(origin: str) -> None:
    assert unattended.parse(ORIGIN.format(origin)).may_replace("docker-ce")


@pytest.mark.parametrize("origin", ["Debian stable", "Debian:*", "o=,a=bionic", "o=Site=2,a=bionic"])
def test_another_origin_has_none_of_them(origin: str) -> None:
    assert not unattended.parse(f'Unattended-Upgrade::Allowed-Origins:: "{origin}";').may_replace("docker-ce")


@pytest.mark.parametrize("site", ["archive.ubuntu.com", "ports.ubuntu.com", "deb.debian.org", "ubuntu.com"])
def test_a_distributions_own_site_has_none_of_them(site: str) -> None:
    assert not unattended.parse(ORIGIN.format(f"a=bionic,site={site}")).may_replace("docker-ce")
    assert unattended.parse(ORIGIN.format(f"site={site}.example.org")).may_replace("docker-ce")


@pytest.mark.parametrize("key", ["o", "origin", "l", "label"])
def test_another_name_in_a_pattern_keeps_them(key: str) -> None:
    assert not unattended.parse(UBUNTU + ORIGIN.format(f"a=*,{key}=Ubuntu")).may_replace("docker-ce")
    assert unattended.parse(UBUNTU + ORIGIN.format(f"a=*,{key}=*")).may_replace("docker-ce")


@pytest.mark.parametrize("expression", [".*" * 20 + "z", "(.*)*z", "(a|b|ab)+$", "(?:l{1,9}){9}"])
def test_an_expression_that_could_take_days_is_not_tried(expression: str) -> None:
    with pytest.raises(Unparsable, match="an expression with too many repetitions"):
        unattended.parse(f'Unattended-Upgrade::Package-Blacklist:: "{expression}";')


def test_a_setting_that_is_cut_off_or_has_more_is_unknown() -> None:
    for text in ('Unattended-Upgrade "', 'Unattended-Upgrade ""; and more'):
        with pytest.raises(Unparsable, match="apt-config dump"):
            unattended.parse(text)


def test_four_repetitions_are_tried_and_five_are_not() -> None:
    four, five = (f'{UBUNTU}{NEVER} "d.*o.?c.+r[.]*{rest}$";' for rest in ("io", "i+o"))
    assert not unattended.parse(four).may_replace("docker.io")
    with pytest.raises(Unparsable, match="too many repetitions"):
        unattended.parse(five)
