"""Runs pytest-testinfra's own module tests over our backend: `python -m tests.testinfra_modules CHECKOUT`.

CHECKOUT is a clone of pytest-dev/pytest-testinfra. Of it are used, and never kept: test/test_modules.py, test/ssh_key
and images/debian_bookworm/Dockerfile. Prints the table of docs/testinfra.md; exit status 0 if all that apply pass.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from lab.process import LabError
from tests.testinfra_modules import debian

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Build the image, put our conftest beside their tests, run them."""
    parser = argparse.ArgumentParser(prog="python -m tests.testinfra_modules", description=__doc__)
    parser.add_argument("checkout", type=Path, help="a clone of pytest-dev/pytest-testinfra")
    arguments, for_pytest = parser.parse_known_args()
    try:
        debian.ensure_image(arguments.checkout / "images" / "debian_bookworm" / "Dockerfile")
    except (LabError, OSError) as error:
        print(f"testinfra modules: {error}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        theirs = arguments.checkout / "test"
        shutil.copy(theirs / "test_modules.py", folder)
        shutil.copy(theirs / "ssh_key", folder)
        shutil.copy(HERE / "conftest_beside_theirs.py", Path(folder) / "conftest.py")
        (Path(folder) / "ssh_key").chmod(0o600)
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # testinfra's plugin has a `host` fixture of its own
        options = ["--rootdir", folder, "--confcutdir", folder, "-p", "no:cacheprovider", "-c", os.devnull]
        return int(pytest.main([folder, *options, *for_pytest]))


sys.exit(main())
