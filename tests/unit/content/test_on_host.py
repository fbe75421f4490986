"""The content's packages on a host: the real tar, and a real apt that installs from what was unpacked."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bundle.content import debs as fetched
from dlws.config.cluster import load
from dlws.content import on_host
from dlws.content.lock import platform_name, sha256_of
from dlws.engine import targets
from dlws.engine.stage import RUNBOOK
from dlws.facts.apt_sources import packages_by_stage
from dlws.hostfiles.apt_source import unverified
from dlws.remote.host import Host
from tests.kits import debs
from tests.kits.config_example import no_dns, write
from tests.kits.documents import STAGES
from tests.kits.scripted import Scripted

ROOT = Path(__file__).parents[3]
ON_CONTROL = (targets.control_host, targets.content_control_host, targets.public_control_host, targets.platform_control)


def test_what_a_host_unpacks_is_what_was_locked(tmp_path: Path) -> None:
    package = debs.package(tmp_path / "place", "curl", "1.0", "arm64")
    tar = fetched.packed([package], tmp_path / "place.tar")
    here = tmp_path / "host"
    bring, digests = (text.replace(on_host.FOLDER, str(here)) for text in (on_host.BRING, on_host.DIGESTS))
    with tar.open("rb") as stdin:
        subprocess.run(["sh", "-c", bring], stdin=stdin, check=True)
    told = subprocess.run(["sh", "-c", digests], capture_output=True, text=True, check=True).stdout
    host = Host(Scripted("atlas01", {on_host.DIGESTS: (0, told, "")}))
    assert on_host.missing_files(host, {package.name: sha256_of(package)}) == []
    assert on_host.missing_files(host, {package.name: "0" * 64, "x.deb": "1" * 64}) == [package.name, "x.deb"]


def test_a_host_without_the_folder_lacks_everything(tmp_path: Path) -> None:
    missing = subprocess.run(["sh", "-c", on_host.DIGESTS.replace(on_host.FOLDER, str(tmp_path / "none"))], check=True)
    assert missing.returncode == 0
    assert on_host.missing_files(Host(Scripted("a", {on_host.DIGESTS: (0, "", "")})), {"x.deb": "0" * 64}) == ["x.deb"]


@pytest.mark.parametrize(
    ("system", "release", "name"),
    [("ubuntu", "18.04.1", "ubuntu 18.04"), ("ubuntu", "20.04", "ubuntu 20.04"), ("debian", "12.5", "debian 12")],
)
def test_a_point_release_has_the_packages_of_its_release(system: str, release: str, name: str) -> None:
    assert platform_name(system, release) == name


def test_the_source_is_removed_with_its_packages() -> None:
    assert unverified(on_host.SOURCE) == ["trusted=yes"]
    assert on_host.SOURCES.startswith(f"{on_host.FOLDER}/")
    assert {on_host.SETTINGS, on_host.FOLDER} == set(on_host.REMOVE.removeprefix("rm -rf ").split())


def test_apt_asks_the_content_alone_while_its_settings_are_there(tmp_path: Path) -> None:
    here, settings = tmp_path / "content", tmp_path / "95dlws-content"
    (here / "lists" / "partial").mkdir(parents=True)
    (here / "sources.list").write_text(debs.source(here, [("curl", "1.0", "all", "")], {}))
    settings.write_text(on_host.SETTINGS_TEXT.replace(on_host.FOLDER, str(here)))
    own = ("-o", f"Dir::Cache={tmp_path}", "-o", "Dir::State::status=/dev/null")
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "APT_CONFIG": str(settings)}
    for words in (("apt-get", *own, "update"), ("apt-cache", *own, "policy", "curl")):
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert "Candidate: 1.0" in done.stdout
    assert "http" not in done.stdout


def before(name: str) -> set[str]:
    """The stages that a stage waits for, directly or not."""
    needed = {re.sub(r"\[.*\]|\?$", "", need) for need in STAGES[name].after}
    return needed.union(*(before(need) for need in needed))


def test_the_content_is_judged_before_any_host_is_changed() -> None:
    on_hosts = [s.name for s in STAGES.values() if s.commands == RUNBOOK and s.on not in ON_CONTROL]
    assert [name for name in on_hosts if "content" not in before(name)] == []


@pytest.mark.parametrize(("command", "judged"), [("preflight", True), ("verify", False)])
def test_a_preflight_judges_the_content(command: str, judged: bool, tmp_path: Path) -> None:
    config = write(tmp_path, ("suite:\n", "suite:\n  content: content\n"))
    words = (
        sys.executable,
        "-m",
        "pytest",
        "-m",
        command,
        f"--cluster={config}",
        "--collect-only",
        "-q",
        "checks/content.py",
    )
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert ("test_content_is_complete[control]" in listed) is judged


def test_what_apt_installs_comes_after_the_content_and_its_removal_after_that(tmp_path: Path) -> None:
    cluster = load(write(tmp_path), resolve=no_dns)
    for stage in packages_by_stage(cluster, cluster.master):
        assert "content_packages" in before(stage)
        assert stage in before("content_removed")
