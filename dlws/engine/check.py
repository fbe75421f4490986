"""A check: a test that only reads and asserts one fact.

@check("H09", section="3.11", source="kubeadm Swap", title_zh="swap 已关闭", fix="swapoff -a")
def test_swap_is_off(host):
    \"\"\"Swap is off now.\"\"\"
    expect("swap areas in use", found=swaps.parse(host.read("cat /proc/swaps")), expected=())
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from dlws.config.cluster import Cluster
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


@dataclass(frozen=True, slots=True)
class Check:
    """What is said about a check: its id in the catalogue, its weight, where it applies, how to mend what it finds."""

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

    @property
    def is_active(self) -> bool:
        """Whether it loads or touches something: never in a plan, and in an audit only with --active."""
        return any(mark.name == "active" for mark in getattr(self.function, "pytestmark", ()))

    def explains(self, target: Target, cluster: Cluster) -> Sequence[Target]:
        """Where this check, if it is red, explains a finding on `target`: there, or on all of its own targets."""
        targets = self.on(cluster)
        return [target] if target in targets else targets

    def target_for(self, target: Target, cluster: Cluster) -> Target | None:
        """Whom the check speaks of when it is asked for `target`: the target, the whole cluster, or nobody."""
        targets = self.on(cluster)
        if target in targets:
            return target
        return WHOLE if WHOLE in targets else None


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
    causes: Sequence[Callable[..., None]] = (),
    name: str = "",
    title: str = "",
) -> Callable[[F], F]:
    """Make a function a check. It joins `-m verify`; put `@preflight` or `@active` above for the other sets.

    `deviation` says why the product itself contradicts the rule: the check is then a DEVIATION instead of a FAIL.
    `causes` are checks that explain a finding of this one: where one of them is red in the same run, this one is NOT
    RUN, so that an engineer reads one finding and not its ten consequences.
    Name and title are the function's name and the first line of its docstring. Checks that are made from a table, one
    for each row, are given theirs and stand in a dict of their module (`one_or_many`).
    """

    def declare(function: F) -> F:
        known = tuple(function.__dict__["check"] for function in causes)
        called, titled = name or name_of(function), title or title_of(function)
        spec = Check(id, function, on, severity, section, source, title_zh, fix, deviation, called, titled, known)
        function.__dict__["check"] = spec
        return pytest.mark.verify(function)  # type: ignore[no-any-return]

    return declare


def goal(id: str, **told: Any) -> Callable[[F], F]:
    """Make a function a check that only stages prove: what it asserts is no state to be in, but one to get to.

    It is no part of any audit: a host in its place is neither clean of Kubernetes nor just restarted.
    """

    def declare(function: F) -> F:
        declared = check(id, **told)(function)
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
    """What a name of a module stands for: itself, or the values of a dict.

    Checks and stages that are made from a table, one for each row, stand in a dict: `RUNS = {"nginx": ..., ...}`.
    """
    return list(value.values()) if isinstance(value, dict) else [value]


def check_of(function: Any) -> Check | None:
    """The check that a function was declared to be, if any."""
    spec = getattr(function, "check", None)
    return spec if isinstance(spec, Check) else None
