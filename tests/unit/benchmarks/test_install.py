"""The benchmark of an install: its hosts keep what was done to them."""

from __future__ import annotations

from pathlib import Path

from benchmarks.install.serve import Host


def test_a_pretended_host_remembers_what_was_done_to_it(tmp_path: Path) -> None:
    host = Host(tmp_path / "first")
    assert host.answer("[ -e step-1 ]")[0] == 1
    assert host.answer("sleep 0; touch step-1") == (0, b"", b"")
    assert [host.answer(f"[ -e step-{number} ]")[0] for number in (1, 2)] == [0, 1]


def test_when_a_host_was_first_asked_is_noted_once(tmp_path: Path) -> None:
    host, first = Host(tmp_path / "first"), tmp_path / "first"
    host.answer("true")
    assert not first.exists()
    host.answer("[ -e step-1 ]")
    noted = first.read_text()
    host.answer("[ -e step-2 ]")
    assert first.read_text() == noted
