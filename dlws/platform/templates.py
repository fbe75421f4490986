"""DLWorkspace's templates, rendered with Jinja2 in strict mode: a missing key is an error, never an empty text.

deploy.py prints "!!! Failure !!!" and leaves the old file; here a TemplateError names template, line and key.
The templates come from the user's checkout and are rendered in Jinja2's sandbox, in a process with bounds
(`dlws.platform.template_process`): they cannot access the machine, nor take all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, Final

from dlws.config.finding import dotted
from dlws.config.validation import is_secret
from dlws.platform import read_back
from dlws.platform.parameters import Parameters, leaves
from dlws.platform.template_process import Rendering
from dlws.upstream.checkout import Checkout

_RENDERING: Final = Rendering()


class TemplateError(Exception):
    """A template cannot be rendered, or renders to something invalid: `<template>:<line>: <why>`, on one line."""

    def __init__(self, template: str, line: int, message: str) -> None:
        self.template, self.line = template, line
        super().__init__(f"{template}:{line}: {message}" if line else f"{template}: {message}")


class Renderer:
    """Renders the templates of one checkout with one set of parameters."""

    def __init__(self, checkout: Checkout, cnf: Parameters) -> None:
        self.checkout, self.cnf = checkout, cnf

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
        """`source`, rendered; a TemplateError calls it `name`.

        It is refused where a value is read otherwise than it is written: V0.1.6.1 quotes few, and escapes none.
        """
        answer = _RENDERING.ask(source, name, self.cnf)
        if "missing" in answer:
            key = dotted(answer["missing"])
            why = "is missing: neither config.yaml nor params.py has it, nor is it derived"
            raise TemplateError(name, answer["line"], f"{key} {why}")
        if "message" in answer:
            raise TemplateError(name, answer["line"], answer["message"])
        marked = str(answer["text"])
        if changed := read_back.changed(marked, name, self._defaults, self._secrets):
            keys = {dotted(path): None for path, value in leaves(self.cnf) if value in changed}
            why = "does not come through: the template writes it as it is, and it is read otherwise"
            raise TemplateError(name, 0, f"{' or '.join(keys)} {why} (use letters, digits, - and _, a letter first)")
        return read_back.plain(marked)

    @cached_property
    def _secrets(self) -> frozenset[str]:
        """The texts of the parameters that must not be shown. The parameters name every machine: looked for once."""
        return frozenset(value for path, value in leaves(self.cnf) if isinstance(value, str) and is_secret(path))

    @cached_property
    def _defaults(self) -> frozenset[str]:
        """The texts of params.py: what becomes of them is upstream's own doing (`mounthomefolder: "yes"`)."""
        return frozenset(value for _, value in leaves(self.checkout.defaults()) if isinstance(value, str))
