"""`docker info -f '{{json .}}'`: the daemon's own account of itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from dlws.parse.text import clean, unparsable

SOURCE = "docker info"


@dataclass(frozen=True, slots=True)
class DockerInfo:
    """`runtimes` maps a name to the path of its binary; `architecture` is the kernel's word (aarch64)."""

    server_version: str
    cgroup_driver: str
    storage_driver: str
    default_runtime: str
    runtimes: dict[str, str]
    root_dir: str
    architecture: str
    warnings: tuple[str, ...]
    types_of_files: bool | None = None
    """Whether the storage driver's file system notes them (`Supports d_type`); None where the driver does not say."""
    mirrors: tuple[str, ...] | None = None
    """None where nothing is said of registries."""
    insecure: tuple[str, ...] = ()
    """Registries that are asked without TLS, and networks in which all are."""


def parse(text: str) -> DockerInfo:
    """The one JSON object. A client without a daemon still prints one, of empty words: Unparsable."""
    start = next((line for line in clean(SOURCE, text).split("\n") if line.lstrip().startswith("{")), "")
    try:
        found = json.loads(start)
    except (ValueError, RecursionError) as error:
        raise unparsable(SOURCE, start or text) from error
    if found.get("ServerErrors"):
        raise unparsable(SOURCE, "; ".join(map(str, found["ServerErrors"])), "the daemon does not answer")
    runtimes = _typed(found, "Runtimes", dict)
    registries = found.get("RegistryConfig") or {}
    if not isinstance(registries, dict):
        raise unparsable(SOURCE, f"RegistryConfig={registries!r}")
    warnings = found.get("Warnings") or []
    if not isinstance(warnings, list):
        raise unparsable(SOURCE, f"Warnings={warnings!r}")
    return DockerInfo(
        server_version=_word(found, "ServerVersion"),
        cgroup_driver=_word(found, "CgroupDriver"),
        storage_driver=_word(found, "Driver"),
        default_runtime=_word(found, "DefaultRuntime"),
        runtimes={str(name): _path(runtime) for name, runtime in runtimes.items()},
        root_dir=_word(found, "DockerRootDir"),
        architecture=_word(found, "Architecture"),
        warnings=tuple(str(warning) for warning in warnings),
        types_of_files=_types_of_files(found.get("DriverStatus") or []),
        mirrors=tuple(map(str, registries.get("Mirrors") or ())) if registries else None,
        insecure=(*map(str, registries.get("InsecureRegistryCIDRs") or ()), *_insecure(registries)),
    )


def _types_of_files(status: Any) -> bool | None:
    said = {"true": True, "false": False}
    pairs = [pair for pair in status if isinstance(pair, list)] if isinstance(status, list) else []
    found = [said.get(str(pair[1])) for pair in pairs if len(pair) == 2 and pair[0] == "Supports d_type"]
    return found[0] if found else None


def _insecure(registries: dict[str, Any]) -> list[str]:
    configs = registries.get("IndexConfigs") or {}
    if not isinstance(configs, dict):
        raise unparsable(SOURCE, f"IndexConfigs={configs!r}")
    return [str(name) for name, config in configs.items() if isinstance(config, dict) and config.get("Secure") is False]


def _typed(found: dict[str, Any], key: str, kind: type) -> Any:
    value = found.get(key)
    if not isinstance(value, kind) or not value:
        raise unparsable(SOURCE, f"{key}={value!r}")
    return value


def _word(found: dict[str, Any], key: str) -> str:
    return str(_typed(found, key, str))


def _path(runtime: Any) -> str:
    """A runtime registered by its shim alone (`runtimeType`, docker 23 on) has no path."""
    if not isinstance(runtime, dict):
        raise unparsable(SOURCE, f"Runtimes: {runtime!r}")
    return str(runtime.get("path") or runtime.get("runtimeType") or "")
