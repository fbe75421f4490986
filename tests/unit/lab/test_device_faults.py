"""The faults of accelerators change one cell of a table, and put it back. Their scripts run here, in a folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab import devices, hosts
from lab.device_faults import CELLS, FAULTS
from lab.faults import EditedFile
from lab.plan import HOSTS, LabHost
from lab.process import LabError

HOST = {"gpu": HOSTS["atlas-gpu01"], "npu": HOSTS["atlas01"]}


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def execute(host: LabHost, script: str, *arguments: str) -> str:
        command = ["sh", "-ec", script.replace("/etc/dlws-lab", str(tmp_path)), "sh", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    monkeypatch.setattr(hosts, "execute", execute)
    (tmp_path / "gpu.tsv").write_text(devices.gpus(HOST["gpu"]))
    (tmp_path / "npu.tsv").write_text(devices.npus(HOST["npu"]))
    (tmp_path / "kernel.log").write_text(devices.kernel_log(HOST["gpu"], "2026-11-24T06:49:58+0000"))
    return tmp_path


@pytest.mark.parametrize("name", [*CELLS, "npu_link_flaps"])
def test_one_cell_changes_and_comes_back(tables: Path, name: str) -> None:
    kind = CELLS[name][0] if name in CELLS else "npu"
    sound = (tables / f"{kind}.tsv").read_text()
    memory = FAULTS[name].do(HOST[kind])
    broken = (tables / f"{kind}.tsv").read_text()
    differ = [row for row, other in zip(broken.splitlines(), sound.splitlines(), strict=True) if row != other]
    assert [row[:2] for row in differ] == ["3\t"]
    FAULTS[name].undo(HOST[kind], memory)
    assert (tables / f"{kind}.tsv").read_text() == sound


@pytest.mark.parametrize(("name", "file"), [("xid_in_log", "kernel.log"), ("driver_upgraded", "nvidia-module")])
def test_a_file_changes_and_comes_back(tables: Path, name: str, file: str) -> None:
    before = sorted(path.read_text() for path in tables.iterdir())
    memory = FAULTS[name].do(HOST["gpu"])
    assert sorted(path.read_text() for path in tables.iterdir()) != before
    FAULTS[name].undo(HOST["gpu"], memory)
    assert sorted(path.read_text() for path in tables.iterdir()) == before


def test_an_edited_file_comes_back_as_it_was(tables: Path) -> None:
    path = tables / "kernel.log"
    before, file = path.read_text(), EditedFile(str(path))
    file.edit(HOST["gpu"], f"echo broken > {path}")
    assert path.read_text() == "broken\n"
    file.put_back(HOST["gpu"], {})
    assert path.read_text() == before
    with pytest.raises(LabError, match="has no /none: choose another host"):
        EditedFile("/none").edit(HOST["gpu"], "true")


def test_a_fault_of_gpus_breaks_no_other_host(tables: Path) -> None:
    with pytest.raises(LabError, match="atlas01 is a npu host; this fault is for gpu hosts"):
        FAULTS["ecc_errors"].do(HOST["npu"])
