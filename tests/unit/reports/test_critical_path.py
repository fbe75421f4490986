"""Wall time against the longest chain of stages, from a ledger alone."""

from __future__ import annotations

from dlws.record.ledger import ItemRow, Ledger, Result, Run
from dlws.verdict import Verdict
from reports import critical_path

STEPS = {  # label: start, seconds, what it waits for
    "config[control]": (0.0, 1.0, ()),
    "base[a]": (1.0, 10.0, ("config[control]",)),
    "base[b]": (1.0, 4.0, ("config[control]",)),
    "init[a]": (11.0, 20.0, ("base[a]",)),
    "join[b]": (32.0, 5.0, ("base[b]", "init[a]")),
}


def ledger(steps: dict[str, tuple[float, float, tuple[str, ...]]]) -> Ledger:
    rows, results = [], []
    for label, (start, seconds, after) in steps.items():
        name, host = label.removesuffix("]").split("[")
        rows.append(ItemRow(nodeid=label, name=name, host=host, after=after))
        started = f"2026-01-01T00:00:{start:06.3f}+00:00" if start >= 0 else ""
        results.append(
            Result(
                nodeid=label,
                name=name,
                host=host,
                stage=True,
                verdict=Verdict.PASS,
                started=started,
                seconds=seconds,
                worker="gw0",
            )
        )
    run = Run(
        run="r",
        cluster="atlas",
        command="install",
        started="",
        config="",
        config_sha256="",
        suite_version="",
        plan=False,
        strict=False,
        workers=2,
        hosts=(),
        items=tuple(rows),
    )
    return Ledger(run=run, results=tuple(results), end=None)


def test_the_longest_chain_is_the_critical_path() -> None:
    timing = critical_path.timing(ledger(STEPS))
    assert timing is not None
    assert [label for label, _ in timing.path] == ["config[control]", "base[a]", "init[a]", "join[b]"]
    assert (timing.wall, timing.critical, round(timing.ratio, 3)) == (37.0, 36.0, 1.028)


def test_what_a_run_left_out_costs_nothing() -> None:
    timing = critical_path.timing(ledger({k: v for k, v in STEPS.items() if k != "init[a]"}))
    assert timing is not None
    assert timing.critical == 11.0


def test_a_skipped_stage_has_no_time() -> None:
    assert critical_path.timing(ledger({"base[a]": (-1.0, 0.0, ())})) is None
