"""The apt sources that the suite adds with their keys, by the real apt in a folder of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlws.config.cluster import Cluster, load
from dlws.hostfiles import apt_source
from dlws.remote.change import Applier, Change
from dlws.remote.host import Host
from dlws.remote.local import open_process
from install import s3_08_sources as stages
from tests.kits.config_example import no_dns, write

pytestmark = pytest.mark.skipif(not (shutil.which("apt-get") and shutil.which("gpg")), reason="needs apt and gpg")
LINE = "deb http://mirror/apt k8s main"


@pytest.fixture(scope="module")
def signer() -> Iterator[Path]:
    """A key ring of a mirror; its folder's name is short, as a socket lies in it."""
    home = Path(tempfile.mkdtemp())
    gpg(home, "--batch", "--passphrase", "", "--quick-generate-key", "mirror", "ed25519", "sign")
    yield home
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    shutil.rmtree(home, ignore_errors=True)  # the agent takes its sockets away itself


def gpg(home: Path, *args: str) -> bytes:
    return subprocess.run(["gpg", "-q", "--homedir", str(home), *args], check=True, capture_output=True).stdout


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's /etc/apt in a folder."""
    for folder in (
        "etc/apt/trusted.gpg.d",
        "etc/apt/sources.list.d",
        "var/lib/apt/lists/partial",
        "var/cache/apt/archives/partial",
    ):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("SOURCES", "KEYRINGS", "TRUSTED_FOR_ALL"):
        monkeypatch.setattr(apt_source, name, f"{tmp_path}{getattr(apt_source, name)}")
    return tmp_path


def repository(root: Path, signer: Path, name: str) -> str:
    """A repository that the mirror has signed; its line."""
    folder = root / name
    folder.mkdir()
    (folder / "Packages").write_bytes(b"")
    empty = f" {hashlib.sha256().hexdigest()} 0 Packages"
    (folder / "Release").write_text(f"Date: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n{empty}\n")
    (folder / "InRelease").write_bytes(gpg(signer, "--clearsign", "-o", "-", str(folder / "Release")))
    return f"deb file:{folder} ./"


def update(root: Path) -> str:
    words = ["-o", f"Dir={root}", "-o", "Dir::State::status=/dev/null", "-o", "APT::Sandbox::User=root"]
    environment = {**os.environ, "LC_ALL": "C"}
    ran = subprocess.run(["apt-get", *words, "update"], capture_output=True, text=True, env=environment)
    return ran.stdout + ran.stderr


def configured(root: Path, line: str, key: bytes) -> Cluster:
    (root / "k8s.key").write_bytes(key)
    own = f"    cni_manifest: weave.yaml\n    apt_source: {line}\n    apt_key: k8s.key\n"
    return load(write(root, ("    cni_manifest: weave.yaml\n", own)), resolve=no_dns)


def install(cluster: Cluster) -> list[str]:
    connection = open_process("a1").connect()
    host = Host(connection)
    change = Change(host, Applier(host, lambda: connection))
    stages.test_kube_source(cluster, host, change)
    stages.test_package_sources(cluster, cluster.node("atlas-gpu01"), host, change)
    connection.close()
    return [action.text for action in change.actions]


@pytest.mark.parametrize("form", ["--armor", "--no-armor"])
def test_the_key_vouches_for_its_own_source_and_no_other(root: Path, signer: Path, form: str) -> None:
    ours, other = repository(root, signer, "ours"), repository(root, signer, "other")
    install(configured(root, ours, gpg(signer, form, "--export")))
    assert not set(update(root).split()) & {"E:", "W:", "Err:1"}
    (root / "etc/apt/sources.list.d/other.list").write_text(f"{other}\n")
    assert f"GPG error: {other.split()[1]} ./ InRelease" in update(root)


def test_a_key_that_vouched_for_every_source_is_taken_away(root: Path, signer: Path) -> None:
    old = root / "etc/apt/trusted.gpg.d/dlws-kubernetes.asc"
    old.write_bytes(gpg(signer, "--armor", "--export"))
    said = install(configured(root, repository(root, signer, "ours"), old.read_bytes()))
    assert said[-1] == f"rm -f {old}"
    assert not set(update(root).split()) & {"E:", "W:", "Err:1"}


def test_sources_have_a_key_each(root: Path, signer: Path) -> None:
    (root / "mirror.key").write_bytes(gpg(signer, "--export"))
    line = repository(root, signer, "docker")
    cluster = with_sources(root, f"{{docker: {{line: '{line}', key_file: mirror.key}}}}")
    install(cluster)
    assert (root / "etc/apt/keyrings/dlws-docker.gpg").read_bytes() == (root / "mirror.key").read_bytes()
    assert not set(update(root).split()) & {"E:", "W:", "Err:1"}


def test_a_source_is_for_its_kind_of_host(tmp_path: Path) -> None:
    cluster = with_sources(tmp_path, f"{{nvidia: {{line: {LINE}, type: gpu}}, docker: {{line: {LINE}}}}}")
    names = {node.name: [source.name for source in cluster.apt_sources(node)] for node in cluster.nodes}
    assert (names["atlas-gpu01"], names["atlas01"]) == (["nvidia", "docker"], ["docker"])


def with_sources(folder: Path, sources: str) -> Cluster:
    edit = ("    cni_manifest: weave.yaml\n", f"    cni_manifest: weave.yaml\n  apt_sources: {sources}\n")
    return load(write(folder, edit), resolve=no_dns)


def test_a_line_keeps_its_options_and_a_keyring_of_its_own() -> None:
    assert apt_source.signed_by(LINE, "/k") == "deb [signed-by=/k] http://mirror/apt k8s main"
    given = apt_source.signed_by("deb [arch=amd64] http://mirror/apt k8s main", "/k")
    assert given == "deb [arch=amd64 signed-by=/k] http://mirror/apt k8s main"
    assert apt_source.signed_by(given, "/other") == given


@pytest.mark.parametrize("text", [b"", b"<html>404</html>"])
def test_what_is_no_key_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="no OpenPGP key"):
        apt_source.binary(text)
