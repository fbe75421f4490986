"""What all unit tests share: hypothesis without a clock, and `python3` without a detour.

How long something takes depends on who else uses the machine: a test may have a deadline after which it gives up, and
may compare what the code says about time; a limit on the seconds that the code takes stands only where it says why.
"""

import os
import sys
from pathlib import Path

from hypothesis import settings

settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

# Agents start `python3` by the hundred; where that is a version manager's shell script, it takes ten times as long.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).resolve().parent), os.environ.get("PATH", os.defpath)])
