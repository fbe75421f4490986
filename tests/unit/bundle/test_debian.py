"""Debian's packages of a bundle: what the lock may say, and what is taken out of a package."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bundle import debian
from bundle.process import BundleError
from dlws.inventory import Arch

SHA = "0" * 64


@pytest.mark.parametrize("arch", Arch)
def test_the_lock_has_each_package_once_for_both_architectures(arch: Arch) -> None:
    assert [package.name for package in debian.locked(arch)] == sorted(debian.PACKAGES)


def test_a_lock_is_read_by_architecture(tmp_path: Path) -> None:
    lock = tmp_path / "packages.lock"
    lock.write_text(f"# made\namd64 libc6 2.36-9 {SHA}\narm64 libc6 2.36-9+b1 {SHA}\n")
    (found,) = debian.locked(Arch.ARM64, lock)
    assert found == debian.Package(Arch.ARM64, "libc6", "2.36-9+b1", SHA)
    assert found.line() == f"arm64 libc6 2.36-9+b1 {SHA}\n"


@pytest.mark.parametrize("line", ["amd64 libc6 2.36", f"riscv64 libc6 1 {SHA}", f"amd64 ../x 1 {SHA}", "amd64 a 1 00"])
def test_a_line_that_pins_nothing_is_refused(tmp_path: Path, line: str) -> None:
    lock = tmp_path / "packages.lock"
    lock.write_text(f"# made\n{line}\n")
    with pytest.raises(BundleError, match=r"packages.lock:2: not ARCHITECTURE PACKAGE VERSION SHA256"):
        debian.locked(Arch.AMD64, lock)


def shown(*names: str) -> str:
    """What `apt-cache show` prints."""
    return "\n".join(f"Package: {name}\nVersion: 1.0\nSize: 5\nMD5sum: 1\nSHA256: {SHA}\n" for name in names)


def test_candidates_are_what_apt_shows() -> None:
    found = debian.candidates(shown(*debian.PACKAGES, "another"), Arch.AMD64)
    assert [package.name for package in found] == sorted(debian.PACKAGES)
    assert {(package.version, package.sha256) for package in found} == {("1.0", SHA)}


def test_sources_of_another_release_are_an_error() -> None:
    with pytest.raises(BundleError, match=r"have no python3.11-minimal for arm64: they must be those of Debian 12"):
        debian.candidates(shown(*debian.PACKAGES[1:]), Arch.ARM64)


@pytest.fixture
def deb(tmp_path: Path) -> Path:
    """A package with a program, a link to a file of the machine, and a script for its installation."""
    root = tmp_path / "root"
    for name, text in {"usr/bin/tool": "tool", "DEBIAN/postinst": "#!/bin/sh\nexit 1\n"}.items():
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(text)
    (root / "DEBIAN/postinst").chmod(0o755)
    (root / "DEBIAN/control").write_text(
        "Package: tool\nVersion: 1\nArchitecture: all\nMaintainer: a\nDescription: a\n"
    )
    (root / "usr/bin/link").symlink_to("/etc/passwd")
    made = tmp_path / "tool_1_all.deb"
    subprocess.run(["dpkg-deb", "--build", str(root), str(made)], check=True, capture_output=True)
    return made


def test_only_plain_files_come_out_of_a_package(deb: Path) -> None:
    assert list(debian.files_of(deb)) == [("usr/bin/tool", b"tool")]


def test_a_package_that_was_cut_off_is_an_error(deb: Path) -> None:
    deb.write_bytes(deb.read_bytes()[:200])
    with pytest.raises(BundleError, match=r"tool_1_all.deb cannot be unpacked"):
        list(debian.files_of(deb))


def test_a_package_with_another_digest_is_not_used(tmp_path: Path, deb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "packages.lock"
    lock.write_text(f"amd64 tool 1 {SHA}\n")
    monkeypatch.setattr(debian, "PACKAGES", ("tool",))
    monkeypatch.setattr(debian, "LOCK", lock)
    monkeypatch.setattr(debian, "locked", lambda arch: [debian.Package(arch, "tool", "1", SHA)])
    monkeypatch.setattr(debian, "output_of", lambda *_, **__: b"")
    with pytest.raises(BundleError, match=r"not as packages.lock has them: tool: run dlws bundle lock"):
        debian.fetch(Arch.AMD64, tmp_path)
