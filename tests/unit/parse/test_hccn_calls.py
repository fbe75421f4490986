"""What asks hccn_tool does so one call after the other, however many commands an audit runs side by side."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dlws.facts import ascend

CHIPS = """\
NPU ID  Chip ID  Chip Logic ID  Chip Name
0       0        0              Ascend 910A
1       0        1              Ascend 910A
"""
BUSY = """\
#!/bin/sh
mkdir busy || { echo 'hccn_tool is busy, please try again'; exit 1; }
sleep 0.05
rmdir busy
echo "$*"
"""
"""An hccn_tool that, as the driver's, lets no second one run beside it."""


class Shell:
    """A host on which commands run as the agent runs them."""

    def read(self, command: str, **_: Any) -> str:
        return subprocess.run(["/bin/sh", "-c", command], check=True, capture_output=True, text=True).stdout

    def run_expect(self, expected: Sequence[int], command: str) -> SimpleNamespace:
        return SimpleNamespace(rc=0, stdout=CHIPS, stderr="")


def test_two_commands_that_ask_hccn_tool_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hccn_tool").write_text(BUSY)
    (tmp_path / "hccn_tool").chmod(0o755)
    monkeypatch.setattr(ascend, "TOOLS", tmp_path)
    host: Any = Shell()
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda kinds: ascend.hccn_tool_answers(host, kinds), [["link", "speed"], ["lldp"]]))
    told = [tools.port(chip, kind) for tools, kind in zip(both, ["speed", "lldp"], strict=True) for chip in tools.chips]
    assert [text.strip() for text in told] == ["-i 0 -speed -g", "-i 1 -speed -g", "-i 0 -lldp -g", "-i 1 -lldp -g"]
    assert [file.name for file in tmp_path.iterdir()] == ["hccn_tool"]
