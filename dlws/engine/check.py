"""A check: a test that only reads and asserts one fact.

@check("H09", section="3.11", source="kubeadm Swap", title_zh="swap 已关闭", fix="swapoff -a")
def test_swap_is_off(host):
    \"\"\"Swap is off now.\"\"\"
    expect("swap areas in use", found=swaps.parse(host.read("cat /proc/swaps")), expected=())
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pytest

from dlws.config.cluster import Cluster
from dlws.config.kept import kept
from dlws.engine.targets import WHOLE, Selector, every_host
from dlws.inventory import Target
from dlws.verdict import Mismatch as Mismatch
from dlws.verdict import Severity
from dlws.verdict import expect as expect
from dlws.verdict import expect_among as expect_among
from dlws.verdict import expect_present as expect_present
from dlws.verdict import expect_that as expect_that

F = TypeVar("F", bound=Callable[..., None])
T = TypeVar("T")
preflight = pytest.mark.preflight
active = pytest.mark.active
judges_api = pytest.mark.judges_api

Sample = Callable[[Cluster, Target], str]
"""How much of what its title names a check judges on a target: `8 of 99 other hosts`; "" for all of it."""


def nothing_left_out(cluster: Cluster, target: Target) -> str:
    """The `Sample` of a check that judges all that its title names."""
    return ""


@dataclass(frozen=True, slots=True)
class Check:
    """The declaration of a check: its id in the catalogue, its severity, its targets, the fix for its finding."""

    id: str
    function: Callable[..., None]
    on: Selector
    severity: Severity
    section: str
    source: str
    title_zh: str
    fix: str
    deviation: str
    name: str
    """`swap_is_off`."""
    title: str
    causes: tuple[Check, ...] = ()
    harmful: str = ""
    """What a stage would destroy or hide if it went on with this finding accepted; "" where it would not."""
    sample: Sample = nothing_left_out

    @property
    def is_active(self) -> bool:
        """Whether it puts load on a host or leaves a trace: never run in a plan, and in an audit only with --active."""
        return any(mark.name == "active" for mark in getattr(self.function, "pytestmark", ()))

    def explains(self, target: Target, cluster: Cluster) -> Sequence[Target]:
        """The targets on which this check, if red, explains a finding on `target`: that one, or all of its own."""
        return [target] if self.is_on(target, cluster) else self.on(cluster)

    def is_on(self, target: Target, cluster: Cluster) -> bool:
        """Whether `target` is one of its targets."""
        known = _targets(cluster)
        if self.on not in known:
            known[self.on] = frozenset(self.on(cluster))
        return target in known[self.on]

    def target_for(self, target: Target, cluster: Cluster) -> Target | None:
        """The target of this check when a stage on `target` proves it: the same one, the whole cluster, or None."""
        if self.is_on(target, cluster):
            return target
        return WHOLE if self.is_on(WHOLE, cluster) else None


@kept
def _targets(cluster: Cluster) -> dict[Selector, frozenset[Target]]:
    """The targets of the selectors that were asked so far."""
    return {}


def check(
    id: str,
    *,
    on: Selector = every_host,
    severity: Severity = Severity.BLOCKER,
    section: str = "",
    source: str = "",
    title_zh: str,
    fix: str,
    deviation: str = "",
    causes: Sequence[Callable[..., None] | Check] = (),
    harmful: str = "",
    sample: Sample = nothing_left_out,
    name: str = "",
    title: str = "",
) -> Callable[[F], F]:
    """Make a function a check. It joins `-m verify`; put `@preflight` or `@active` above for the other sets.

    `deviation` says why the product itself contradicts the rule: the verdict is then DEVIATION instead of FAIL.
    `causes` are checks that explain a finding of this one: where one of them is red in the same run, this one is NOT
    RUN, so that an engineer reads one finding and not its ten consequences. `elsewhere` makes one of another host.
    `harmful` says what an install would destroy that went on in spite of the finding: no waiver counts in a stage.
    `sample` says how much the check judges where that is not all: it is told with the verdict, a PASS too.
    `name` and `title` default to the function's name and the first line of its docstring. Checks that are made from a
    table, one for each row, pass their own and are kept in a dict of their module (`one_or_many`).
    """

    def declare(function: F) -> F:
        function.__dict__["check"] = Check(
            id=id,
            function=function,
            on=on,
            severity=severity,
            section=section,
            source=source,
            title_zh=title_zh,
            fix=fix,
            deviation=deviation,
            name=name or name_of(function),
            title=title or title_of(function),
            causes=tuple(cause if isinstance(cause, Check) else cause.__dict__["check"] for cause in causes),
            harmful=harmful,
            sample=sample,
        )
        return pytest.mark.verify(function)  # type: ignore[no-any-return]

    return declare


def elsewhere(selector: Selector, cause: Callable[..., None]) -> Check:
    """A check as a cause of findings on all hosts where it is red on one that `selector` names, the master say."""
    declared: Check = cause.__dict__["check"]
    return replace(declared, on=selector)


def goal(id: str, **declaration: Any) -> Callable[[F], F]:
    """Make a function a check that only stages prove: it asserts a target state, not a steady state.

    No audit includes it, because a host in service is neither free of Kubernetes nor freshly restarted; with
    `@preflight` above, a preflight does. The arguments are those of `check`.
    """

    def declare(function: F) -> F:
        declared = check(id, **declaration)(function)
        declared.__dict__["pytestmark"] = [mark for mark in declared.__dict__["pytestmark"] if mark.name != "verify"]
        return declared

    return declare


def name_of(function: Callable[..., None]) -> str:
    """The function's name without `test_`: `swap_is_off`."""
    return function.__name__.removeprefix("test_")


def title_of(function: Callable[..., None]) -> str:
    """The first line of the function's docstring."""
    return (function.__doc__ or name_of(function)).strip().splitlines()[0]


def one_or_many(value: Any) -> list[Any]:
    """The objects behind a module-level name: the value itself, or the values of a dict.

    Checks and stages that are made from a table, one for each row, are kept in a dict: `RUNS = {"nginx": ..., ...}`.
    """
    return list(value.values()) if isinstance(value, dict) else [value]


def check_of(function: Any) -> Check | None:
    """The check that a function declares; None if it declares none."""
    spec = getattr(function, "check", None)
    return spec if isinstance(spec, Check) else None
