"""A recorded run with the views that all reports share: the only input of a report."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from dlws.record.ledger import Ledger
from dlws.record.run_folder import RecordedRun
from reports import matrix, summary
from reports.matrix import Matrix
from reports.summary import Summary


@dataclass(frozen=True)
class Overview:
    """A run with its matrix and its summary, each computed once however many reports use it."""

    recorded: RecordedRun

    @property
    def ledger(self) -> Ledger:
        """The run's ledger."""
        return self.recorded.ledger

    @cached_property
    def matrix(self) -> Matrix:
        """Tests as rows, hosts as columns."""
        return matrix.build(self.ledger)

    @cached_property
    def summary(self) -> Summary:
        """The run's verdict, counts and findings."""
        return summary.summarise(self.ledger, self.matrix)
