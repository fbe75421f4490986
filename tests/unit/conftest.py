"""What all unit tests share: hypothesis without a clock, and `python3` without a detour.

How long something takes depends on who else uses the machine, so no test is a stopwatch. What must not wait is told
from what would, by a limit far from both that names the longer one; what must not compute for long, by CPU seconds.
"""

import os
import sys
from pathlib import Path

from hypothesis import settings

settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

# Agents start `python3` by the hundred; where that is a version manager's shell script, it takes ten times as long.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).resolve().parent), os.environ.get("PATH", os.defpath)])
