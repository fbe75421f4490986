"""python -m tests.mutants [MODULE...]: judge the mutants of the modules whose names begin so; of all by default."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence

import click
import pytest

from tests.mutants import sources
from tests.mutants.judge import Judge, Judged
from tests.mutants.results import Results, explained, open_survivors

OPTIONS = ("-n", "0", "-p", "no:terminal")


class Selection:
    """A pytest plugin that keeps the tests that judge the modules."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._modules = modules
        self.broken: list[str] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out the proofs of other checks, and those of the replay, which are slow."""
        items[:] = [item for item in items if any(judges(module, item) for module in self._modules)]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember what could not be collected: without its tests no mutant is judged."""
        if report.failed:
            self.broken.append(f"{report.nodeid}: {report.longreprtext}")


def judges(module: str, item: pytest.Item) -> bool:
    """Whether a test is one of those that judge a module: a unit test that imports it, or a proof of its check."""
    if not item.nodeid.startswith(sources.PROOF_TESTS):
        return item.path in sources.test_files(module)
    case = getattr(item, "callspec", None) and item.callspec.params.get("case")  # type: ignore[attr-defined]
    return bool(case) and case.check.id in sources.judged_by_proofs(module) and "replay" not in item.name


class Progress:
    """Keeps each result and says on one line how far the run has come."""

    def __init__(self, results: Sequence[Results], total: int) -> None:
        self._results = {result.module: result for result in results}
        self._total = total
        self._counts: Counter[str] = Counter()
        self._began = time.monotonic()
        self._out = os.dup(2)

    def __call__(self, judged: Judged) -> None:
        self._results[judged.mutant.module].note(judged)
        self._counts[judged.outcome] += 1
        done, minutes = self._counts.total(), (time.monotonic() - self._began) / 60
        told = ", ".join(f"{count} {word}" for word, count in sorted(self._counts.items()))
        end = "\r" if os.isatty(self._out) and done < self._total else "\n"
        if end == "\r" or done % 100 == 0 or done == self._total:
            os.write(
                self._out, f"{done} of {self._total}: {told}; {minutes:.0f} min {judged.mutant.module:40}{end}".encode()
            )


@click.command(help=__doc__)
@click.argument("names", nargs=-1, metavar="[MODULE]...")
@click.option("--jobs", default=os.cpu_count() or 1, help="Mutants judged at a time.")
@click.option("--known", is_flag=True, help="Judge nothing; say what is known.")
def main(names: tuple[str, ...], jobs: int, known: bool) -> None:
    results = [Results(module) for module in sources.modules(names)]
    stale = [mutant for result in results for mutant in result.stale()]
    if stale and not known:
        judge(results, jobs)
    sys.exit(report(results))


def judge(results: Sequence[Results], jobs: int) -> None:
    """Judge what is not known. Exits with a message if the tests fail without a mutant."""
    results = [result for result in results if result.stale()]
    mutants = [mutant for result in results for mutant in result.stale()]
    modules = [result.module for result in results]
    files = {str(path) for module in modules for path in sources.test_files(module)}
    files |= {sources.PROOF_TESTS} if any(sources.judged_by_proofs(module) for module in modules) else set()
    selection = Selection(modules)
    told = Progress(results, len(mutants))
    plugin = Judge(mutants, {str(sources.path_of(module)): module for module in modules}, jobs, told, judges)
    with tempfile.TemporaryDirectory() as folder:
        rc = pytest.main([*OPTIONS, f"--basetemp={folder}/tests", *sorted(files)], plugins=[selection, plugin])
    if rc != pytest.ExitCode.OK or selection.broken or plugin.trouble:
        sys.exit(f"no verdict: {plugin.trouble or selection.broken or rc}")


def report(results: Sequence[Results]) -> int:
    """Print the figures by area and the survivors; 1 if one of them is not explained."""
    known = explained()
    survivors = open_survivors(results, known)
    for mutant in survivors:
        path = sources.path_of(mutant.module).relative_to(sources.ROOT)
        nth = f" (no. {mutant.nth})" if mutant.nth > 1 else ""
        click.echo(f"{path}:{mutant.line} in {mutant.scope}{nth}\n  - {mutant.before}\n  + {mutant.after}")
    areas: dict[str, Counter[str]] = {}
    for result in results:
        counts = areas.setdefault(result.module.rpartition(".")[0], Counter())
        for mutant in result.mutants:
            outcome = result.outcome(mutant)
            counts["explained" if outcome != "killed" and mutant.identity in known else outcome] += 1
    for area, counts in areas.items():
        rest = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
        click.echo(f"{area:28}{counts['killed'] / counts.total():7.1%} of {counts.total():5} killed; {rest}")
    return 1 if survivors else 0


if __name__ == "__main__":
    main()
