"""DLWorkspace's templates, rendered with Jinja2 in strict mode: a missing key is an error, never an empty text.

deploy.py prints "!!! Failure !!!" and leaves the old file; here a TemplateError names template, line and key.
The templates come from the user's checkout and are rendered in Jinja2's sandbox, so they cannot access the machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from types import TracebackType
from typing import Any, Final

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from dlws.config.finding import dotted
from dlws.platform.parameters import Parameters
from dlws.upstream.checkout import Checkout


class TemplateError(Exception):
    """A template cannot be rendered, or renders to something invalid: `<template>:<line>: <why>`, on one line."""

    def __init__(self, template: str, line: int, message: str) -> None:
        self.template, self.line = template, line
        super().__init__(f"{template}:{line}: {message}" if line else f"{template}: {message}")


class _MissingKey(jinja2.UndefinedError):
    """A key that does not exist: the mapping it was looked up in, and its name."""

    def __init__(self, within: Any, name: Any, message: str | None) -> None:
        self.within, self.name = within, name
        super().__init__(message)


class _Missing(jinja2.StrictUndefined):
    """A missing value that remembers the mapping it was looked up in."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: Any = None,
        exc: type[jinja2.TemplateRuntimeError] = jinja2.UndefinedError,
    ) -> None:
        def error(message: str | None = None) -> jinja2.TemplateRuntimeError:
            return _MissingKey(obj, name, message) if exc is jinja2.UndefinedError else exc(message)

        super().__init__(hint, obj, name, error)  # type: ignore[arg-type]


class Renderer:
    """Renders the templates of one checkout with one set of parameters."""

    def __init__(self, checkout: Checkout, cnf: Parameters) -> None:
        self.checkout, self.cnf = checkout, cnf
        self._environment: Final = ImmutableSandboxedEnvironment(undefined=_Missing, keep_trailing_newline=True)

    def with_values(self, changed: Mapping[str, Any]) -> Renderer:
        """A copy of the renderer with other values for these keys."""
        return Renderer(self.checkout, self.cnf | dict(changed))

    def is_copied(self, name: str) -> bool:
        """True for a file that upstream copies as it is (`render-by-copy` and `render-by-copy-ext` of params.py)."""
        path = PurePosixPath(name)
        by_name, by_end = self.cnf.get("render-by-copy", {}), self.cnf.get("render-by-copy-ext", {})
        return path.name in by_name or path.suffix in by_end

    def text(self, name: str) -> str:
        """A file of the checkout, rendered, or copied where upstream copies it. Raises TemplateError, CheckoutError."""
        source = self.checkout.read(name)
        return source if self.is_copied(name) else self.rendered(source, name)

    def rendered(self, source: str, name: str) -> str:
        """`source`, rendered; a TemplateError calls it `name`."""
        try:
            code = self._environment.compile(source, name, name)
            return jinja2.Template.from_code(self._environment, code, {"cnf": self.cnf}).render()
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(name, error.lineno, f"broken template: {error.message}") from None
        except _MissingKey as error:
            line, key = _line(error.__traceback__, name), self._key(error)
            message = f"{key} is missing: neither config.yaml nor params.py has it, nor is it derived"
            raise TemplateError(name, line, message) from None
        except Exception as error:  # whatever an expression of the template does
            line = _line(error.__traceback__, name)
            raise TemplateError(name, line, f"cannot be rendered: {type(error).__name__}: {error}") from None

    def _key(self, error: _MissingKey) -> str:
        """The full path of a missing key; its mapping is found in the parameters by identity."""
        if error.within is missing:
            return str(error.name)
        path = _path_to(error.within, self.cnf)
        return dotted((*path, error.name)) if path is not None else str(error.name)


def _path_to(mapping: Any, within: Any) -> tuple[str, ...] | None:
    if not isinstance(within, dict):
        return None
    if within is mapping:
        return ()
    for key, value in within.items():
        below = _path_to(mapping, value)
        if below is not None:
            return (key, *below)
    return None


def _line(trace: TracebackType | None, name: str) -> int:
    """The line of the template that was being rendered; Jinja2 rewrites tracebacks to the template's own lines."""
    line = 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == name:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
