"""What of a daemon.json dockerd refuses when it starts, though it is good JSON.

Sources: moby's daemon/config/config.go and config_linux.go (keys, types, `findConfigurationConflicts`, `Validate`),
cmd/dockerd/config*.go (flags) and daemon/logger/factory.go, of 18.09 to 29.7; docker/cli docs/deprecated.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from dlws.parse.host import daemon_values
from dlws.verdict import Unknown

Version = tuple[int, ...]

_FLAT: Final = frozenset(
    "cluster-store-opts default-network-opts log-opts runtimes default-ulimits features builder"  # noqa: SIM905
    " nri-opts".split()
)
"""Keys whose object is a value; that of any other key (`proxies`) is a group of further keys."""
_TEXTS: Final = (
    "api-cors-header bip bip6 bridge bridge-accept-fwmark cgroup-parent cluster-advertise cluster-store containerd"
    " containerd-namespace data-root default-cgroupns-mode default-gateway default-gateway-v6 default-ipc-mode"
    " default-runtime default-shm-size deprecated-key-path exec-root firewall-backend fixed-cidr fixed-cidr-v6 graph"
    " group host-gateway-ip http-proxy https-proxy init-path ip log-driver log-format log-level metrics-addr"
    " min-api-version no-proxy pidfile seccomp-profile storage-driver swarm-default-advertise-addr tlscacert tlscert"
    " tlskey userland-proxy-path userns-remap"
)
_SWITCHES: Final = (
    "allow-direct-routing cri-containerd debug disable-legacy-registry experimental icc init ip-forward"
    " ip-forward-no-drop ip-masq ip6tables iptables ipv6 live-restore no-new-privileges raw-logs rootless"
    " selinux-enabled tls tlsverify userland-proxy"
)
_NUMBERS: Final = (
    "cpu-rt-period cpu-rt-runtime default-stop-timeout max-concurrent-downloads max-concurrent-uploads"
    " max-download-attempts mtu network-control-plane-mtu network-diagnostic-port oom-score-adjust shutdown-timeout"
    " swarm-raft-election-tick swarm-raft-heartbeat-tick"
)
_LISTS: Final = (
    "allow-nondistributable-artifacts authorization-plugins cdi-spec-dirs dns dns-opts dns-search exec-opts"
    " host-gateway-ips hosts insecure-registries labels node-generic-resources registry-mirrors storage-opts"
)
_IGNORED: Final = (
    "add-runtime authorization-plugin cdi-spec-dir cluster-store-opt compression-threads config-file"
    " containerd-plugins-namespace default-address-pool default-network-opt default-ulimit dns-opt exec-opt feature"
    " help host insecure-registry label log-opt node-generic-resource registry-mirror restart storage-opt validate"
    " version"
)
"""Flags that are no keys: dockerd takes their names for known ones, and does nothing of what they say. openEuler's
Docker has compression-threads."""
NEWEST: Final = 29
"""The last major version of Docker whose keys are in these tables."""
SINCE: Final[Mapping[str, Version]] = {
    **dict.fromkeys(("default-cgroupns-mode", "host-gateway-ip", "ip6tables", "max-download-attempts"), (20,)),
    **dict.fromkeys(("http-proxy", "https-proxy", "no-proxy"), (23,)),
    "default-network-opts": (24,),
    **dict.fromkeys(("cdi-spec-dirs", "log-format"), (25,)),
    **dict.fromkeys(("bip6", "host-gateway-ips", "ip-forward-no-drop"), (28,)),
    "allow-direct-routing": (28, 2),
    **dict.fromkeys(("bridge-accept-fwmark", "firewall-backend", "min-api-version"), (29,)),
    "nri-opts": (29, 2),
    "default-stop-timeout": (29, 7),
}
"""By key, the first Docker that may have it."""
UNTIL: Final[Mapping[str, Version]] = {
    "disable-legacy-registry": (18, 9),
    **dict.fromkeys(("cluster-advertise", "cluster-store", "cluster-store-opts", "graph"), (20, 10)),
    "oom-score-adjust": (24, 0),
    "api-cors-header": (27, 5),
}
"""By key, the last Docker that has it."""
LOG_OPTIONS: Final[Mapping[str, frozenset[str]]] = {
    "json-file": frozenset(("max-file", "max-size", "compress", "labels", "labels-regex", "env", "env-regex", "tag")),
    "local": frozenset(("max-file", "max-size", "compress")),
    "journald": frozenset(("labels", "labels-regex", "env", "env-regex", "tag")),
}
"""By driver, its own options. Other drivers write to a server, and have too many to be named here."""
_EVERY_DRIVERS: Final = frozenset(
    ("mode", "max-buffer-size", "cache-compress", "cache-disabled", "cache-max-file", "cache-max-size")
)
_STOCK: Final = "runc"


def refused(
    settings: Mapping[str, Any], version: Version, flags: frozenset[str], chosen: Mapping[str, str]
) -> list[str]:
    """What dockerd of that version does not start with: `["log-opts is no object of texts"]`.

    `flags` are those that it is given besides the file, without their values: `{"add-runtime"}`. `chosen` is what flags
    say in the place of `default-runtime` and `log-driver`. Values are not named: one may hold a password. Raises
    Unknown for a key that is in no table here, of a Docker newer than the tables.
    """
    both = {**settings, **chosen}
    return [
        *_of_keys(settings, version),
        *daemon_values.refused(settings, version),
        *_of_runtimes(both, flags),
        *_of_logs(both),
    ]


def _of_keys(settings: Mapping[str, Any], version: Version) -> Iterator[str]:
    for key, value in _flattened(settings):
        if key not in _KNOWN and version[0] > NEWEST:
            raise Unknown(f"daemon.json: {key} may be a key of Docker {version[0]}; known are those up to {NEWEST}")
        if key not in _KNOWN:
            yield f"{key} is no key of it"
        elif version < SINCE.get(key, ()):
            yield f"{key} is a key of newer versions"
        elif key in UNTIL and version[:2] > UNTIL[key]:
            yield f"{key} is a key of older versions"
        elif value is not None and not _KNOWN[key][1](value):
            yield f"{key} is no {_KNOWN[key][0]}"


def _flattened(settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, dict) and key not in _FLAT:
            yield from value.items()
        else:
            yield key, value


def _of_runtimes(settings: Mapping[str, Any], flags: frozenset[str]) -> Iterator[str]:
    runtimes, chosen = _object(settings, "runtimes"), str(settings.get("default-runtime") or _STOCK)
    if _STOCK in runtimes:
        yield f"runtimes has {_STOCK}, a name that is reserved"
    is_shim = any(mark in chosen for mark in "./")  # io.containerd.runc.v2, or the path of one
    if chosen != _STOCK and not is_shim and chosen not in runtimes and "add-runtime" not in flags:
        yield f"default-runtime {chosen} is not among the runtimes"


def _of_logs(settings: Mapping[str, Any]) -> Iterator[str]:
    options, driver = _object(settings, "log-opts"), str(settings.get("log-driver") or "json-file")
    if driver == "none":
        return
    if options.get("mode") not in (None, "", "blocking", "non-blocking"):
        yield "log-opts has a mode that is neither blocking nor non-blocking"
    elif "max-buffer-size" in options and options.get("mode") != "non-blocking":
        yield "log-opts has max-buffer-size without mode=non-blocking"
    if driver not in LOG_OPTIONS:
        return
    known = LOG_OPTIONS[driver] | _EVERY_DRIVERS
    yield from (f"log-opts has {name}, no option of {driver}" for name in options if name not in known)


def _object(settings: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = settings.get(key)
    return value if isinstance(value, dict) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool)


def _or_null(fits: Callable[[Any], bool], value: Any) -> bool:
    """Whether a value fits; null stands for one that is not there (encoding/json)."""
    return value is None or fits(value)


def _each(kind: type, fits: Callable[[Any], bool], value: Any) -> bool:
    """Whether it is a list, or an object, of values that fit."""
    parts = value.values() if isinstance(value, dict) else value
    return isinstance(value, kind) and all(_or_null(fits, part) for part in parts)


def _is_runtime(value: Any) -> bool:
    fits = isinstance(value, dict) and _or_null(_is_text, value.get("path"))
    return fits and _or_null(_TEXT_LIST, value.get("runtimeArgs"))


def _is_limit(value: Any) -> bool:
    return isinstance(value, dict) and all(_or_null(_is_number, value.get(key)) for key in ("Hard", "Soft"))


def _is_pool(value: Any) -> bool:
    fits = isinstance(value, dict) and _or_null(_is_text, value.get("base"))
    return fits and _or_null(_is_number, value.get("size"))


_TEXT_LIST: Final = partial(_each, list, _is_text)
_KNOWN: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    **dict.fromkeys(_TEXTS.split(), ("text", _is_text)),
    **dict.fromkeys(_SWITCHES.split(), ("true or false", _is_switch)),
    **dict.fromkeys(_NUMBERS.split(), ("whole number", _is_number)),
    **dict.fromkeys(_LISTS.split(), ("list of texts", _TEXT_LIST)),
    **dict.fromkeys(("cluster-store-opts", "log-opts"), ("object of texts", partial(_each, dict, _is_text))),
    "features": ("object of true and false", partial(_each, dict, _is_switch)),
    "runtimes": ("object of runtimes", partial(_each, dict, _is_runtime)),
    "default-ulimits": ("object of limits", partial(_each, dict, _is_limit)),
    "default-address-pools": ("list of pools", partial(_each, list, _is_pool)),
    **dict.fromkeys(("builder", "default-network-opts", "nri-opts"), ("object", lambda value: isinstance(value, dict))),
    **dict.fromkeys(_IGNORED.split(), ("anything", lambda _: True)),
}
"""By key, the word for the type that its value has to have, and whether a value has it."""
