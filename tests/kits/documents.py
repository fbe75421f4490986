"""The documents of the project, and the commands in them."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import install
from dlws.engine.check import one_or_many
from dlws.engine.stage import stage_of

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "lab" / "README.md"])
MODULES = [importlib.import_module(f"install.{module.name}") for module in pkgutil.iter_modules(install.__path__)]
DECLARED = (one for module in MODULES for value in vars(module).values() for one in one_or_many(value))
STAGES = {stage.name: stage for value in DECLARED if (stage := stage_of(value))}
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def name_of(file: Path) -> str:
    """A document's name in the project: `docs/platform.md`."""
    return str(file.relative_to(ROOT))


def code_lines(file: Path) -> Iterator[str]:
    """The lines of a document's code blocks, fenced or indented, without their comments."""
    text = file.read_text("utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.S | re.M)
    indented = re.findall(r"(?<=\n\n)((?:    \S.*\n)+)", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M))
    for line in "".join([*blocks, *indented]).splitlines():
        yield re.split(r"\s+# ", line)[0].strip()


def typed(file: Path, program: str) -> list[list[str]]:
    """The arguments of a program wherever a document shows its use, in code blocks and between backticks."""
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", file.read_text("utf-8"), flags=re.S | re.M))
    commands = [part for line in (*code_lines(file), *spans) for part in re.split(r" (?:\||&&) |; ", line)]
    commands = [re.sub(r"^\S*dlws pytest\b", "pytest", command) for command in commands]  # pytest's own options
    called = (re.fullmatch(rf"(?:\S*[=/])?{program}(?: (.*))?", command) for command in commands)
    return [(match[1] or "").split() for match in called if match]
