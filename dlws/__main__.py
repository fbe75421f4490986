"""The `dlws` command as a module: `python -m dlws`."""

import sys

from dlws.start import main

if __name__ == "__main__":
    sys.exit(main())
