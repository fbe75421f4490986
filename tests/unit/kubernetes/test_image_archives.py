"""The archives of images: which one is an image's, and that it holds that image and nothing else."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dlws.inventory import Arch
from dlws.kubernetes import image_archives
from dlws.kubernetes.image_archives import WrongArchive, contents, require
from tests.kits.archives import saved

IMAGE = "harbor.example.org/dlws/webui3:1.9"
Files = dict[str, bytes]


def files_of(path: Path) -> Files:
    with tarfile.open(path) as tar:
        return {member.name: (tar.extractfile(member) or io.BytesIO()).read() for member in tar}


def packed(path: Path, files: Files) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return saved(tmp_path / "webui3.tar", IMAGE)


def test_the_archive_for_the_architecture_comes_first(tmp_path: Path) -> None:
    image = "k8s.gcr.io/pause:3.2"
    assert image_archives.archive(None, image, Arch.ARM64) is None
    assert image_archives.archive(tmp_path, image, Arch.ARM64) is None
    (tmp_path / "k8s.gcr.io-pause-3.2.tar").touch()
    (tmp_path / "k8s.gcr.io-pause-3.2-arm64.tar").touch()
    found = [image_archives.archive(tmp_path, image, arch) for arch in (Arch.ARM64, Arch.AMD64)]
    assert [path.name for path in found if path] == ["k8s.gcr.io-pause-3.2-arm64.tar", "k8s.gcr.io-pause-3.2.tar"]


def test_an_archive_of_the_image_is_what_it_says(path: Path) -> None:
    [found] = contents(path)
    assert (found.names, found.architecture) == ((IMAGE,), "arm64")
    assert f"{found.id}.json" in files_of(path)
    require(path, IMAGE, "arm64")
    require(path, IMAGE, None)


def test_a_name_may_be_spelt_as_docker_would_not(tmp_path: Path) -> None:
    require(saved(tmp_path / "b.tar", "busybox:latest"), "docker.io/library/busybox", "arm64")


def test_an_archive_of_todays_layout_is_read_too(path: Path) -> None:
    """From Docker 25 on, the files are named by their digests below blobs/sha256."""
    files = files_of(path)
    [entry] = json.loads(files.pop("manifest.json"))
    at = {name: f"blobs/sha256/{hashlib.sha256(data).hexdigest()}" for name, data in files.items()}
    entry |= {"Config": at[entry["Config"]], "Layers": [at[layer] for layer in entry["Layers"]]}
    blobs = {at[name]: data for name, data in files.items()}
    packed(path, {"oci-layout": b"{}", "index.json": b"{}", **blobs, "manifest.json": json.dumps([entry]).encode()})
    require(path, IMAGE, "arm64")


@pytest.mark.parametrize(
    ("image", "arch", "why"),
    [
        ("harbor.example.org/dlws/webui3:2.0", "arm64", f"holds {IMAGE}, not harbor.example.org/dlws/webui3:2.0"),
        (IMAGE, "amd64", f"{IMAGE} in it is for arm64, amd64 is needed"),
    ],
)
def test_another_image_or_architecture_is_refused(path: Path, image: str, arch: str, why: str) -> None:
    with pytest.raises(WrongArchive, match=why):
        require(path, image, arch)


def test_an_image_that_nobody_asked_for_is_not_loaded_beside(path: Path) -> None:
    """It would take the place of the host's own of that name."""
    files = files_of(path)
    [entry] = json.loads(files["manifest.json"])
    for more in ([{**entry, "RepoTags": ["nginx:1.9"]}, entry], [{**entry, "RepoTags": [IMAGE, "nginx:1.9"]}]):
        packed(path, files | {"manifest.json": json.dumps(more).encode()})
        with pytest.raises(WrongArchive, match=r"it holds .*nginx:1\.9.*, not harbor"):
            require(path, IMAGE, "arm64")


def replaced_configuration(files: Files) -> Files:
    [name] = [name for name in files if name.endswith(".json") and name != "manifest.json"]
    return files | {name: files[name].replace(b"dlws lab", b"someone else")}


def without_layer(files: Files) -> Files:
    return {name: data for name, data in files.items() if not name.endswith("layer.tar")}


def with_another_layer(files: Files) -> Files:
    [entry] = json.loads(files["manifest.json"])
    entry["Layers"] *= 2
    return files | {"manifest.json": json.dumps([entry]).encode()}


def with_other_names(files: Files) -> Files:
    [entry] = json.loads(files["manifest.json"])
    return files | {"manifest.json": json.dumps([entry | {"repotags": ["nginx:1.19"]}]).encode()}


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (replaced_configuration, "its configuration .* has another digest: sha256:"),
        (without_layer, "it is cut off: .*/layer.tar is missing"),
        (with_other_names, "its manifest.json has an unknown key: 'repotags'"),
        (lambda files: {**files, "x/../manifest.json": b"[]"}, "two files in it can be meant by 'x/../manifest.json'"),
        (lambda files: {**files, "/manifest.json": b"[]"}, "two files in it can be meant by '/manifest.json'"),
        (lambda files: {**files, "./manifest.json": b"[]"}, "two files in it can be meant by './manifest.json'"),
        (with_another_layer, "its manifest lists 2 layers, its configuration 1"),
        (lambda files: {**files, "manifest.json": b"{}"}, "it holds no named image"),
        (lambda files: {**files, "manifest.json": b'[{"Config": 5}]'}, "it has no 5"),
        (lambda files: {**files, "manifest.json": b"[" * 100_000}, "manifest.json is not understood"),
        (lambda files: {**files, "manifest.json": b"[7]"}, "manifest.json is not understood"),
        (lambda files: {"repositories": b"{}"}, "it has no manifest.json: make it with docker save"),
    ],
)
def test_what_is_not_what_its_manifest_says_is_refused(path: Path, edit: Callable[[Files], Files], why: str) -> None:
    packed(path, edit(files_of(path)))
    with pytest.raises(WrongArchive, match=why):
        require(path, IMAGE, "arm64")


@pytest.mark.parametrize("last", ["manifest.json", "layer.tar"])
def test_an_archive_that_was_cut_off_anywhere_is_refused(path: Path, last: str) -> None:
    packed(path, dict(sorted(files_of(path).items(), key=lambda file: file[0].endswith(last))))
    data = path.read_bytes()
    for kept in range(0, len(data.rstrip(b"\0")), 256):
        path.write_bytes(data[:kept])
        with pytest.raises(WrongArchive):
            require(path, IMAGE, "arm64")


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.tar").write_text("<html>404</html>" * 99)
    with pytest.raises(WrongArchive, match="cannot be read as a tar archive"):
        require(tmp_path / "page.tar", IMAGE, None)


def test_the_sums_beside_archives_are_held_to(path: Path) -> None:
    sums = path.parent / "SHA256SUMS"
    printed = subprocess.run(["sha256sum", path.name], cwd=path.parent, capture_output=True, text=True, check=True)
    sums.write_text(printed.stdout)
    require(path, IMAGE, "arm64")
    with path.open("ab") as file:
        file.write(b"\0")
    with pytest.raises(WrongArchive, match=r"its SHA-256 is [0-9a-f]{64}, SHA256SUMS says"):
        require(path, IMAGE, "arm64")
    sums.write_text("")
    with pytest.raises(WrongArchive, match="SHA256SUMS beside it does not list it"):
        require(path, IMAGE, "arm64")


def test_an_image_is_named_as_docker_lists_it() -> None:
    names = ["busybox", "docker.io/library/busybox:1", "registry:5000/dlws/cuda"]
    assert [image_archives.with_tag(name) for name in names] == [
        "busybox:latest",
        "busybox:1",
        "registry:5000/dlws/cuda:latest",
    ]
