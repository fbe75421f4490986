"""A pytest plugin: the suite without one of its mends for V0.1.6.1, to see on hosts what the mend is for.

`-p tests.lab.unmended --without nginx_started,...`. Each undoes the one mend of the suite that its name says.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pytest

from dlws.platform import manifests, npu_info, own_secrets, services, web_files

Undo = Callable[[pytest.MonkeyPatch], None]
_EMPTY_SIGN_IN: Final = re.compile(
    r'^\w+:\n(?:  (?:appId|appSecret|tenant|clientId|clientSecret): ""\n)+', re.MULTILINE
)
_PLAIN: Final = "{ print; n++ } END { exit !n }"
"""Instead of an awk program of the generator: what npu-smi prints, as it is."""


def sign_ins_kept(patch: pytest.MonkeyPatch) -> None:
    """F1: a sign-in with empty ids had no section in local.yaml."""
    whole = web_files.local_yaml
    patch.setattr(web_files, "local_yaml", lambda *of: _EMPTY_SIGN_IN.sub("", whole(*of)))


def nginx_started(patch: pytest.MonkeyPatch) -> None:
    """F2: nginx was left to certbot to start."""
    patch.setattr(manifests, "COMMANDS", {})


def silent_pods_unscraped(patch: pytest.MonkeyPatch) -> None:
    """F3: a pod without a port was a target of Prometheus."""
    patch.setattr(manifests, "_unscraped", lambda template: template)


def standing_alert_known(patch: pytest.MonkeyPatch) -> None:
    """F3: the alert that upstream's own words let fire for good counted."""
    from checks.platform import monitoring

    patch.setattr(monitoring, "ALWAYS", ())


def inner_names(patch: pytest.MonkeyPatch) -> None:
    """F5: the web interface's server asked the user dashboard by the public name."""
    patch.setattr(web_files, "_USER_GROUP", re.compile(r"(?!)"))


def broken_containers_left_out(patch: pytest.MonkeyPatch) -> None:
    """F6: Alertmanager's pod had the container whose image's name is malformed."""
    patch.setattr(manifests, "BROKEN", {})


def pods_judged(patch: pytest.MonkeyPatch) -> None:
    """F6: nobody held the names of images against Docker's grammar, or that pod's ports against the known ones."""
    patch.setattr(manifests, "unpullable", lambda _: [])
    patch.setattr(services, "contract", lambda *_: [])


def npu_files_as_read(patch: pytest.MonkeyPatch) -> None:
    """F7: the generator wrote what npu-smi prints, and not what job-exporter reads."""
    script = re.sub(r"(?s)(chips|values)='.*?'", rf"\1='{_PLAIN}'", npu_info.SCRIPT)
    patch.setattr(npu_info, "SCRIPT", script)


def own_passwords(patch: pytest.MonkeyPatch) -> None:
    """F8: the administrators' first password and the users' master token were everybody's."""
    patch.setattr(own_secrets, "LINES", {})


MENDS: Final[dict[str, Undo]] = {
    undo.__name__: undo
    for undo in (
        sign_ins_kept,
        nginx_started,
        silent_pods_unscraped,
        standing_alert_known,
        inner_names,
        broken_containers_left_out,
        pods_judged,
        npu_files_as_read,
        own_passwords,
    )
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--without", metavar="MEND,...", default="", help="undo these mends of the suite")


def pytest_configure(config: pytest.Config) -> None:
    patch = pytest.MonkeyPatch()
    for name in config.getoption("--without").split(","):
        MENDS[name](patch)
    config.add_cleanup(patch.undo)
