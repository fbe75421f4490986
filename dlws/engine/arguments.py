"""The registry of arguments that a check or a stage may declare; each is registered by a file of its own.

@argument("earlier")
def earlier(site: Site, target: Target) -> Earlier:
    \"\"\"The same host, answering as it answered an earlier audit.\"\"\"
    return Earlier(site, target.name)
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Collection
from functools import cache
from typing import Any, TypeVar

from dlws.engine.site import Site
from dlws.inventory import Target

Provider = Callable[[Site, Target], Any]
"""Makes the value of an argument for a check or a stage on a target. Raises Unknown, Unreachable."""
Machine = Callable[[Site, Target], Target]
"""The machine that a stage on a target changes through an argument."""
P = TypeVar("P", bound=Provider)
M = TypeVar("M", bound=Machine)


class UnknownArgument(Exception):
    """A check or a stage has an argument that nothing provides; the message lists the registered ones."""


class DuplicateArgument(Exception):
    """Two functions provide an argument of the same name; the message names both."""


class Arguments:
    """The registered arguments: those that both checks and stages may ask for, and those that change a machine."""

    def __init__(self) -> None:
        self._values: dict[str, Provider] = {}
        self._changes: dict[str, Machine] = {}

    def argument(self, name: str) -> Callable[[P], P]:
        """Register a function as the provider of an argument. DuplicateArgument if the name is taken."""

        def register(provider: P) -> P:
            self._claim(name, provider)
            self._values[name] = provider
            return provider

        return register

    def change_argument(self, name: str) -> Callable[[M], M]:
        """Register an argument by which a stage, and only a stage, changes the machine that the function returns.

        Its value is a `Change` on that machine, made by the engine. DuplicateArgument if the name is taken.
        """

        def register(machine: M) -> M:
            self._claim(name, machine)
            self._changes[name] = machine
            return machine

        return register

    @property
    def for_checks(self) -> tuple[str, ...]:
        """The names of the arguments that a check may have, sorted."""
        return tuple(sorted(self._values))

    @property
    def for_stages(self) -> tuple[str, ...]:
        """The names of the arguments that a stage may have, sorted."""
        return tuple(sorted([*self._values, *self._changes]))

    def require(self, function: Callable[..., None], provided: Collection[str], kind: str) -> None:
        """UnknownArgument if a function asks for an argument not among `provided`; `kind` is `a check` or `a stage`."""
        unknown = [name for name in parameters(function) if name not in provided]
        if unknown:
            near = difflib.get_close_matches(unknown[0], provided, n=1)
            hint = f", did you mean {near[0]!r}?" if near else "."
            choice = f"{kind.capitalize()} can ask for: {', '.join(provided)}"
            raise UnknownArgument(f"{_place(function)} asks for {unknown[0]!r}{hint} {choice}")

    def given(self, site: Site, function: Callable[..., None], target: Target, **made: Any) -> dict[str, Any]:
        """The values of a function's arguments on a target, by name; `made` are those that the engine provides itself.

        Raises whatever a provider raises, and UnknownArgument.
        """
        self.require(function, (*self._values, *made), "it")
        return {n: made[n] if n in made else self._values[n](site, target) for n in parameters(function)}

    def changed_machines(self, site: Site, function: Callable[..., None], target: Target) -> dict[str, Target]:
        """The machine that each change argument of a function changes, by the argument's name."""
        return {n: self._changes[n](site, target) for n in parameters(function) if n in self._changes}

    def _claim(self, name: str, function: Callable[..., Any]) -> None:
        if taken := self._values.get(name) or self._changes.get(name):
            raise DuplicateArgument(f"argument {name!r} is provided twice: by {_place(taken)} and {_place(function)}")


ARGUMENTS = Arguments()
argument = ARGUMENTS.argument
change_argument = ARGUMENTS.change_argument


@cache
def parameters(function: Callable[..., None]) -> tuple[str, ...]:
    """The argument names of a check or stage."""
    return tuple(inspect.signature(function).parameters)


def _place(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
