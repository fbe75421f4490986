"""What a run loads before it knows what it is to do: every command, refused ones too, and every worker waits for it."""

from __future__ import annotations

import subprocess
import sys

from tests.kits.project import ROOT, environment_with

LATER = ["cryptography", "jinja2", "kubernetes", "paramiko", "reports", "rich", "weasyprint"]


def test_the_plugin_loads_no_library_before_it_is_needed() -> None:
    script = f"import sys, dlws.engine.plugin, fixtures.plugin; print(*sorted(sys.modules.keys() & set({LATER})))"
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment_with(), capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []
