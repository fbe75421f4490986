"""What dockerd refuses in a daemon.json that is good JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dlws.parse.host import daemon_json, daemon_keys
from dlws.parse.versions import docker
from dlws.verdict import Unknown

USUAL = (20, 10, 24)
VALUES = ("registry-mirrors", "insecure-registries", "labels", "exec-opts", "cgroup-parent", "log-level", "log-format")


def refused(settings: dict[str, Any], version: tuple[int, ...] = USUAL, flags: str = "", **by_flag: str) -> list[str]:
    chosen = {key.replace("_", "-"): value for key, value in by_flag.items()}
    return daemon_keys.refused(settings, version, frozenset(flags.split()), chosen)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"debug": None, "dns": None, "log-opts": None, "runtimes": None},  # encoding/json takes null for nothing
        {"debug": False, "mtu": 1450, "dns": ["192.168.3.1"], "log-opts": {"max-size": "10m", "mode": "non-blocking"}},
        {"log-driver": "syslog", "log-opts": {"syslog-address": "udp://192.168.3.9:514"}},
        {"log-driver": "local", "log-opts": {"max-size": "10m", "compress": "true"}},
        {"default-runtime": "runc"},
        {"default-runtime": "io.containerd.runc.v2"},
        {"default-runtime": "nvidia", "runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}},
        {"node-generic-resources": ["gpu=a"], "storage-opts": [], "tlsverify": True},
        {"insecure-registry": "a flag's name, which dockerd passes over"},
        {"default-ulimits": {"nofile": {"Name": "nofile", "Hard": 1, "Soft": 1}}},
        {"registry-mirrors": ["https://a.example.org/", "http://192.168.3.2:5000"], "log-level": "WARNING"},
        {"log-opts": {"mode": "non-blocking", "max-buffer-size": "4m"}, "default-ipc-mode": None},
        {"log-driver": "none", "log-opts": {"mode": "async"}},
        {"log-opts": {"mode": "blocking"}},
        {"log-opts": {"mode": ""}},
        {"dns": ["192.168.3.1", None], "runtimes": {"a": {"path": None, "runtimeArgs": None}, "b": {"path": "/b"}}},
        {"runtimes": {"kata": {"runtimeType": "io.containerd.kata.v2"}, "a": {"runtimeArgs": ["--debug"]}}},
        {"default-ulimits": {"core": {"Name": "core"}, "nofile": {"Hard": None}}, "default-address-pools": [{}]},
        {"default-address-pools": [{"base": "172.30.0.0/16", "size": 24}]},
    ],
)
def test_what_dockerd_takes(settings: dict[str, Any]) -> None:
    assert refused(settings) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"debug": "true"}', "debug is no true or false"),
        ('{"debug": 1}', "debug is no true or false"),
        ('{"mtu": true}', "mtu is no whole number"),
        ('{"mtu": 1450.5}', "mtu is no whole number"),
        ('{"bip": 5}', "bip is no text"),
        ('{"dns": "192.168.3.1"}', "dns is no list of texts"),
        ('{"dns": [8]}', "dns is no list of texts"),
        ('{"log-opts": ["max-size=10m"]}', "log-opts is no object of texts"),
        ('{"runtimes": ["runc"]}', "runtimes is no object of runtimes"),
        ('{"features": {"buildkit": "true"}}', "features is no object of true and false"),
        ('{"default-ulimits": {"nofile": "65535"}}', "default-ulimits is no object of limits"),
        ('{"default-ulimits": {"nofile": {"Hard": "65535"}}}', "default-ulimits is no object of limits"),
        ('{"default-address-pools": [{"base": "172.30.0.0/16", "size": "24"}]}', "default-address-pools is no list of"),
        ('{"default-address-pools": {"base": "172.30.0.0/16"}}', "base is no key of it"),  # not flat: taken apart
        ('{"builder": []}', "builder is no object"),
        ('{"runtimes": {"a": {"path": 1}}}', "runtimes is no object of runtimes"),
        ('{"proxy": {"http-proxy": "x"}}', "http-proxy is a key of newer versions"),
        ('{"runtimes": {"a": {"path": 0}}}', "runtimes is no object of runtimes"),
        ('{"runtimes": {"a": {"runtimeArgs": "--debug"}}}', "runtimes is no object of runtimes"),
        ('{"runtimes": [{"path": "/a"}]}', "runtimes is no object of runtimes"),
        ('{"default-ulimits": {"nofile": {"Soft": "65535"}}}', "default-ulimits is no object of limits"),
        ('{"default-address-pools": [{"base": 172}]}', "default-address-pools is no list of pools"),
        ('{"tls-verify": true}', "tls-verify is no key of it"),
        ('{"registry-mirrors": ["harbor.atlas.cn:8443"]}', "registry-mirrors has one that is no http:// or https://"),
        ('{"registry-mirrors": ["https://a", "https://u:pw@b"]}', "registry-mirrors has one with a user"),
        ('{"registry-mirrors": ["https://[::1"]}', "registry-mirrors has one that is no http:// or https://"),
        ('{"registry-mirrors": ["https:///a"]}', "registry-mirrors has one that is no http:// or https://"),
        ('{"registry-mirrors": ["https://a/?x"]}', "registry-mirrors has one with a query"),
        ('{"registry-mirrors": ["https://a/#x"]}', "registry-mirrors has one with a query"),
        ('{"registry-mirrors": [" https://a"]}', "registry-mirrors has one that is no http:// or https://"),
        ('{"registry-mirrors": ["https://a b"]}', "registry-mirrors has one that is no http:// or https://"),
        ('{"registry-mirrors": ["https://a/\\n"]}', "registry-mirrors has one that is no http:// or https://"),
        ('{"registry-mirrors": ["ftp://a"]}', "registry-mirrors has one that is no http:// or https://"),
        ('{"log-level": 5}', "log-level is no text"),
        ('{"log-level": "verbose"}', "log-level is no level"),
        ('{"log-opts": {"mode": "async"}}', "log-opts has a mode that is neither blocking nor non-blocking"),
        ('{"log-opts": {"max-buffer-size": "4m"}}', "log-opts has max-buffer-size without mode=non-blocking"),
    ],
)
def test_what_dockerd_refuses(text: str, said: str) -> None:
    [found, *more] = refused(json.loads(text))
    assert found.startswith(said)
    assert not more


@pytest.mark.parametrize(
    ("key", "value", "version", "takes"),
    [
        ("http-proxy", "http://192.168.3.1:3128", (23, 0, 6), True),
        ("ip6tables", True, (19, 3, 12), False),
        ("ip6tables", False, (20, 10, 0), True),
        ("cluster-store", "etcd://a", (20, 10, 24), True),
        ("cluster-store", "etcd://a", (23, 0), False),
        ("oom-score-adjust", -500, (24, 0, 9), True),
        ("oom-score-adjust", -500, (25, 0, 3), False),
        ("min-api-version", "1.24", (28, 5, 2), False),
        ("firewall-backend", "iptables", (28, 5, 2), False),
        ("bridge-accept-fwmark", "1", (28, 5, 2), False),
        ("allow-direct-routing", True, (28, 1, 1), False),
        ("allow-direct-routing", True, (28, 2, 0), True),
        ("api-cors-header", "*", (27, 5, 1), True),
        ("api-cors-header", "*", (28, 0, 0), False),
        ("log-format", "json", (24, 0, 9), False),
        ("log-format", "json", (25, 0, 0), True),
        ("nri-opts", {"enable": True, "socket-path": "/var/run/nri/nri.sock"}, (29, 2, 0), True),
        ("nri-opts", {"enable": True}, (29, 1, 5), False),
        ("default-stop-timeout", 30, (29, 7, 0), True),
        ("default-stop-timeout", 30, (29, 6, 2), False),
    ],
)
def test_keys_come_and_go(key: str, value: object, version: tuple[int, ...], *, takes: bool) -> None:
    assert (refused({key: value}, version) == []) is takes


@pytest.mark.parametrize(
    ("key", "value", "version", "takes"),
    [
        ("registry-mirrors", ["https://harbor.atlas.cn/proxy/"], (24, 0, 9), False),
        ("registry-mirrors", ["https://harbor.atlas.cn/proxy/"], (25, 0, 0), True),
        ("log-level", "warning", (24, 0, 9), True),
        ("log-level", "warning", (25, 0, 5), False),
        ("log-level", "Warn", (29, 0, 0), True),
        ("log-level", "trace", (18, 9, 9), False),
        ("log-level", "trace", (19, 3, 15), True),
        ("exec-opts", ["native.umask=normal"], (18, 9, 0), True),
        ("exec-opts", ["native.umask=normal", "native.cgroupdriver=systemd"], (28, 0, 0), False),
        ("exec-opts", [" Native.CgroupDriver = systemd"], (28, 0, 0), True),
        ("exec-opts", ["native.cgroupdriver"], (28, 0, 0), False),
        ("log-format", "logfmt", (25, 0, 0), False),
        ("log-format", "", (25,), True),
        ("log-format", "text", (25,), True),
        ("registry-mirrors", ["https://harbor.atlas.cn/proxy/"], (25,), True),
        ("log-level", "warning", (25,), False),
        ("log-level", "trace", (19, 3), True),
        ("log-level", "trace", (19, 2), False),
        ("exec-opts", ["native.umask=normal"], (28,), False),
        ("exec-opts", ["native.cgroupdriver=a=b"], (28,), True),
        ("host-gateway-ips", ["192.168.3.1"], (28, 0, 0), True),
        ("dns", ["fe80::1%eno1"], (28, 5, 2), False),
        ("dns", ["fe80::1%eno1"], (29,), True),
        ("dns", [" 192.168.3.1 "], (28, 5, 2), True),
        ("dns", [" 192.168.3.1 "], (29,), False),
        ("registry-mirrors", ["https://harbor.atlas.cn/a b"], (25,), True),
        ("ip6tables", True, (26, 1, 4), False),
        ("ip6tables", True, (27, 0, 1), True),
        ("max-download-attempts", 0, (20, 10, 24), False),
        ("max-download-attempts", 1, (20, 10, 24), True),
        ("max-download-attempts", 0, (23, 0), True),
        ("max-download-attempts", -1, (23, 0), False),
        ("mtu", -1, (20, 10, 24), True),
        ("mtu", -1, (23, 0), False),
        ("mtu", 0, (23, 0), True),
    ],
)
def test_values_come_and_go(key: str, value: object, version: tuple[int, ...], *, takes: bool) -> None:
    assert (refused({key: value}, version) == []) is takes


@pytest.mark.parametrize(
    ("registry", "takes"),
    [
        ("harbor.atlas.cn:5000", True),
        ("HTTP://harbor.atlas.cn:5000", True),
        ("10.0.0.0/8", True),
        ("10.1.2.3/8", True),
        ("10.0.0.1/255.0.0.0", False),
        ("[fd00::1]:5000", True),
        ("fd00::1", True),
        ("harbor", True),
        ("harbor.atlas.cn:5000/dlws", False),
        ("https://harbor.atlas.cn/", False),
        ("oci://harbor.atlas.cn", False),
        ("my_harbor:5000", False),
        ("*.atlas.cn", False),
        ("harbor:65535", True),
        ("harbor:65536", False),
        ("https://https://harbor", False),
        ("harbor-", False),
        ("10.0.0.0/33", False),
    ],
)
def test_insecure_registries_are_hosts_or_ranges(registry: str, *, takes: bool) -> None:
    found = refused({"insecure-registries": ["192.168.3.2:5000", registry]})
    assert found == ([] if takes else ["insecure-registries has one that is no host, host:port or range"])


@pytest.mark.parametrize(
    "text",
    [
        '{"labels": ["zone=a"]}',
        '{"labels": ["zone=a", "zone=a", "rack=a"]}',
        '{"icc": false}',
        '{"max-concurrent-downloads": 0, "max-concurrent-uploads": 0}',
        '{"node-generic-resources": ["gpu=GPU-d53fc9bd"]}',
        '{"iptables": false}',
        '{"exec-opts": ["native.cgroupdriver=systemd"]}',
        '{"exec-opts": ["native.cgroupdriver=systemd"], "cgroup-parent": "dlws.slice"}',
        '{"exec-opts": ["native.cgroupdriver=cgroupfs"], "cgroup-parent": "/docker"}',
    ],
)
def test_values_that_every_version_takes(text: str) -> None:
    assert refused(json.loads(text)) == []


def test_ip6tables_was_experimental_up_to_26() -> None:
    said = "ip6tables is true without experimental, which Docker asks for up to 26"
    assert refused({"ip6tables": True}, (26, 1, 4)) == [said]
    assert refused({"ip6tables": True, "experimental": True}, (20, 10, 24)) == []


def test_what_is_no_number_is_below_none() -> None:
    assert refused({"max-download-attempts": 0}, (20, 10, 24)) == ["max-download-attempts is below 1"]
    assert refused({"max-download-attempts": False}, (20, 10, 24)) == ["max-download-attempts is no whole number"]


def test_a_bridge_excludes_its_own_ipv6_range() -> None:
    assert refused({"bridge": "none", "bip6": "fd00::1/64"}, (28,)) == ["bridge and bip6 exclude each other"]


@pytest.mark.parametrize("version", [(18, 9, 9), (29, 7, 0)])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"labels": ["zone=a", "gpu"]}', "labels has one without ="),
        ('{"labels": ["zone=a", "zone=b=c"]}', "labels has one key with two values"),
        ('{"dns": ["ns1.atlas.cn"]}', "dns has one that is no address"),
        ('{"node-generic-resources": ["gpu"]}', "node-generic-resources has one without ="),
        ('{"max-concurrent-downloads": -1}', "max-concurrent-downloads is below 0"),
        ('{"max-concurrent-uploads": -10}', "max-concurrent-uploads is below 0"),
        ('{"bridge": "none", "bip": "172.17.0.1/16"}', "bridge and bip exclude each other"),
        ('{"iptables": false, "icc": false}', "icc is false without iptables"),
        ('{"exec-opts": ["native.cgroupdriver=systemd"], "cgroup-parent": "/docker"}', "cgroup-parent is no slice"),
    ],
)
def test_values_that_no_version_takes(text: str, said: str, version: tuple[int, ...]) -> None:
    assert refused(json.loads(text), version) == [said]


@pytest.mark.parametrize(
    ("keys", "without", "first"),
    [
        ("default-cgroupns-mode host-gateway-ip ip6tables max-download-attempts", "19.03.15", "20.10.0"),
        ("http-proxy https-proxy no-proxy", "20.10.27", "23.0.0"),
        ("default-network-opts", "23.0.18", "24.0.0"),
        ("cdi-spec-dirs log-format", "24.0.9", "25.0.0"),
        ("bip6 host-gateway-ips ip-forward-no-drop", "27.5.1", "28.0.0"),
        ("allow-direct-routing", "28.1.1", "28.2.0"),
        ("bridge-accept-fwmark firewall-backend min-api-version", "28.5.2", "29.0.0"),
    ],
)
def test_a_key_comes_with_its_version(keys: str, without: str, first: str) -> None:
    named = dict.fromkeys(keys.split())
    assert refused(named, docker(without).numbers) == [f"{key} is a key of newer versions" for key in named]
    assert refused(named, docker(first).numbers) == []


@pytest.mark.parametrize(
    ("keys", "last", "without"),
    [
        ("disable-legacy-registry", "18.09.9", "18.10.0"),
        ("cluster-advertise cluster-store cluster-store-opts graph", "20.10.27", "20.11.0"),
        ("oom-score-adjust", "24.0.9", "24.1.0"),
        ("api-cors-header", "27.5.1", "27.6.0"),
    ],
)
def test_a_key_goes_with_its_version(keys: str, last: str, without: str) -> None:
    named = dict.fromkeys(keys.split())
    assert refused(named, docker(last).numbers) == []
    assert refused(named, docker(without).numbers) == [f"{key} is a key of older versions" for key in named]


@pytest.mark.parametrize(
    ("driver", "own", "others"),
    [
        ("json-file", "max-file max-size compress labels labels-regex env env-regex tag", "syslog-address"),
        ("local", "max-file max-size compress", "labels tag"),
        ("journald", "labels labels-regex env env-regex tag", "max-file max-size compress"),
    ],
)
def test_each_log_driver_has_its_own_options(driver: str, own: str, others: str) -> None:
    every = "cache-compress cache-disabled cache-max-file cache-max-size"
    settings = {"log-driver": driver, "log-opts": dict.fromkeys(f"{own} {every} {others}".split(), "x")}
    assert refused(settings) == [f"log-opts has {name}, no option of {driver}" for name in others.split()]


@pytest.mark.parametrize("level", ["", "panic", "fatal", "error", "warn", "warning", "info", "debug", "trace"])
def test_what_is_a_level(level: str) -> None:
    assert refused({"log-level": level}) == []


def test_what_flags_say_is_not_doubted() -> None:
    assert refused({"default-runtime": "kata"}) == ["default-runtime kata is not among the runtimes"]
    assert refused({"default-runtime": "kata"}, flags="H add-runtime") == []
    assert refused({"log-opts": {"syslog-address": "x"}}) == ["log-opts has syslog-address, no option of json-file"]
    assert refused({"log-opts": {"syslog-address": "x"}}, log_driver="syslog") == []


def test_what_a_flag_chooses_has_to_fit_the_file() -> None:
    assert refused({"log-opts": {"max-size": "1m"}}, log_driver="journald") == [
        "log-opts has max-size, no option of journald"
    ]
    assert refused({}, default_runtime="nvidia") == ["default-runtime nvidia is not among the runtimes"]
    assert refused({}, flags="add-runtime", default_runtime="nvidia") == []
    assert refused({"runtimes": {"nvidia": {"path": "/n"}}}, default_runtime="nvidia") == []


def test_any_value_is_judged() -> None:
    every = ("debug", "mtu", "bip", "dns", "log-opts", "runtimes", "features", "default-ulimits", "builder")
    for value in (0, "", [0], [[]], {"a": 0}, {"a": {"b": [0]}}):
        refused(dict.fromkeys((*every, *VALUES, "default-runtime", "log-driver", "default-address-pools"), value))


def test_every_key_that_stands_for_a_flag_is_known() -> None:
    flags = [
        "--host=a",
        "--log-opt",
        "-g",
        "--dns-opt",
        "--insecure-registry",
        "--label",
        "--default-ulimit",
        "--feature",
        "--nri-opts",
    ]
    assert refused(dict.fromkeys(daemon_json.keys_of_flags(flags)), (29, 7, 0)) == ["graph is a key of older versions"]


def test_a_newer_docker_may_have_newer_keys() -> None:
    assert refused({"min-api-version": "1.24"}, (29, 1, 2)) == refused({"min-api-version": "1.24"}, (30, 0, 0)) == []
    assert refused({"brand-new": True}, (29, 1, 2)) == ["brand-new is no key of it"]
    with pytest.raises(Unknown, match="brand-new may be a key of Docker 30; known are those up to 29"):
        refused({"brand-new": True}, (30, 0, 0))
