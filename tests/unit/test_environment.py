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
LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")
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
    """A folder for PATH: `python` makes a venv with this environment's pip, which is quicker."""
    folder = tmp_path / "bin"
    folder.mkdir()
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
        ["make", "env", "PYTHON=python"],
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


@pytest.mark.parametrize(
    ("python", "says"),
    [
        ("exit 1", "python is not Python 3.11 or newer"),  # an old one, or none at all
        ('[ "$1" = -c ]', "missing here, and there is no apt-get: python3-venv openssh-client"),
    ],
)
def test_make_env_on_an_unfit_machine_names_the_bundle(tmp_path: Path, python: str, says: str) -> None:
    (tmp_path / "python").write_text(f"#!/bin/sh\n{python}\n")
    (tmp_path / "python").chmod(0o755)
    for name in ("bash", "id"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    for name in ("Makefile", "pyproject.toml", *LOCKS):
        (tmp_path / name).touch()
    shutil.copy(ROOT / "Makefile", tmp_path)
    command = [str(shutil.which("make")), "env", "PYTHON=python", "SHELL=/bin/bash"]
    made = subprocess.run(command, cwd=tmp_path, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert made.returncode == 2
    assert made.stderr.startswith(says)
    assert "use the bundle, which brings all that it needs" in made.stderr.splitlines()[0]


def pinned_in(lock: str) -> dict[str, str]:
    """The versions by name in a lock file."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", (ROOT / lock).read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("requirements.lock", PYPROJECT["project"]["dependencies"]),
        ("requirements-build.lock", PYPROJECT["dependency-groups"]["build"]),
        ("requirements-dev.lock", PYPROJECT["dependency-groups"]["dev"]),
    ],
)
def test_each_lock_satisfies_its_part_of_pyproject(lock: str, wanted: list[str]) -> None:
    pinned = pinned_in(lock)
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_a_library_has_one_version_in_all_locks() -> None:
    pins = {pin for lock in LOCKS for pin in pinned_in(lock).items()}
    assert len(pins) == len({name for name, _ in pins})


def test_the_run_time_lock_names_no_developer_tool() -> None:
    assert {"hypothesis", "mypy", "pip", "ruff"} & pinned_in("requirements.lock").keys() == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(lock: str) -> None:
    text = re.sub(r"\\\n", "", (ROOT / lock).read_text())
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
