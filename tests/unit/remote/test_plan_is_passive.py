"""A plan asks nothing that loads or touches a host, not even to see whether a stage's proof holds already."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from dlws.engine import proving
from dlws.engine.check import Check, active, check, check_of
from dlws.engine.targets import CONTROL, control_host

TOUCHED: list[str] = []


@active
@check("A01", on=control_host, title_zh="会触碰主机", fix="none")
def test_touches() -> None:
    """Touches the host."""
    TOUCHED.append("touched")


def checks() -> tuple[Check, ...]:
    found = check_of(test_touches)
    assert found
    return (found,)


def site(plan: str) -> Any:
    context = SimpleNamespace(plan=plan == "plan")
    return SimpleNamespace(context=context, cluster=Mock(), given=lambda function, target: {})


test_touches.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def untouched() -> None:
    TOUCHED.clear()


def test_a_plan_leaves_an_active_proof_out() -> None:
    assert proving.prove(site("plan"), checks(), CONTROL) == ()
    assert TOUCHED == []


def test_an_install_asks_for_it() -> None:
    assert [proof.id for proof in proving.prove(site("install"), checks(), CONTROL)] == ["A01"]
    assert TOUCHED == ["touched"]
