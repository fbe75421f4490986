"""The peers' virtual environment, created once from the pinned requirements and kept in a cache folder."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def cache() -> Path:
    """The folder for environments: `DLWS_BENCH_CACHE`, or one in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("DLWS_BENCH_CACHE") or f"{base}/dlws-suite/bench").expanduser()


def peers() -> Path:
    """The `bin` folder of the environment for the requirements, which is created if necessary."""
    stamp = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = cache() / stamp
    if not (folder / "made").exists():
        print(f"creating the peers' environment in {folder}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(folder / "bin" / "pip"), "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=True)
        subprocess.run([folder / "bin" / "python", "-m", "compileall", "-q", folder / "lib"], check=False)
        (folder / "made").touch()
    return folder / "bin"
