"""A stage: the checks it proves and the change that makes them true.

    @stage(section="3.11", after="docker", proves=[swap.test_swap_is_off, swap.test_swap_stays_off])
    def test_swap_off(change):
        \"\"\"Turn swap off, now and for every later boot (kubelet refuses to start with swap).\"\"\"
        change.run("swapoff -a")
        change.edit_file("/etc/fstab", fstab.comment_out_swap)

A stage whose body is only a docstring demands and changes nothing: it fails with the message of what does not hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from dlws.config.cluster import Cluster
from dlws.engine.check import Check, check_of, name_of, title_of
from dlws.engine.targets import CONTROL, WHOLE, Selector, every_host
from dlws.inventory import Target
from dlws.record.ledger import key_of

F = TypeVar("F", bound=Callable[..., None])
RUNBOOK = ("install", "scale_up")  # the commands that a stage of the runbook joins
ONCE = (CONTROL.name, WHOLE.name)  # targets of stages that every host may come after by their plain name


@dataclass(frozen=True, slots=True)
class Stage:
    """What is said about a stage. `after` names stages: "x" of the same host, "x[*]" of every host, "x[atlas02]".

    "x?" is waited for where it is part of the run, and not asked for where it is not.
    """

    function: Callable[..., None]
    section: str
    on: Selector
    after: tuple[str, ...]
    proves: tuple[Check, ...]
    commands: tuple[str, ...]
    name: str
    """`swap_off`."""
    title: str

    def targets(self, cluster: Cluster) -> list[Target]:
        """Where the stage applies: those of its targets for which it has something to prove."""
        return [t for t in self.on(cluster) if any(c.target_for(t, cluster) for c in self.proves)]


@dataclass(frozen=True, slots=True)
class Step:
    """One stage on one target, and the labels of the steps it comes after; `demands` are those it cannot do without."""

    stage: Stage
    target: Target
    nodeid: str
    after: tuple[str, ...]
    demands: tuple[str, ...]

    @property
    def label(self) -> str:
        """`swap_off[atlas01]`."""
        return key_of(self.stage.name, self.target.name)


def stage(
    *,
    section: str,
    proves: Sequence[Callable[..., None]],
    after: str | Sequence[str] = (),
    on: Selector = every_host,
    commands: tuple[str, ...] = RUNBOOK,
    name: str = "",
    title: str = "",
) -> Callable[[F], F]:
    """Make a function a stage of these commands. ValueError when it proves nothing or what is no check.

    Name and title are the function's, as with a check.
    """

    def declare(function: F) -> F:
        checks = [check_of(f) for f in proves]
        if not checks or None in checks:
            raise ValueError(f"{function.__name__} must prove at least one function declared with @check")
        needs = (after,) if isinstance(after, str) else tuple(after)
        proven = tuple(c for c in checks if c)
        called, titled = name or name_of(function), title or title_of(function)
        spec = Stage(function, section, on, needs, proven, commands, called, titled)
        function.__dict__["stage"] = spec
        for command in commands:
            function = getattr(pytest.mark, command)(function)
        return function

    return declare


def stage_of(function: Any) -> Stage | None:
    """The stage that a function was declared to be, if any."""
    spec = getattr(function, "stage", None)
    return spec if isinstance(spec, Stage) else None


def expand(need: str, target: str, where: Mapping[str, list[str]], master: str) -> list[str]:
    """The labels that one `after` entry of a stage on `target` means; `where` lists the targets of each stage.

    A plain name means the same target, or the only one when the stage lives once (on the control host, on the whole
    cluster); to a stage that lives once itself, the master's. None when the stage does not apply to this target.
    ValueError for a stage nobody declared.
    """
    need = need.removesuffix("?")
    match = re.fullmatch(r"([^\[\]]+)(?:\[(.+)\])?", need)
    name, wanted = match.groups() if match else (need, None)
    if name not in where:
        raise ValueError(f"after={need!r} names no stage")
    if wanted == "*":
        return [key_of(name, t) for t in where[name]]
    if wanted:
        return [key_of(name, wanted)] if wanted in where[name] else []
    if target in where[name]:
        return [key_of(name, target)]
    return [key_of(name, t) for t in where[name] if t in ONCE or (t == master and target in ONCE)]
