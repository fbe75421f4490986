"""Both bundles, built and started in an empty root: what they judge and write is what the checkout does.

Needs root on a machine of its own, bash-static and strace; for the other architecture
qemu-user-static. The builds fetch packages.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from bundle.archive import digest_of
from dlws.inventory import Arch
from dlws.record.run_folder import OUT
from tests.bundle.jail import NOBODY, Jail, empty_root

pytestmark = [pytest.mark.long, pytest.mark.skipif(os.geteuid() != 0, reason="only root can make an empty root")]
ROOT = Path(__file__).parents[2]
NATIVE = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
DLWS = "/opt/dlws/dlws"


def built(arch: str, output: Path) -> Path:
    """The tar of a bundle, built now."""
    command = [sys.executable, "-m", "dlws", "bundle", "build", "--arch", arch, "--output", str(output)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=3000)
    (tar,) = output.glob(f"dlws-*-{arch}.tar")
    return tar


@pytest.fixture(scope="module", params=[str(arch) for arch in Arch])
def tar(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    arch = request.param
    if arch != NATIVE and not shutil.which(f"qemu-{Arch(arch).machine}-static"):
        pytest.skip(f"qemu-user-static is not installed: the bundle for {arch} cannot be started here")
    return built(arch, tmp_path_factory.mktemp(arch))


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last audit of this checkout that ended: one copy for both bundles, whatever is recorded meanwhile."""
    runs = [run for run in sorted(OUT.glob("*/*-verify")) if (run / "verdicts.json").exists()]
    if not runs:
        pytest.skip("no audit is recorded below reports/out: make demo")
    return Path(shutil.copytree(runs[-1], tmp_path_factory.mktemp("recording") / runs[-1].name))


@pytest.fixture(scope="module")
def jail(recording: Path, tar: Path, tmp_path_factory: pytest.TempPathFactory) -> Jail:
    """The bundle in an empty root, with a recorded audit in the user's home, as `run`."""
    folder = tmp_path_factory.mktemp("jail")
    for place in (folder, *folder.parents[:2]):
        place.chmod(0o755)
    with tarfile.open(tar) as archive:
        archive.extractall(folder, filter="tar")
    arch = tar.stem.rpartition("-")[2]
    made = empty_root(folder / tar.stem, folder, arch, NATIVE)
    shutil.copytree(recording, made.home / "run")
    shutil.copy(ROOT / "lab/config.yaml", made.home)
    for path in made.home.rglob("*"):
        shutil.chown(path, NOBODY, NOBODY)
    return made


def test_a_second_build_is_the_same_in_every_byte(tar: Path, tmp_path: Path) -> None:
    again = built(tar.stem.rpartition("-")[2], tmp_path)
    assert digest_of(again) == digest_of(tar)
    assert again.with_name(f"{tar.name}.sha256").read_text() == f"{digest_of(tar)}  {tar.name}\n"


def test_every_file_is_in_the_manifest(jail: Jail) -> None:
    check = subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "MANIFEST"], cwd=jail.bundle)
    files = [path for path in jail.bundle.rglob("*") if path.is_file()]
    assert check.returncode == 0
    assert len((jail.bundle / "MANIFEST").read_text().splitlines()) == len(files) - 1


def test_lint_says_what_the_checkout_says(jail: Jail) -> None:
    ran = jail.run(DLWS, "lint", "config.yaml")
    assert ran.stdout.startswith("config.yaml:"), ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_replay_is_the_same_in_every_byte(jail: Jail) -> None:
    replayed = jail.run(DLWS, "pytest", "-m", "verify", "--replay", "run", "-n", "2")
    assert replayed.returncode in (0, 1), replayed.stdout + replayed.stderr
    written = [jail.run(DLWS, "reports", "json", run).stdout for run in ("run", "latest")]
    checkout = [sys.executable, "-m", "dlws", "reports", "json", str(jail.home / "run")]
    ours = subprocess.run(checkout, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert len(ours) > 1000
    assert [text == ours for text in written] == [True, True]


PDFS: dict[str, bytes] = {}


def test_the_acceptance_document_is_the_same_pdf_everywhere(jail: Jail, tar: Path) -> None:
    ran = jail.run(DLWS, "reports", "acceptance", "run", "--format", "pdf", "--language", "zh")
    assert ran.returncode == 0, ran.stderr
    made = (jail.home / "run" / "acceptance.zh.pdf").read_bytes()
    assert made.startswith(b"%PDF-")
    PDFS[tar.name] = made
    assert len(set(PDFS.values())) == 1


def test_keys_are_made_and_read_by_its_own_openssh(jail: Jail) -> None:
    make = ["ssh-keygen", "-q", "-t", "rsa", "-b", "4096", "-N", "", "-f", "key"]
    made = jail.run("/opt/dlws/bin/python3", "-c", f"import subprocess; subprocess.run({make}, check=True)")
    assert made.returncode == 0, made.stderr
    derived = jail.run("/opt/dlws/bin/ssh-keygen", "-y", "-f", "key")
    assert derived.stdout.split()[1] == (jail.home / "key.pub").read_text().split()[1]


LOADER = re.compile(r"/lib/ld-linux-[^/]+$")
OF_THE_MACHINE = re.compile(
    r"/(proc|dev|sys|tmp)(/|$)|/etc/(passwd|group|localtime|hosts|resolv\.conf)$|(/usr/share|/lib|/etc)/terminfo/"
    r"|(/usr)?/bin/uname$"
)
"""What the kernel shows, temporary files, and what only the machine can tell; no program, library or setting."""


def opened(trace: str, bundle: Path) -> set[str]:
    """The files outside of the bundle that programs of the bundle opened or started, from strace -f."""
    ours, found = set(), set()
    for pid, call, path in re.findall(r'^(\d+) +(\w+)\((?:AT_FDCWD, )?"([^"]*)".*= \d+', trace, re.MULTILINE):
        if call == "execve" and LOADER.search(path):
            ours.add(pid)
        elif call == "execve":
            ours.discard(pid)  # a script, which the machine's shell reads
        if (pid in ours or call == "execve") and path.startswith("/") and not path.startswith(f"{bundle}/"):
            found.add(path)
    return found


def test_no_file_of_the_machine_is_opened(jail: Jail, tar: Path, tmp_path: Path) -> None:
    if NATIVE not in tar.name:
        pytest.skip("strace sees qemu here, not the program")
    trace = tmp_path / "trace"
    shutil.copytree(jail.home / "run", tmp_path / "run")
    strace = ["strace", "-f", "-qq", "-s", "4096", "-o", str(trace), "-e", "trace=open,openat,execve"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "en_US.UTF-8", "TERM": "xterm"}
    for words in (
        ["pytest", "-m", "verify", "--replay", "run"],
        ["reports", "acceptance", "latest", "--format", "pdf"],
    ):
        ran = subprocess.run(
            [*strace, jail.bundle / "dlws", *words], cwd=tmp_path, env=environment, capture_output=True
        )
        assert ran.returncode in (0, 1), ran.stderr
        found = opened(trace.read_text(errors="replace"), jail.bundle)
        assert {
            path for path in found if not OF_THE_MACHINE.match(path) and not path.startswith(str(tmp_path))
        } == set()
