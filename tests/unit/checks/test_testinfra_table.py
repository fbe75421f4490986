"""docs/testinfra.md says of upstream's tests what the runner does with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testinfra_modules.applicable import DIFFERENT, NOT_APPLICABLE, why_not

TABLE = (Path(__file__).parents[3] / "docs" / "testinfra.md").read_text().splitlines()
ROWS = [line.strip("| ").split(" | ") for line in TABLE if line.startswith("| `test_")]


@pytest.mark.parametrize(("test", "backend", "host"), ROWS)
def test_row_of_the_table(test: str, backend: str, host: str) -> None:
    function, _, param = test.strip("`").removesuffix("]").partition("[")
    hostspec = param.split("-")[0]
    why = why_not(function, hostspec)
    assert backend == (f"n/a {why}" if why else "passes")
    assert host == (f"different {DIFFERENT[function].why}" if function in DIFFERENT else backend)


def test_every_reason_is_in_the_table() -> None:
    assert {*NOT_APPLICABLE, *DIFFERENT} <= {row[0].strip("`").partition("[")[0] for row in ROWS}
