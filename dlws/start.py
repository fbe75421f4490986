"""The `dlws` command, where the libraries that it needs may be missing: one line instead of a traceback."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; returns the exit status."""
    try:
        from dlws import cli
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "dlws":
            raise
        print(f"dlws: the library {error.name} is not installed here: run `make env`", file=sys.stderr)
        return 1
    return cli.main()
