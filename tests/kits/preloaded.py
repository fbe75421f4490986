"""What a run of the kit would load (`tests.kits.forked`), but for plugins, which pytest wants to load itself.

xdist hands the path for imports on to workers as it was when it was loaded.
"""

import sys

import dlws.engine.conclusion
import dlws.engine.run
import reports.plugin
import reports.terminal
import tests.kits.project

LOADED = (dlws.engine.conclusion, dlws.engine.run, reports.plugin, reports.terminal, tests.kits.project)
assert "xdist" not in sys.modules
