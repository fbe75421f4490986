"""What `docker info` says of registries, of the storage driver and of a daemon that does not answer (17.06 to 27)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dlws.parse.host import docker_info
from dlws.verdict import Unparsable

INFO: dict[str, Any] = {
    "ServerVersion": "20.10.24",
    "CgroupDriver": "systemd",
    "Driver": "overlay2",
    "DriverStatus": [["Backing Filesystem", "extfs"], ["Supports d_type", "true"]],
    "DefaultRuntime": "runc",
    "Runtimes": {"runc": {"path": "runc"}},
    "DockerRootDir": "/var/lib/docker",
    "Architecture": "aarch64",
    "RegistryConfig": {
        "InsecureRegistryCIDRs": ["127.0.0.0/8"],
        "IndexConfigs": {"docker.io": {"Secure": True}, "harbor.example:8443": {"Secure": False}, "odd": None},
        "Mirrors": ["https://mirror.example/"],
    },
}


def parsed(**values: Any) -> docker_info.DockerInfo:
    return docker_info.parse(json.dumps(INFO | values))


def test_registries_without_tls_are_networks_and_names() -> None:
    found = parsed()
    assert found.insecure == ("127.0.0.0/8", "harbor.example:8443")
    assert found.mirrors == ("https://mirror.example/",)


def test_what_a_docker_does_not_say_is_what_it_was_before() -> None:
    found = parsed()
    assert (found.cgroup_version, found.log_driver) == ("1", "json-file")
    assert (found.proxies, found.no_proxy) == ((), "")


def test_what_a_new_docker_says() -> None:
    found = parsed(CgroupVersion="2", LoggingDriver="local", HttpProxy="", HttpsProxy="http://x", NoProxy=".svc")
    assert (found.cgroup_version, found.log_driver) == ("2", "local")
    assert (found.proxies, found.no_proxy) == (("https_proxy",), ".svc")
    assert parsed(HttpProxy="http://x").proxies == ("http_proxy",)


@pytest.mark.parametrize("nothing", [None, {}])
def test_a_daemon_may_say_nothing_of_registries(nothing: Any) -> None:
    found = parsed(RegistryConfig=nothing)
    assert (found.mirrors, found.insecure) == (None, ())
    empty = {"InsecureRegistryCIDRs": nothing, "IndexConfigs": nothing, "Mirrors": nothing}
    found = parsed(RegistryConfig=empty)
    assert (found.mirrors, found.insecure) == ((), ())


@pytest.mark.parametrize(
    ("status", "known"),
    [
        ([["Supports d_type", "true"]], True),
        ([["Supports d_type", "false"], ["Supports d_type", "true"]], False),
        ([["Backing Filesystem", "xfs"], ["Supports d_type", "false"]], False),
        ([["Supports d_type", "maybe"]], None),
        ([["Supports d_type", "true", "x"], ["Supports d_type"], "Supports d_type", 5], None),
        ([["Native Overlay Diff", "true"]], None),
        ([], None),
        (None, None),
        ("Supports d_type", None),
    ],
)
def test_a_file_system_supports_d_type_or_does_not_say(status: Any, known: bool | None) -> None:
    assert parsed(DriverStatus=status).types_of_files is known


def test_a_runtime_without_a_path_has_none() -> None:
    assert parsed(Runtimes={"runc": {}}).runtimes == {"runc": ""}


@pytest.mark.parametrize(
    ("address", "lacks"), [("http://0.0.0.0:2375", "encryption"), ("https://[::]:2376", "TLS client verification")]
)
def test_a_daemon_that_obeys_whoever_connects_says_where(address: str, lacks: str) -> None:
    warning = f"WARNING: API is accessible on {address} without {lacks}.\n         Access to the remote API is ..."
    assert parsed(Warnings=["WARNING: No swap limit support", warning]).open_to == [address]


@pytest.mark.parametrize(
    "values",
    [
        {"ServerErrors": ["permission denied"]},
        {"RegistryConfig": ["127.0.0.0/8"]},
        {"RegistryConfig": {"IndexConfigs": ["docker.io"]}},
        {"ServerVersion": ""},
        {"ServerVersion": 20},
        {"Runtimes": {}},
        {"Runtimes": ["runc"]},
    ],
)
def test_an_answer_of_another_form_is_unknown(values: dict[str, Any]) -> None:
    with pytest.raises(Unparsable, match="docker info"):
        parsed(**values)
