"""Switches as programs in Go read them: Go's strconv.ParseBool."""

from __future__ import annotations

from typing import Final

OFF: Final = ("false", "False", "FALSE", "f", "F", "0")
ON: Final = ("true", "True", "TRUE", "t", "T", "1")
