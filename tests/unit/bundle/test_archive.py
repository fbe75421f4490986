"""A bundle's tar and manifest: the same folder gives the same bytes, and nothing of the machine that built it."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from bundle import archive
from bundle.process import BundleError

CONTENT = {
    "dlws": "#!/bin/sh\n",
    "bin/python3": "#!/bin/sh\n",
    "lib/libz.so.1": "z",
    "suite/a b.py": "",
    "suite/ü": "u",
}


def folder(path: Path, names: list[str], mode: int = 0o644, mtime: int = 0) -> Path:
    """A folder with CONTENT, written in the order of `names`."""
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(CONTENT[name])
        (path / name).chmod(mode)
        os.utime(path / name, (mtime, mtime))
    archive.write_manifest(path)
    return path


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    first = folder(tmp_path / "a", [*CONTENT])
    second = folder(tmp_path / "b", [*reversed(CONTENT)], mode=0o700, mtime=1_700_000_000)
    archive.pack(first, tmp_path / "a.tar", "dlws-1")
    archive.pack(second, tmp_path / "b.tar", "dlws-1")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_a_tar_says_nothing_of_who_built_it_and_when(tmp_path: Path) -> None:
    archive.pack(folder(tmp_path / "a", [*CONTENT]), tmp_path / "a.tar", "dlws-1")
    with tarfile.open(tmp_path / "a.tar") as tar:
        members = tar.getmembers()
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in members} == {(0, 0, "", "", archive.EPOCH)}
    assert {m.name for m in members if m.isdir()} == {"dlws-1", "dlws-1/bin", "dlws-1/lib", "dlws-1/suite"}
    assert {m.name for m in members if m.isfile() and m.mode == 0o755} == {"dlws-1/dlws", "dlws-1/bin/python3"}


def test_the_manifest_is_what_sha256sum_checks(tmp_path: Path) -> None:
    made = folder(tmp_path / "a", [*CONTENT])
    check = ["sha256sum", "--check", "--strict", "--quiet", archive.MANIFEST]
    assert len((made / archive.MANIFEST).read_text().splitlines()) == len(CONTENT)
    assert subprocess.run(check, cwd=made).returncode == 0
    (made / "lib/libz.so.1").write_text("another")
    changed = subprocess.run(check, cwd=made, capture_output=True, text=True)
    assert (changed.returncode, changed.stdout) == (1, "lib/libz.so.1: FAILED\n")


def test_a_signature_is_one_that_openssh_verifies(tmp_path: Path) -> None:
    key, file = tmp_path / "key", tmp_path / "a.tar"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    file.write_text("a bundle")
    signers = tmp_path / "signers"
    signers.write_text(f"li@example.com {key.with_suffix('.pub').read_text()}")
    signature = archive.sign(file, key)
    assert archive.sign(file, key) == signature  # an old one is replaced, nobody is asked
    verify = ["ssh-keygen", "-Y", "verify", "-n", archive.NAMESPACE, "-I", "li@example.com", "-f", str(signers)]
    assert subprocess.run([*verify, "-s", str(signature)], stdin=file.open(), capture_output=True).returncode == 0


def test_a_key_that_is_not_there_signs_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_text("a bundle")
    with pytest.raises(BundleError, match=r"^ssh-keygen: exit status 255: .*nokey"):
        archive.sign(tmp_path / "a.tar", tmp_path / "nokey")


def test_a_signature_is_of_the_file_as_it_is(tmp_path: Path) -> None:
    key, other, file = tmp_path / "key", tmp_path / "other", tmp_path / "content.lock"
    for path in (key, other):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
        path.with_suffix(".signers").write_text(f"li@example.com {path.with_suffix('.pub').read_text()}")
    file.write_text("{}")
    archive.sign(file, key)
    assert archive.signer(file, key.with_suffix(".signers")) == "li@example.com"
    with pytest.raises(BundleError):
        archive.signer(file, other.with_suffix(".signers"))
    file.write_text("{ }")
    with pytest.raises(BundleError):
        archive.signer(file, key.with_suffix(".signers"))
