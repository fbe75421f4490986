"""The example in docs/configuration.md, so that the tests prove the documentation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dlws.config.cluster import inspect
from dlws.config.finding import Finding

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "configuration.md"


def example() -> str:
    """A configuration without errors, its placeholder password and key replaced."""
    block = re.search(r"```yaml\n(.*?)```", DOCUMENTATION.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    return block[1].replace("CHANGE-ME", "invented-for-tests").replace("CHANGE_ME", "invented-sign-key")


def write(folder: Path, *edits: tuple[str, str]) -> Path:
    """config.yaml in `folder`: the example, each edit's first text replaced by its second, readable by its owner."""
    text = example()
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    path = folder / "config.yaml"
    path.write_bytes(text.encode("utf-8"))
    path.chmod(0o600)
    return path


def no_dns(name: str) -> Sequence[str]:
    """A resolver that must not be asked."""
    raise AssertionError(f"DNS was asked for {name}")


def findings(path: Path) -> list[Finding]:
    """The findings in a configuration, without the single hint of the example itself."""
    return [
        finding
        for finding in inspect(path, resolve=no_dns)[1]
        if "every image is needed for both" not in finding.message
    ]
