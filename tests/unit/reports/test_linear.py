"""Reports of a hostile run take linear time: no shape of its ledger makes them compute for hours."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

import reports
from dlws.record.ledger import ItemRow, Ledger, Outcome, Result
from dlws.verdict import Verdict
from reports import critical_path, findings, html, record
from reports.chart import timeline
from reports.matrix import build
from tests.kits import sample_run

FEW, MANY = 3_000, 12_000
HOST = sample_run.HOSTS[0]
[MODEL, *_] = [result for result in sample_run.verify().results if result.verdict is Verdict.FAIL]


def results(number: int, **more: object) -> list[Result]:
    return [
        replace(MODEL, host=HOST.name, name=f"t{n}", id=f"H{n}", nodeid=f"n{n}", evidence=(), **more)  # type: ignore[arg-type]
        for n in range(number)
    ]


def waits(each: list[Result]) -> list[Result]:
    return [replace(r, verdict=Verdict.NOT_RUN, follows=each[n - 1].key) for n, r in enumerate(each)]


def of_a_chain_of_causes(number: int) -> None:
    sample = sample_run.verify((HOST,), "")
    findings.collect(build(Ledger(replace(sample.run, items=()), tuple(waits(results(number))), None)))


def of_a_chain_of_stages(number: int) -> None:
    sample = sample_run.verify((HOST,), "")
    stages = [replace(r, stage=True, id="", outcome=Outcome.CHANGED) for r in results(number)]
    items = [
        ItemRow(nodeid=r.nodeid, name=r.name, host=r.host, after=(f"t{n - 1}[{r.host}]",)) for n, r in enumerate(stages)
    ]
    critical_path.timing(Ledger(replace(sample.run, items=tuple(items)), tuple(stages), None))


def of_tests_at_the_same_time(number: int) -> None:
    timeline([HOST], results(number, seconds=9.0), ())


def of_times_far_apart(number: int) -> None:
    first, *others = results(number, seconds=9.0)
    timeline([HOST], [replace(first, started="1970-01-02T00:00:00+00:00"), *others], ())


SHAPES = (of_a_chain_of_causes, of_a_chain_of_stages, of_tests_at_the_same_time, of_times_far_apart)


def seconds(work: Callable[[int], None], number: int) -> float:
    gc.collect()
    gc.disable()  # it would look through all that other tests have left in this process
    try:
        began = time.process_time()
        work(number)
        return time.process_time() - began
    finally:
        gc.enable()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_report_takes_linear_time(shape: Callable[[int], None]) -> None:
    """Four times as much takes four times as long; quadratic work takes sixteen, and seconds."""
    assert seconds(shape, MANY) < 8 * seconds(shape, FEW) + 0.5


@pytest.mark.parametrize("render", [html.render, record.render])
def test_long_words_take_linear_time(render: Callable[[reports.Overview], Iterable[str]], tmp_path: Path) -> None:
    def of_long_words(number: int) -> None:
        sample = sample_run.verify((HOST,), "")
        words = ": expected , found (\x1b[ follows from " * number
        sample.results = [replace(r, found=words, message=words, fix=words) for r in results(3)]
        "".join(render(reports.read(sample.write(tmp_path / str(number)))))

    assert seconds(of_long_words, 8_000) < 8 * seconds(of_long_words, 2_000) + 0.5
