"""Ledgers by older versions of the suite stay readable: a test is known by its id, or stage name, and host."""

from __future__ import annotations

import json

from dlws.record import ledger

HEAD = {
    "event": "run",
    "run": "r",
    "cluster": "c",
    "command": "verify",
    "started": "",
    "config": "",
    "config_sha256": "",
    "suite_version": "",
    "plan": False,
    "strict": False,
    "workers": 1,
    "hosts": [],
    "schema": 1,
    "items": [
        {"nodeid": "checks/host/swap.py::test_swap_is_off[a1]", "name": "swap_is_off", "host": "a1", "after": []},
        {"nodeid": "checks/ssh.py::test_host_is_reached[a1]", "name": "host_is_reached", "host": "a1", "after": []},
        {"nodeid": "install/s3_11_kubernetes.py::test_swap_off[a1]", "name": "swap_off", "host": "a1", "after": []},
    ],
}
LOST = {
    "event": "result",
    "nodeid": "checks/ssh.py::test_host_is_reached[a1]",
    "name": "host_is_reached",
    "host": "a1",
    "stage": False,
    "verdict": "UNREACHABLE",
    "started": "",
    "seconds": 1.0,
    "worker": "main",
    "id": "U01",
}
AFTER = {
    **LOST,
    "nodeid": "checks/host/swap.py::test_swap_is_off[a1]",
    "name": "swap_is_off",
    "id": "H09",
    "section": "3.11",
    "title": "Swap is off.",
    "verdict": "NOT RUN",
    "follows": "checks/ssh.py::test_host_is_reached[a1]",
}
END = {"event": "end", "exit_status": 1, "reason": "", "seconds": 2.0, "not_run": [HEAD["items"][2]["nodeid"]]}  # type: ignore[index]


def read() -> ledger.Ledger:
    return ledger.read(json.dumps(line) for line in (HEAD, LOST, AFTER, END))


def test_a_ledger_of_schema_1_goes_by_keys() -> None:
    old = read()
    assert [result.key for result in old.results] == ["U01[a1]", "H09[a1]"]
    assert [result.follows for result in old.results] == ["", "U01[a1]"]
    assert [item.key for item in old.not_run] == ["swap_off[a1]"]
    assert old.end is not None
    assert old.end.not_run == ("swap_off[a1]",)


def test_an_item_of_schema_1_is_described_by_its_result() -> None:
    described = [(item.id, item.section, item.title, item.stage) for item in read().run.items]
    assert described == [("H09", "3.11", "Swap is off.", False), ("U01", "", "", False), ("", "", "", True)]
