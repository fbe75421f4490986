"""docker info and daemon.json."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlws.parse.host import daemon_json, docker_info
from dlws.verdict import Unparsable

DATA = Path(__file__).parents[2] / "data/parse"
# Recorded: Docker 20.10.24 (Debian 12), names and runtimes changed; and client 28.2 without a daemon.
INFO = (DATA / "docker_info_20.10.json").read_text()
NO_DAEMON = (DATA / "docker_info_no_daemon.json").read_text()


@pytest.mark.parametrize("text", [INFO, "WARNING: No swap limit support\r\n" + INFO])
def test_docker_info_says_what_it_runs_with(text):
    found = docker_info.parse(text)
    assert (found.server_version, found.cgroup_driver, found.storage_driver) == (
        "20.10.24+dfsg1",
        "cgroupfs",
        "overlay2",
    )
    assert (found.default_runtime, found.runtimes["nvidia"]) == ("nvidia", "nvidia-container-runtime")
    assert (found.architecture, found.root_dir, found.warnings) == ("x86_64", "/var/lib/docker", ())


def test_a_runtime_known_by_its_shim_alone_is_kept():
    text = INFO.replace('"path":"nvidia-container-runtime"', '"runtimeType":"io.containerd.kata.v2"')
    assert docker_info.parse(text).runtimes["nvidia"] == "io.containerd.kata.v2"


@pytest.mark.parametrize(
    "text",
    [
        "",
        NO_DAEMON,
        INFO[:900],
        "[" * 100_000,
        '{"a":' * 100_000,
        json.dumps({"ServerErrors": ["Cannot connect to the Docker daemon"]}),
        INFO.replace('"Warnings":null', '"Warnings":5'),
        INFO.replace('{"path":"runc"}', "null"),
        "docker: 'infx' is not a docker command.",
    ],
)
def test_docker_info_without_a_daemon_or_cut_off_is_unknown(text):
    with pytest.raises(Unparsable):
        docker_info.parse(text)


NVIDIA = {
    "default-runtime": "nvidia",
    "runtimes": {"nvidia": {"path": "nvidia-container-runtime", "runtimeArgs": []}},
}
EXISTING = """\
{
  "registry-mirrors": ["https://mirror.example"],
  "runtimes": {"kata": {"path": "/usr/bin/kata"}},
  "default-runtime": "runc"
}
"""


def test_merging_keeps_every_other_key():
    assert json.loads(daemon_json.merge(EXISTING, NVIDIA)) == {
        "registry-mirrors": ["https://mirror.example"],
        "runtimes": {"kata": {"path": "/usr/bin/kata"}, **NVIDIA["runtimes"]},
        "default-runtime": "nvidia",
    }


@pytest.mark.parametrize("text", ["", " \r\n"])
def test_a_missing_file_becomes_what_is_wanted(text):
    assert json.loads(daemon_json.merge(text, NVIDIA)) == NVIDIA
    assert daemon_json.merge(text, {}) == "{}\n"


def test_a_file_that_has_it_all_comes_back_byte_for_byte():
    text = json.dumps(NVIDIA, indent=7)
    assert daemon_json.merge(text, {"default-runtime": "nvidia"}) == text


def test_true_is_not_one():
    assert daemon_json.merge('{"icc": 1}', {"icc": True}) == '{\n    "icc": true\n}\n'


@pytest.mark.parametrize(
    "text",
    [
        EXISTING[:60],
        EXISTING.replace("]", "],"),
        '{"icc": true, "icc": false}',
        '{"runtimes": {"a": {}, "a": {}}}',
        '["nvidia"]',
        '{"a": NaN}',
        '{"a": 1e999}',
        "\ufeff{}",
        "{} {}",
        "{}\0",
        "[" * 100_000,
    ],
)
def test_broken_json_is_never_merged_into(text):
    with pytest.raises(Unparsable):
        daemon_json.merge(text, NVIDIA)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=3), VALUES, max_size=4)


@given(OBJECTS, OBJECTS)
def test_merging_twice_changes_nothing_and_loses_no_key(existing, wanted):
    once = daemon_json.merge(json.dumps(existing), wanted)
    assert daemon_json.merge(once, wanted) == once
    assert set(daemon_json.parse(once)) == {*existing, *wanted}


@given(VALUES)
def test_any_json_is_understood_or_unknown(value):
    text = json.dumps({**json.loads(INFO), "Runtimes": value, "Warnings": value})
    try:
        found = docker_info.parse(text)
    except Unparsable:
        return
    assert set(found.runtimes) == set(value)


@pytest.mark.parametrize(
    ("written", "held"),
    [
        ("http://192.168.8.197:5000", "192.168.8.197:5000"),
        ("HTTPS://harbor.example.org", "harbor.example.org"),
        ("192.168.8.0/16", "192.168.0.0/16"),
        ("harbor.example.org:8443", "harbor.example.org:8443"),
        ("harbor/x", "harbor/x"),
        ("my-http://x", "my-http://x"),
    ],
)
def test_an_insecure_registry_as_dockerd_holds_it(written, held):  # moby registry/config.go, loadInsecureRegistries
    assert daemon_json.insecure_registry(written) == held


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("-H", {"hosts"}),
        ("-Hfd://", {"hosts"}),
        ("--host=fd://", {"hosts"}),
        ("-D -G -b -g -l -p -s", {"debug", "group", "bridge", "graph", "log-level", "pidfile", "storage-driver"}),
        ("--insecure-registry --registry-mirror", {"insecure-registries", "registry-mirrors"}),
        ("--label --log-opt --exec-opt --storage-opt", {"labels", "log-opts", "exec-opts", "storage-opts"}),
        ("--dns --dns-opt --dns-search", {"dns", "dns-opts", "dns-search"}),
        ("--default-ulimit --default-address-pool", {"default-ulimits", "default-address-pools"}),
        ("--data-root --iptables=false --containerd", {"data-root", "iptables", "containerd"}),
        ("--add-runtime --add-runtime=nvidia=/usr/bin/x", set()),
        ("dockerd fd:// -x", set()),
        ("--label a-debug", {"labels"}),
    ],
)
def test_a_flag_of_dockerd_stands_for_a_key_of_the_file(words: str, keys: set[str]) -> None:
    assert daemon_json.keys_of_flags(words.split()) == keys


@pytest.mark.parametrize(
    ("options", "driver"),
    [
        (None, None),
        (1, None),
        (["native.umask=normal"], None),
        (["x=y", "native.cgroupdriver=cgroupfs", "native.cgroupdriver=systemd"], "cgroupfs"),
        (["Native.CgroupDriver=systemd"], "systemd"),
        (["native.cgroupdriver=systemd="], "systemd="),  # dockerd does not start with it
    ],
)
def test_the_file_may_ask_for_a_cgroup_driver(options: object, driver: str | None) -> None:
    assert daemon_json.cgroup_driver({"exec-opts": options}) == driver
