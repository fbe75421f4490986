"""The Jinja environment of the HTML pages: all text from outside is escaped, and hidden characters are made visible."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dlws.record.printable import visible

TEMPLATES = Path(__file__).parent / "templates"


def environment() -> Environment:
    """A new environment, to which the caller adds its filters."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) or not isinstance(value, str) else visible(value),
    )
