"""`--cluster FILE` and `--replay RUN` as two words."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from dlws.engine import two_word_options
from dlws.engine.two_word_options import joined


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (["-m", "install", "--cluster", "lab/config.yaml"], ["-m", "install", "--cluster=lab/config.yaml"]),
        (["--cluster", "my file", "-n", "0"], ["--cluster=my file", "-n", "0"]),
        (["--cluster=one.yaml"], ["--cluster=one.yaml"]),
        (["-m", "verify"], ["-m", "verify"]),
        (["--cluster"], ["--cluster"]),
        (["--replay", "a run", "--cluster", "b"], ["--replay=a run", "--cluster=b"]),
    ],
)
def test_the_two_words_become_one(written: list[str], meant: list[str]) -> None:
    assert joined(written) == meant


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the process would have become."""
    calls: list[Any] = []
    monkeypatch.setattr("os.execv", lambda program, args: calls.append(args))
    return calls


def test_pytest_is_started_again_with_the_joined_words(started: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/x/bin/pytest", "--cluster", "a.yaml"])
    two_word_options.pytest_addoption()
    assert started == [[sys.executable, "-m", "pytest", "--cluster=a.yaml"]]


@pytest.mark.parametrize(
    "argv", [["/x/bin/pytest", "--cluster=a.yaml"], ["/x/bin/other", "--cluster", "a.yaml"], ["-c"]]
)
def test_nothing_is_started_again_without_need(
    argv: list[str], started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    two_word_options.pytest_addoption()
    assert started == []
