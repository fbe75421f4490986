"""A pytest plugin that judges mutants: all tests are collected and run once, then for each mutant a fork runs them."""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Literal

import pytest
from _pytest.runner import runtestprotocol

from tests.mutants.operators import Mutant, unchanged
from tests.mutants.placing import caching_functions, functions_of, put_in_place

Outcome = Literal["killed", "survived", "not run"]
CPU, WALL = 20, 600.0
"""Seconds for one mutant: of computing, beyond what its tests take anyway, and in all, for one that only waits."""
CONTROLS = 5
"""Tests that must pass in a fork that changes nothing."""
SLOW = 3.0
"""CPU seconds of a test that is not asked: a stopwatch, or a search through random texts."""


class NotGreen(Exception):
    """A test fails without any mutant, so that it could not tell one."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a mutant, and the test that killed it."""

    mutant: Mutant
    outcome: Outcome
    by: str = ""


@dataclass(slots=True)
class _Child:
    """A fork that runs the tests of one mutant."""

    pid: int
    pipe: int
    mutant: Mutant
    ends: float
    said: bytes = b""


@dataclass
class Judge:
    """The plugin. `told` is called with the end of each mutant."""

    mutants: Sequence[Mutant]
    files: Mapping[str, str]
    """By file the module whose source it is."""
    jobs: int
    told: Callable[[Judged], None]
    asks: Callable[[str, pytest.Item], bool] = lambda module, item: True
    """Whether a test judges a module."""
    trouble: str = ""
    """Why no mutant can be judged."""
    _took: dict[str, float] = field(default_factory=dict)
    _reached: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    """By module, the tests that enter it, and the functions that each of them enters."""

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Judge the mutants by the tests that were collected."""
        items = {item.nodeid: item for item in session.items}
        try:
            for item in session.items:
                self._run_watched(item)
            for file, module in self.files.items():
                functions_of(file)
                self._try_without_change(file, module, items)
        except NotGreen as error:
            self.trouble = str(error)
            return True
        caching_functions()
        gc.collect()
        gc.freeze()  # a fork then shares with its parent what no test touches
        ready = iter([(mutant, self._judges(mutant, items)) for mutant in self.mutants])
        running: list[_Child] = []
        more = True
        while more or running:
            while more and len(running) < self.jobs:
                mutant, judges = next(ready, (None, []))
                more = mutant is not None
                if mutant is not None and judges:
                    running.append(self._start(mutant, judges))
                elif mutant is not None:
                    self.told(Judged(mutant, "not run"))
            for child in _ended(running):
                running.remove(child)
                self.told(_end_of(child))
        return True

    def _run_watched(self, item: pytest.Item) -> None:
        """Run a test without a mutant and note which functions it enters. Raises NotGreen if it fails."""
        reached = self._reached

        def watch(frame: FrameType, event: str, argument: object) -> None:
            code = frame.f_code
            if module := self.files.get(code.co_filename):
                reached.setdefault(module, {}).setdefault(item.nodeid, set()).add(code.co_qualname)

        began = time.process_time()
        threading.settrace(watch)
        sys.settrace(watch)
        try:
            reports = runtestprotocol(item, nextitem=None, log=False)
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
        self._took[item.nodeid] = time.process_time() - began
        if failed := next((report for report in reports if report.failed), None):
            raise NotGreen(f"{item.nodeid} fails without a mutant:\n{failed.longreprtext}")

    def _try_without_change(self, file: str, module: str, items: Mapping[str, pytest.Item]) -> None:
        """Put a module in its own place, in a fork as for a mutant. Raises NotGreen if a test fails there."""
        quickest = sorted(self._reached.get(module, ()), key=self._took.__getitem__)[:CONTROLS]
        child = self._start(unchanged(module, Path(file).read_text("utf-8")), [items[name] for name in quickest])
        while not list(_ended([child])):
            pass
        if (end := _end_of(child)).outcome != "survived":
            raise NotGreen(f"{module}: killed without a change, by {end.by}")

    def _judges(self, mutant: Mutant, items: Mapping[str, pytest.Item]) -> list[pytest.Item]:
        """The tests that enter the mutant's function, or its module if it is at the top of it; quick ones first."""
        own, entered = mutant.scope, self._reached.get(mutant.module, {})
        if mutant.statement is None:
            inner = f"{own}."
            names = [name for name, scopes in entered.items() if any(f == own or f.startswith(inner) for f in scopes)]
        else:
            names = list(entered if own.startswith("_") else items)
        asked = [name for name in names if self._took[name] < SLOW and self.asks(mutant.module, items[name])]
        return [items[name] for name in sorted(asked, key=lambda name: (name not in entered, self._took[name]))]

    def _start(self, mutant: Mutant, judges: Sequence[pytest.Item]) -> _Child:
        usual = sum(self._took[item.nodeid] for item in judges)
        reader, writer = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writer)
            return _Child(pid, reader, mutant, time.monotonic() + WALL)
        with contextlib.suppress(BaseException):
            os.setpgid(0, 0)
            gc.disable()
            os.close(reader)
            seconds = int(CPU + 2 * usual)
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            quiet = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(quiet, stream)
            os.write(writer, _killer_of(mutant, judges).encode())
        os._exit(0)


def _killer_of(mutant: Mutant, judges: Sequence[pytest.Item]) -> str:
    """The first test that fails with the mutant; `survived` if none does."""
    try:
        put_in_place(mutant)
    except Exception as error:
        return f"killed its own import: {type(error).__name__}"
    for item in judges:
        item.config.option.tbstyle = "no"  # to quote the source of a failure takes longer than to judge the mutant
        if any(report.failed for report in runtestprotocol(item, nextitem=None, log=False)):
            return f"killed {item.nodeid}"
    return "survived "


def _ended(running: Sequence[_Child]) -> Iterator[_Child]:
    """The children that have ended, of themselves or at their deadline; waits for the first."""
    by_pipe = {child.pipe: child for child in running}
    readable, _, _ = select.select(list(by_pipe), [], [], 1.0)
    for pipe in readable:
        child = by_pipe[pipe]
        if part := os.read(pipe, 4096):
            child.said += part
        else:
            yield child
    for child in running:
        if time.monotonic() > child.ends and child.pipe not in readable:
            yield child


def _end_of(child: _Child) -> Judged:
    """What a child has found. One that does not end, or ends without a word, has been killed by its mutant."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    os.waitpid(child.pid, 0)
    os.close(child.pipe)
    word, _, by = child.said.decode().partition(" ")
    if word == "survived":
        return Judged(child.mutant, "survived")
    return Judged(child.mutant, "killed", by or "a deadline")
