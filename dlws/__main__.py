"""The `dlws` command as a module: `python -m dlws`."""

from __future__ import annotations

import sys

from dlws.start import main

if __name__ == "__main__":
    sys.exit(main())
