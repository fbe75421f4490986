"""What every mapping of config.yaml has in common."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A mapping of config.yaml. Keys it does not name are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    tolerates_unknown_keys: ClassVar[bool] = False
    """True if DLWorkspace's templates may use other keys: then only a near miss is an error, others are warnings."""


class OpenSection(Section):
    """A mapping that may have further keys for DLWorkspace."""

    tolerates_unknown_keys: ClassVar[bool] = True
