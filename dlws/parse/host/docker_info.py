"""`docker info -f '{{json .}}'`: version, drivers, runtimes and registries of the Docker daemon."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from dlws.parse.text import clean, unparsable

SOURCE = "docker info"
_OPEN = re.compile(r"API is accessible on (\S+) without (?:encryption|TLS client verification)")

_PROXIES = {"HttpProxy": "http_proxy", "HttpsProxy": "https_proxy"}


@dataclass(frozen=True, slots=True)
class DockerInfo:
    """`runtimes` maps a name to the path of its binary; `architecture` is the kernel's name for it (aarch64)."""

    server_version: str
    cgroup_driver: str
    storage_driver: str
    default_runtime: str
    runtimes: dict[str, str]
    root_dir: str
    architecture: str
    warnings: tuple[str, ...]
    types_of_files: bool | None = None
    """Whether the storage driver's file system supports d_type; None if the driver does not report it."""
    mirrors: tuple[str, ...] | None = None
    """None if the daemon reports nothing about registries."""
    insecure: tuple[str, ...] = ()
    """Registries, and networks of registries, that are accessed without TLS."""
    cgroup_version: str = "1"
    """Docker says it from 20.10 on, and before that knows no other."""
    log_driver: str = "json-file"
    proxies: tuple[str, ...] = ()
    """The proxies that it has, `http_proxy`, by environment, flag or daemon.json, without their addresses."""
    no_proxy: str = ""

    @property
    def open_to(self) -> list[str]:
        """Where the daemon obeys whoever connects: `http://0.0.0.0:2375`, as it warns itself (moby's fillAPIInfo)."""
        return [found for warning in self.warnings for found in _OPEN.findall(warning)]


def parse(text: str) -> DockerInfo:
    """The JSON object. Raises Unparsable for the empty one that the client prints when the daemon does not answer."""
    start = next((line for line in clean(SOURCE, text).split("\n") if line.lstrip().startswith("{")), "")
    try:
        info = json.loads(start)
    except (ValueError, RecursionError) as error:
        raise unparsable(SOURCE, start or text) from error
    if info.get("ServerErrors"):
        raise unparsable(SOURCE, "; ".join(map(str, info["ServerErrors"])), "the daemon does not answer")
    runtimes = _typed(info, "Runtimes", dict)
    registries = info.get("RegistryConfig") or {}
    if not isinstance(registries, dict):
        raise unparsable(SOURCE, f"RegistryConfig={registries!r}")
    warnings = info.get("Warnings") or []
    if not isinstance(warnings, list):
        raise unparsable(SOURCE, f"Warnings={warnings!r}")
    return DockerInfo(
        server_version=_word(info, "ServerVersion"),
        cgroup_driver=_word(info, "CgroupDriver"),
        storage_driver=_word(info, "Driver"),
        default_runtime=_word(info, "DefaultRuntime"),
        runtimes={str(name): _path(runtime) for name, runtime in runtimes.items()},
        root_dir=_word(info, "DockerRootDir"),
        architecture=_word(info, "Architecture"),
        warnings=tuple(str(warning) for warning in warnings),
        types_of_files=_types_of_files(info.get("DriverStatus")),
        mirrors=tuple(map(str, registries.get("Mirrors") or ())) if registries else None,
        insecure=(*map(str, registries.get("InsecureRegistryCIDRs") or ()), *_insecure(registries)),
        cgroup_version=str(info.get("CgroupVersion") or "1"),
        log_driver=str(info.get("LoggingDriver") or "json-file"),
        proxies=tuple(name for key, name in _PROXIES.items() if info.get(key)),
        no_proxy=str(info.get("NoProxy") or ""),
    )


def _types_of_files(status: Any) -> bool | None:
    booleans = {"true": True, "false": False}
    pairs = [pair for pair in status if isinstance(pair, list)] if isinstance(status, list) else []
    values = [booleans.get(str(pair[1])) for pair in pairs if len(pair) == 2 and pair[0] == "Supports d_type"]
    return values[0] if values else None


def _insecure(registries: dict[str, Any]) -> list[str]:
    configs = registries.get("IndexConfigs") or {}
    if not isinstance(configs, dict):
        raise unparsable(SOURCE, f"IndexConfigs={configs!r}")
    return [str(name) for name, config in configs.items() if isinstance(config, dict) and config.get("Secure") is False]


def _typed(info: dict[str, Any], key: str, kind: type) -> Any:
    value = info.get(key)
    if not isinstance(value, kind) or not value:
        raise unparsable(SOURCE, f"{key}={value!r}")
    return value


def _word(info: dict[str, Any], key: str) -> str:
    return str(_typed(info, key, str))


def _path(runtime: Any) -> str:
    """The binary of a runtime, or its type: one registered only by its shim (`runtimeType`, since Docker 23)."""
    if not isinstance(runtime, dict):
        raise unparsable(SOURCE, f"Runtimes: {runtime!r}")
    return str(runtime.get("path") or runtime.get("runtimeType") or "")
