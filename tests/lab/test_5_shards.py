"""An audit in shards, one of them in a pod of the audited cluster, as docs/shards.md tells it: the record of one audit.

Needs what a build of the bundle needs (docs/bundle.md).
"""

from __future__ import annotations

import base64
import io
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab import hosts
from lab.plan import ALL_HOSTS
from tests.lab.suite import CONFIG, MASTER, ROOT, STATE, Finished, judged_together, kubectl, on, run

pytestmark = [pytest.mark.lab, pytest.mark.long]

DOCUMENT, JOB = ROOT / "docs/shards.md", "docs/ci/shards-job.yaml"
SHARE = "/mntdlws/dlws-runs"
WITH_KUBECTL = 'kubectl() { command kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"; }; '
NODES = ("atlas-gpu01", "atlas-gpu02")
"""The nodes of the image's architecture."""


def block(begins: str) -> str:
    """The code block of the document that begins so."""
    (found,) = re.findall(rf"^```\w*\n({re.escape(begins)}.*?)^```", DOCUMENT.read_text(), re.S | re.M)
    return str(found)


def on_the_master(script: str, stdin: str = "") -> str:
    """What a script with kubectl prints there."""
    return hosts.execute(ALL_HOSTS[MASTER], WITH_KUBECTL + script, stdin=stdin, timeout=300)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("image")
    build = [sys.executable, "-m", "dlws", "bundle", "build", "--arch", "amd64", "--image", "--output", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, timeout=1500)
    (made,) = folder.glob("*-image.tar")
    yield made
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def home(image: Path, first_install: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What each control host has. No browser and no archives: an audit in the image has neither."""
    folder = tmp_path_factory.mktemp("home")
    settings = yaml.safe_load(CONFIG.read_text())
    del settings["suite"]["browser"], settings["suite"]["image_archives"]
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    (folder / "config.yaml").chmod(0o600)
    shutil.copy(CONFIG.parent / "cni.yaml", folder)
    shutil.copytree(CONFIG.parent / "checkout", folder / "checkout")
    shutil.copytree(STATE, folder / "state" / STATE.name)
    return folder


@pytest.fixture(scope="module")
def namespace(image: Path, home: Path) -> Iterator[None]:
    """The image on its nodes; the Secret and the volume in the namespace of the audit."""
    for node in NODES:
        with image.open("rb") as file:
            load = [sys.executable, "-m", "dlws", "lab", "ssh", node, "docker load"]
            subprocess.run(load, cwd=ROOT, stdin=file, check=True, timeout=300)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path in home.iterdir():
            tar.add(path, path.name)
    on_the_master("kubectl create namespace dlws-audit")
    secret = "base64 -d > home.tgz; kubectl -n dlws-audit create secret generic atlas --from-file=home.tgz; rm home.tgz"
    on_the_master(secret, base64.b64encode(packed.getvalue()).decode())
    on_the_master("kubectl create -f -", block("apiVersion: v1\nkind: PersistentVolume"))
    yield
    on_the_master(f"kubectl delete namespace dlws-audit; kubectl delete pv dlws-runs; rm -r {SHARE}")


def audit(home: Path, runs: Path, *words: str) -> Finished:
    """An audit by a control host that has no earlier run, as the pod has none: H31 compares with one."""
    return run("-m", "verify", *words, config=home / "config.yaml", runs=runs)


def test_two_control_hosts_one_a_pod_come_to_the_record_of_one_audit(
    home: Path, namespace: None, tmp_path: Path
) -> None:
    manifest = (ROOT / JOB).read_text().replace('value: "3"', 'value: "2"')
    loop = block("for index in").replace("0 1 2", "1")
    on_the_master(f"mkdir -p {Path(JOB).parent}; cat > {JOB}; {loop}", manifest)
    first = audit(home, tmp_path / "first", "--shard", "1/2")
    kubectl("wait -n dlws-audit --for=condition=complete --timeout=300s job/shard-1")
    packed = base64.b64decode(on(MASTER, f"tar -czf - -C {SHARE} 1 | base64 -w0"))
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        tar.extractall(tmp_path, filter="data")
    whole = audit(home, tmp_path / "whole")
    judged = judged_together(tmp_path / "merged", first.folder, tmp_path / "1")
    assert (whole.red, whole.exit_status, judged.exit_status) == (set(), 0, 0), judged.output
    assert judged.told == whole.told
