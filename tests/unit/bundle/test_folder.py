"""The folder of a bundle: what goes into it, where to, and what would be missing."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from bundle import folder
from bundle.process import BundleError
from dlws.inventory import Arch

LIBRARY = Path("/bin/ls").read_bytes()


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("usr/lib/python3.11/os.py", "lib/python3.11/os.py"),
        ("usr/lib/python3.11/ensurepip/__init__.py", ""),  # it would need pip's wheel
        ("usr/lib/python3.11/sitecustomize.py", ""),  # the bundle has its own
        ("usr/bin/python3.11", "libexec/python3.11"),
        ("usr/bin/ssh-keygen", "libexec/ssh-keygen"),
        ("usr/bin/ssh-agent", ""),
        ("bin/cat", "libexec/cat"),
        ("usr/bin/install", "libexec/install"),
        ("bin/ls", ""),
        ("usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc", "fonts/NotoSansCJK-Bold.ttc"),
        ("usr/share/fonts/opentype/noto/NotoSerifCJK-Bold.ttc", ""),
        ("usr/share/doc/libc6/copyright", "licenses/libc6"),
        ("usr/share/common-licenses/GPL-3", "licenses/common/GPL-3"),
        ("etc/ssh/ssh_config", ""),
        ("usr/lib/aarch64-linux-gnu/libz.so.1.2.13", ""),  # of another architecture
        ("usr/lib/x86_64-linux-gnu/libtool.so", ""),  # a linker's script
    ],
)
def test_each_file_of_a_package_has_one_place_or_none(path: str, place: str) -> None:
    assert folder.place_of(path, b"a text", Arch.AMD64) == place


def test_a_library_is_called_as_others_load_it() -> None:
    libc = Path("/lib/x86_64-linux-gnu/libc.so.6")
    if not libc.exists():
        pytest.skip("no libc of amd64 on this machine")
    assert folder.place_of("lib/x86_64-linux-gnu/libc-2.36.so", libc.read_bytes(), Arch.AMD64) == "lib/libc.so.6"


def test_a_path_of_the_machine_is_hidden_from_a_library() -> None:
    content = b"\0/etc/nsswitch.conf\0/etc/hosts\0"
    hidden = folder.masked("lib/libc.so.6", content)
    assert len(hidden) == len(content)
    assert b"nsswitch" not in hidden
    assert b"\0/etc/hosts\0" in hidden
    assert folder.masked("lib/libz.so.1", content) == content


def test_a_library_that_names_another_path_is_not_taken_as_it_is() -> None:
    with pytest.raises(BundleError, match=r"^lib/libc.so.6 does not name /etc/nsswitch.conf"):
        folder.masked("lib/libc.so.6", b"/usr/etc/nsswitch.conf.d\0")


def test_a_missing_library_is_named_with_who_needs_it(tmp_path: Path) -> None:
    (tmp_path / "libexec").mkdir()
    shutil.copy("/bin/ls", tmp_path / "libexec/ls")
    machine = next(arch for arch in Arch if arch.machine.encode() in _machine())
    assert "libexec/ls: libc.so.6" in list(folder.lacking(tmp_path, machine))


def test_a_program_of_the_other_architecture_is_an_error(tmp_path: Path) -> None:
    shutil.copy("/bin/ls", tmp_path / "ls")
    other = next(arch for arch in Arch if arch.machine.encode() not in _machine())
    with pytest.raises(BundleError, match=rf"^ls is for \w+, not for {other.machine}$"):
        list(folder.lacking(tmp_path, other))


def _machine() -> bytes:
    return {62: b"x86_64", 183: b"aarch64"}[int.from_bytes(LIBRARY[18:20], "little")]


def test_a_bundle_has_what_runs_and_nothing_private() -> None:
    names = folder.committed()
    assert {"dlws/cli.py", "checks/control.py", "requirements.lock", "pytest.ini", "reports/templates/report.css"} <= {
        *names
    }
    assert [
        name for name in names if name.startswith(("lab/", "tests/", "state/", "reports/out/")) or "/." in name
    ] == []


def test_what_changes_while_a_bundle_is_built_is_not_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pytest.ini").write_text("committed")
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", tmp_path, *words], check=True)
    (tmp_path / "pytest.ini").write_text("changed")
    monkeypatch.setattr(folder, "ROOT", tmp_path)
    monkeypatch.setattr(folder, "SUITE", ("pytest.ini",))
    assert folder.committed() == {"pytest.ini": b"committed"}


def test_every_command_of_a_bundle_has_its_code_in_it() -> None:
    names, points = folder.committed(), folder.entry_points()
    modules = [line.split(" = ")[1].partition(":")[0] for line in points.splitlines() if " = " in line]
    assert all(f"{module.replace('.', '/')}.py" in names for module in modules)
    assert {"lint", "pytest", "reports"} <= {line.split(" = ")[0] for line in points.splitlines()}
    assert "lab" not in points


def test_a_bundle_has_the_version_of_the_suite() -> None:
    assert folder.version() == tomllib.loads((folder.ROOT / "pyproject.toml").read_text())["project"]["version"]
