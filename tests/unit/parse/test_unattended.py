"""What unattended-upgrades may replace."""

from __future__ import annotations

import pytest

from dlws.parse.host import unattended
from dlws.verdict import Unparsable

UBUNTU = 'Unattended-Upgrade "";\nUnattended-Upgrade::Allowed-Origins:: "${distro_id}:${distro_codename}-security";\n'
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


@pytest.mark.parametrize("expression", [".*" * 20 + "z", "(.*)*z", "(a|b|ab)+$", "(?:l{1,9}){9}"])
def test_an_expression_that_could_take_days_is_not_tried(expression: str) -> None:
    with pytest.raises(Unparsable, match="an expression with too many repetitions"):
        unattended.parse(f'Unattended-Upgrade::Package-Blacklist:: "{expression}";')
