"""Python's libraries of a bundle: only files that the lock pins, and what is built of them is the same each time."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from bundle import wheels
from bundle.process import BundleError
from dlws.inventory import Arch


def sdist(folder: Path) -> Path:
    """A library that comes as source alone."""
    made = folder / "legacy-0.1.tar.gz"
    with tarfile.open(made, "w:gz") as archive:
        setup = "from setuptools import setup\nsetup(name='legacy', version='0.1', py_modules=['a'])\n"
        for name, text in {"setup.py": setup, "a.py": "\n"}.items():
            member = tarfile.TarInfo(f"legacy-0.1/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return made


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with the files of a lock that pins `legacy`."""
    source = sdist(tmp_path)
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"legacy==0.1 --hash=sha256:{hashlib.sha256(source.read_bytes()).hexdigest()}\n")
    monkeypatch.setattr(wheels, "LOCK", lock)
    folder = tmp_path / f"wheels-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    folder.mkdir()
    source.rename(folder / source.name)
    return tmp_path


def test_a_library_built_twice_is_the_same_in_every_byte(kept: Path) -> None:
    first, second = (wheels.fetch(Arch.ARM64, kept, kept / name) for name in ("a", "b"))
    assert [wheel.name for wheel in first] == ["legacy-0.1-py3-none-any.whl"]
    assert first[0].read_bytes() == second[0].read_bytes()


def test_a_file_that_no_lock_pins_is_an_error(kept: Path) -> None:
    (folder,) = kept.glob("wheels-*")
    (folder / "legacy-0.2-py3-none-any.whl").write_bytes(b"another")
    with pytest.raises(BundleError, match=r"^not as requirements.lock has them: legacy-0.2-py3-none-any.whl; remove /"):
        wheels.fetch(Arch.ARM64, kept, kept / "a")


def test_only_what_is_imported_comes_out_of_a_wheel(tmp_path: Path) -> None:
    wheel = tmp_path / "a-1-py3-none-any.whl"
    names = (
        "a/__init__.py",
        "a-1.dist-info/METADATA",
        "a-1.data/purelib/b.py",
        "a-1.data/scripts/a",
        "a-1.data/data/x",
    )
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    assert [path for path, _ in wheels.files_of(wheel)] == ["a/__init__.py", "a-1.dist-info/METADATA", "b.py"]
