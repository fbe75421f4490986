"""Registers the suite's plugins; nothing else. Where Python or a library is missing, it says so in one line.

Any Python from 3.6 on can read this file, so that the line appears instead of a traceback.
"""

import sys
from importlib.util import find_spec

HOW = "run `make env` in the suite's folder, then `. .venv/bin/activate`, or call .venv/bin/pytest"

if sys.version_info < (3, 11):  # noqa: UP036  an older Python comes here before anything checks
    sys.exit(f"The suite needs Python 3.11 or newer, this is Python 3.{sys.version_info[1]}: {HOW}")
for library in ("pydantic", "testinfra", "xdist"):
    if find_spec(library) is None:
        sys.exit(f"The suite's library {library} is not installed for {sys.executable}: {HOW}")

pytest_plugins = ["dlws.engine.plugin", "fixtures.plugin", "reports.plugin"]
"""How checks and stages are run, what they may ask for by name, and what is made of a run."""
