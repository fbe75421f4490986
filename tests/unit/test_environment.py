"""`make env` installs what the lock files pin and nothing else, and the lock files fit pyproject.toml."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dlws.facts import control_host

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NOT_LOCKED = "9999"
"""A version that is higher than that of every package, so that whoever may choose takes it."""
PROJECT = """
[project]
name = "tiny"
version = "0.1"
[build-system]
requires = ["setuptools>=80"]
build-backend = "setuptools.build_meta"
[tool.setuptools]
packages = []
"""


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """A folder of packages: `legacy` as an sdist without a pyproject.toml, and traps that nothing pins."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in ("setuptools", "wheel"):
        _trap(name, folder)
    with tarfile.open(folder / "legacy-0.1.tar.gz", "w:gz") as archive:
        content = b"from setuptools import setup\nsetup(name='legacy', version='0.1', py_modules=[])\n"
        member = tarfile.TarInfo("legacy-0.1/setup.py")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return folder


def _trap(name: str, folder: Path) -> None:
    """A wheel that must not be installed: whoever imports it says so in the file that TRAP names."""
    metadata = f"{name}-{NOT_LOCKED}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{NOT_LOCKED}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", f"import os\nopen(os.environ['TRAP'], 'a').write('{name} was run')\n")
        wheel.writestr(f"{metadata}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {NOT_LOCKED}\n")
        wheel.writestr(f"{metadata}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{metadata}/RECORD", "")


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder for PATH: Chromium is there, and `python` makes a venv with this environment's pip, which is quicker."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "chromium").symlink_to("/bin/true")
    python = folder / "python"
    site = sysconfig.get_path("purelib")
    python.write_text(
        f"""#!/bin/sh -e
[ "$1 $2" = "-m venv" ] || exec {sys.executable} "$@"
{sys.executable} -m venv --without-pip "$3"
echo {site} > "$(echo "$3"/lib/python3*/site-packages)/this.pth"
printf '#!/bin/sh\nexec "${{0%%/*}}/python" -m pip "$@"\n' > "$3/bin/pip"
chmod +x "$3/bin/pip"
"""
    )
    python.chmod(0o755)
    return folder


def test_make_env_installs_nothing_that_is_not_locked(index: Path, programs: Path, tmp_path: Path) -> None:
    project, trap = tmp_path / "project", tmp_path / "trap"
    project.mkdir()
    shutil.copy(ROOT / "Makefile", project)
    (project / "pyproject.toml").write_text(PROJECT)
    legacy = index / "legacy-0.1.tar.gz"
    (project / "requirements.lock").write_text(f"legacy==0.1 --hash=sha256:{sha256(legacy.read_bytes()).hexdigest()}\n")
    build = f"setuptools=={version('setuptools')} --hash=sha256:{'0' * 64}\n"  # is installed already
    (project / "requirements-build.lock").write_text(build)
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PIP_CONFIG_FILE": os.devnull}
    made = subprocess.run(
        ["make", "env", "PYTHON=python", "PACKAGES="],
        cwd=project,
        env=os.environ
        | pip
        | {"PATH": f"{programs}:{os.environ['PATH']}", "PIP_LOG": str(tmp_path / "log"), "TRAP": str(trap)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    log = (tmp_path / "log").read_text()
    assert not trap.exists(), trap.read_text()
    assert made.returncode == 0, made.stderr
    used = {Path(name).name for name in re.findall(r"(?:Processing|Obtaining) (\S+)", log)}
    assert used == {"project", legacy.name}


def test_the_locks_satisfy_pyproject() -> None:
    wanted = [*PYPROJECT["project"]["dependencies"], *PYPROJECT["dependency-groups"]["build"]]
    wanted += PYPROJECT["project"]["optional-dependencies"]["dev"]
    pinned = {canonicalize_name(name): version for name, version in control_host.pinned_libraries()}
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_every_pin_has_a_hash() -> None:
    for lock in control_host.LOCKS:
        text = re.sub(r"\\\n", "", lock.read_text())
        assert [line for line in text.splitlines() if "==" in line and "--hash=sha256:" not in line] == []


@pytest.mark.parametrize(
    "vulnerable",
    [
        "cryptography==49.0.0",  # its wheels bring OpenSSL 4.0.1; 4.0.2 is a security release
        "jinja2==3.1.5",  # CVE-2025-27516: out of the sandbox
        "paramiko==4.0.0",  # CVE-2026-44405
        "urllib3==2.6.3",
        "weasyprint==69.0",  # fetches what a redirect names
    ],
)
def test_a_version_with_a_known_hole_cannot_be_chosen(vulnerable: str) -> None:
    name, _, release = vulnerable.partition("==")
    allowed = [r for r in map(Requirement, PYPROJECT["project"]["dependencies"]) if r.name == name]
    assert [r.specifier.contains(release) for r in allowed] == [False]


def test_what_is_installed_is_what_is_locked() -> None:
    assert control_host.other_libraries() == []
