"""The command that lists /etc/pam.d and /usr/lib/pam.d, by a shell."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from dlws.parse.host import pam
from dlws.verdict import Unparsable
from tests.unit.parse.test_pam import OPEN, PERMIT


class Host:
    """What `LIST` prints for two folders below tmp_path."""

    def __init__(self, root: Path) -> None:
        self.root, self.path = root, os.environ["PATH"]
        for folder in pam.FOLDERS:
            (root / folder[1:]).mkdir(parents=True)

    def write(self, path: str, data: bytes) -> Path:
        file = self.root / path[1:]
        file.write_bytes(data)
        return file

    def tool(self, script: str) -> None:
        """A sed of its own for the host."""
        (self.root / "sed").write_text(f"#!/bin/sh\n{script}\n")
        (self.root / "sed").chmod(0o755)
        self.path = f"{self.root}:{self.path}"

    def run(self) -> subprocess.CompletedProcess[str]:
        command = pam.LIST
        for folder in pam.FOLDERS:
            command = command.replace(f"{folder}/*", f"{self.root}{folder}/*")
        result = subprocess.run(
            ["/bin/sh", "-c", command],
            env={"PATH": self.path, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        result.stdout = result.stdout.replace(f"== {self.root}", "== ")
        return result

    def files(self) -> dict[str, list[str]]:
        result = self.run()
        assert (result.returncode, result.stderr) == (0, "")
        return pam.files(result.stdout)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_the_command_lists_both_folders(host: Host) -> None:
    host.write("/etc/pam.d/su", b"auth sufficient pam_rootok.so\n\n  # two\nauth required \\\n pam_unix.so # three \\")
    host.write("/etc/pam.d/empty", b"")
    host.write("/usr/lib/pam.d/polkit-1", b"auth required pam_permit.so\n\n\n")
    files = host.files()
    assert [line for line in files.pop("/etc/pam.d/su") if line] == [
        "auth sufficient pam_rootok.so",
        "#",
        "auth required \\",
        " pam_unix.so#",
    ]
    assert {path: [line for line in lines if line] for path, lines in files.items()} == {
        "/etc/pam.d/empty": [],
        "/usr/lib/pam.d/polkit-1": ["auth required pam_permit.so"],
    }


def test_the_command_passes_over_what_is_no_file(host: Host) -> None:
    su = host.write("/etc/pam.d/su", PERMIT.encode())
    (su.parent / "folder").mkdir()
    (su.parent / "dangling").symlink_to("gone")
    (su.parent / "link").symlink_to("su")
    (su.parent / "masked").symlink_to("/dev/null")
    host.write("/usr/lib/pam.d/masked", PERMIT.encode())
    files = host.files()
    assert set(files) == {f"/etc/pam.d/{name}" for name in ("su", "link", "masked")} | {"/usr/lib/pam.d/masked"}
    assert pam.opening(files, "link") == OPEN
    assert pam.opening(files, "masked") is None


def test_the_command_loses_no_line_with_other_bytes(host: Host) -> None:
    host.write(
        "/etc/pam.d/su", b"# f\xfcr alle \xff#\nauth optional pam_echo.so gr\xfc\xdfe\nauth required pam_permit.so\n"
    )
    assert pam.opening(host.files(), "su") == OPEN


def test_the_command_fails_where_a_file_cannot_be_read(host: Host) -> None:
    host.write("/etc/pam.d/su", PERMIT.encode())
    host.tool("echo 'auth required pam_deny.so'; echo cannot >&2; exit 4")
    result = host.run()
    assert result.returncode == 2
    assert result.stderr == "cannot\n"
    assert "pam_deny" not in result.stdout


def test_the_command_passes_over_a_file_that_goes(host: Host) -> None:
    for name in ("a", "gone", "su"):
        host.write(f"/etc/pam.d/{name}", PERMIT.encode())
    host.tool('case $2 in */gone) rm $2;; esac; exec /bin/sed "$@"')
    result = host.run()
    assert result.returncode == 0
    assert set(pam.files(result.stdout)) == {"/etc/pam.d/a", "/etc/pam.d/su"}


def test_a_host_without_such_folders_is_said(host: Host) -> None:
    with pytest.raises(Unparsable):
        host.files()
