"""The `dlws` command, where Python is too old or a library is missing: one line instead of a traceback.

Any Python from 3.6 on can read this file, and `dlws/__main__.py`.
"""

import sys

OLDEST = (3, 11)
"""The oldest Python that the suite runs on, as in pyproject.toml."""


def main() -> int:
    """Run the command line; returns the exit status."""
    if sys.version_info < OLDEST:
        wanted, found = (f"Python {version[0]}.{version[1]}" for version in (OLDEST, sys.version_info))
        print(
            f"dlws: {wanted} or newer is needed, this is {found}: run `make env`, then .venv/bin/dlws", file=sys.stderr
        )
        return 1
    try:
        from dlws import cli
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "dlws":
            raise
        print(f"dlws: the library {error.name} is not installed here: run `make env`", file=sys.stderr)
        return 1
    return cli.main()
