"""The inputs of a run that came from somebody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dlws.engine import inputs
from dlws.record.run_folder import RunFolder, RunFolderError

CLUSTERS: list[Any] = ["", None, [], {"document": ""}, {"document": {"suite": 1}}, {"document": {}, "x" * 9999: 1}]


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_other_inputs_are_refused_in_one_line(cluster: object, tmp_path: Path) -> None:
    (tmp_path / "inputs.json").write_text(json.dumps({"cluster": cluster, "waivers": [], "today": "2026-11-24"}))
    with pytest.raises(RunFolderError, match=r"inputs\.json: ") as raised:
        inputs.load(RunFolder(tmp_path))
    assert len(str(raised.value)) < 600
    assert "\n" not in str(raised.value)
