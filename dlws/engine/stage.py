"""A stage: the checks it proves and the change that makes them true.

    @stage(section="3.11", after="docker", proves=[swap.test_swap_is_off, swap.test_swap_stays_off])
    def test_swap_off(change):
        \"\"\"Turn swap off, now and for every later boot (kubelet refuses to start with swap).\"\"\"
        change.run("swapoff -a")
        change.edit_file("/etc/fstab", fstab.comment_out_swap)

A stage whose body is only a docstring changes nothing: it fails with the finding of the first check that is red.
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
RUNBOOK = ("install", "scale_up")  # the commands that include a stage of the runbook
ONCE = (CONTROL.name, WHOLE.name)  # targets that a stage has at most once: any host names such a stage without a suffix


@dataclass(frozen=True, slots=True)
class Stage:
    """The declaration of a stage. `after` names stages: "x" on the same host, "x[*]" on every host, "x[atlas02]".

    "x?" is optional: it is waited for if it is part of the run, and not required otherwise.
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
    subject: str = ""
    """A further word by which --stages names it: the service that `mysql_restarted` restarts."""

    def targets(self, cluster: Cluster) -> list[Target]:
        """The targets of the stage: those of its selector for which it has something to prove."""
        return [t for t in self.on(cluster) if any(c.target_for(t, cluster) for c in self.proves)]


@dataclass(frozen=True, slots=True)
class Step:
    """One stage on one target, and the labels of the steps before it; `demands` are those that it requires."""

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
    subject: str = "",
) -> Callable[[F], F]:
    """Make a function a stage of these commands. ValueError if it proves nothing, or a function that is not a check.

    `name` and `title` default to the function's, as for a check.
    """

    def declare(function: F) -> F:
        checks = [check_of(f) for f in proves]
        if not checks or None in checks:
            raise ValueError(f"{function.__name__} must prove at least one function declared with @check")
        function.__dict__["stage"] = Stage(
            function=function,
            section=section,
            on=on,
            after=(after,) if isinstance(after, str) else tuple(after),
            proves=tuple(c for c in checks if c),
            commands=commands,
            name=name or name_of(function),
            title=title or title_of(function),
            subject=subject,
        )
        for command in commands:
            function = getattr(pytest.mark, command)(function)
        return function

    return declare


def stage_of(function: Any) -> Stage | None:
    """The stage that a function declares; None if it declares none."""
    spec = getattr(function, "stage", None)
    return spec if isinstance(spec, Stage) else None


def expand(need: str, target: str, where: Mapping[str, list[str]], master: str) -> list[str]:
    """The labels that one `after` entry of a stage on `target` stands for; `where` lists the targets of each stage.

    A plain name means the stage on the same target, or its only one if it runs once (on the control host, or for the
    whole cluster); for a stage that runs once itself it means the master's. Empty if the stage does not apply to this
    target. ValueError for a name that is not a stage.

    >>> expand("docker", "atlas02", {"docker": ["atlas01", "atlas02"]}, "atlas01")
    ['docker[atlas02]']
    """
    need = need.removesuffix("?")
    match = re.fullmatch(r"([^\[\]]+)(?:\[(.+)\])?", need)
    name, host = match.groups() if match else (need, None)
    if name not in where:
        raise ValueError(f"after={need!r} names no stage")
    if host == "*":
        return [key_of(name, t) for t in where[name]]
    if host:
        return [key_of(name, host)] if host in where[name] else []
    if target in where[name]:
        return [key_of(name, target)]
    return [key_of(name, t) for t in where[name] if t in ONCE or (t == master and target in ONCE)]
