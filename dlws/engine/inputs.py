"""The inputs of a run: the cluster, the waivers, the date. Kept in the run's folder, so that a replay has the same.

Secrets are masked, as in the evidence; a replay needs none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import TypeAdapter, ValidationError

from dlws.config.cluster import Cluster
from dlws.config.finding import KeyPath
from dlws.config.validation import is_for_templates, is_secret, settings_of
from dlws.engine.waivers import Waiver, Waivers
from dlws.record import regular_file, strict_json
from dlws.record.redaction import MASK, Redactor
from dlws.record.run_folder import MOST_INPUTS, RunFolder, RunFolderError
from dlws.record.whole_file import write

SCHEMA = "dlws-inputs/1"
_CLUSTER: TypeAdapter[Cluster] = TypeAdapter(Cluster)
_WAIVERS: TypeAdapter[tuple[Waiver, ...]] = TypeAdapter(tuple[Waiver, ...])


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of one run. `whole` is True if the run collected every check, False for those of a few files only."""

    cluster: Cluster
    waivers: Waivers
    whole: bool


def save(folder: RunFolder, inputs: Inputs) -> None:
    """Write them into the run's folder. OSError when that fails."""
    cluster = inputs.cluster
    derived = {"secrets", "nodes", "leaving", "settings"}
    configured = _CLUSTER.dump_python(cluster, mode="json", by_alias=True, exclude=derived)
    names = _CLUSTER.dump_python(cluster, mode="json", include={"name", "nodes", "leaving"})
    redactor = Redactor(cluster.secrets)
    masked = _masked(configured, redactor) | {"document": _document(configured["document"], redactor)}
    content = {
        "schema": SCHEMA,
        "cluster": {**masked, **names, "secrets": []},
        "waivers": _WAIVERS.dump_python(inputs.waivers.entries, mode="json"),
        "today": inputs.waivers.today.isoformat(),
        "whole": inputs.whole,
    }
    write(folder.inputs, json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n")


def load(folder: RunFolder) -> Inputs | None:
    """The inputs of the run in this folder; None if it kept none. RunFolderError when they cannot be read."""
    try:
        content = strict_json.loads(regular_file.content(folder.path, folder.inputs.name, MOST_INPUTS))
        settings = settings_of(content["cluster"]["document"]).model_dump(mode="json", by_alias=True)
        return Inputs(
            cluster=_CLUSTER.validate_json(json.dumps({**content["cluster"], "settings": settings})),
            waivers=Waivers(_WAIVERS.validate_python(content["waivers"]), date.fromisoformat(content["today"])),
            whole=bool(content["whole"]),
        )
    except FileNotFoundError:
        return None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise RunFolderError(f"{folder.inputs}: not of this suite: {place[:200]}: {first['msg'][:200]}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RunFolderError(f"{folder.inputs}: cannot be read: {str(error)[:200]}") from error


def _document(value: Any, redactor: Redactor, path: KeyPath = ()) -> Any:
    """Config.yaml with its secrets masked, and every text that only templates know the meaning of."""
    if isinstance(value, Mapping):
        return {key: _document(below, redactor, (*path, key)) for key, below in value.items()}
    if isinstance(value, list):
        return [_document(below, redactor, path) for below in value]
    return MASK if isinstance(value, str) and is_for_templates(path) else _masked(value, redactor, is_secret(path))


def _masked(value: Any, redactor: Redactor, secret: bool = False) -> Any:
    """Plain values with every secret masked: the values of secret keys, and the same text anywhere else."""
    if isinstance(value, Mapping):
        return {k: _masked(v, redactor, secret or is_secret((k,))) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(v, redactor, secret) for v in value]
    if secret and value is not None and not isinstance(value, bool):
        return MASK
    return redactor.text(value) if isinstance(value, str) else value
