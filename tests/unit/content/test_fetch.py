"""A content folder: real apt and a registry fill it, and each thing that is wrong with it is named."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bundle.content.command import registry_and_mirror
from bundle.content.registry import Client, Place, mirrored, place_of
from dlws.config.cluster import Cluster
from dlws.content import lock, verify
from dlws.content.lock import ContentError, LockedFile
from dlws.inventory import Arch
from dlws.kubernetes import image_archives
from tests.kits import content_site as site
from tests.kits import debs
from tests.kits.small_registry import SmallRegistry, serving

ARM = "packages/ubuntu-18.04-arm64"


@pytest.fixture(scope="module")
def registry() -> Iterator[SmallRegistry]:
    with serving(SmallRegistry()) as running:
        yield running


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def cluster(place: Path, registry: SmallRegistry) -> Cluster:
    return site.cluster(place, registry)


@pytest.fixture(scope="module")
def line(place: Path, cluster: Cluster) -> str:
    return site.source(place / "source", cluster)


@pytest.fixture(scope="module")
def content(place: Path, cluster: Cluster, line: str) -> Path:
    job = site.fetch(cluster, line, place / "content")
    assert job.failed == []
    return place / "content"


def test_what_was_fetched_is_complete_and_whole(content: Path, cluster: Cluster) -> None:
    assert verify.troubles(cluster, content) == []
    assert sorted(path.name for path in content.iterdir()) == ["content.lock", "files", "images", "packages"]


def test_the_lock_has_both_architectures(content: Path, registry: SmallRegistry) -> None:
    files = lock.read(content).files
    pauses = {one.arch: one for one in files if one.name.endswith("/pause:3.2")}
    assert pauses.keys() == {"amd64", "arm64"}
    assert pauses["arm64"].digest == f"sha256:{_sha(registry.manifest('k8s/pause', 'arm64'))}"
    assert {one.path.split("/")[1] for one in files if one.name == "curl"} == {Path(ARM).name, "ubuntu-18.04-amd64"}


def test_the_closure_has_what_the_packages_depend_on(content: Path) -> None:
    names = {one.name for one in lock.read(content).files if one.path.startswith(ARM)}
    assert {"libc6", "kubelet", "nfs-kernel-server"} <= names
    assert "nvidia-docker2" not in names, "no host with GPUs is arm64"


def test_a_tool_of_a_check_comes_where_the_source_has_it(content: Path) -> None:
    names = {one.name for one in lock.read(content).files}
    assert "ipmitool" in names
    assert "smartmontools" not in names, "the source has none, and an install can do without"


def test_kubeadm_itself_names_its_images(content: Path) -> None:
    assert [name.rpartition("/")[2] for name in lock.read(content).kubeadm_images] == list(site.KUBEADM_LISTS)


def test_a_layer_that_images_share_is_fetched_once(content: Path, registry: SmallRegistry) -> None:
    base = f"sha256:{_sha(registry.blobs('any', 'arm64')[1][0])}"
    assert registry.asked[base] == 1


def test_apt_installs_from_the_index(content: Path, tmp_path: Path) -> None:
    from bundle.content.debs import Apt

    apt = Apt(tmp_path, Arch.ARM64)
    apt.update([f"deb [trusted=yes] file:{content / ARM} ./"])
    assert {deb.name for deb in apt.closure(["kubeadm=1.18.0-00", "curl"])} == {"kubeadm", "curl", "libc6"}
    assert [file.name for file in apt.download(apt.closure(["curl"]))] == [
        "curl_1%3a2.0-1_arm64.deb",
        "libc6_2.27-3_arm64.deb",
    ]


def test_an_archive_is_one_that_the_install_loads(content: Path, registry: SmallRegistry) -> None:
    image = f"{registry.address}/k8s/pause:3.2"
    path = image_archives.archive(content / "images", image, Arch.ARM64)
    assert path is not None
    image_archives.require(path, image, "arm64")


def test_a_second_fetch_asks_for_no_image_and_no_package(content: Path, cluster: Cluster, line: str) -> None:
    before = {path: path.stat().st_mtime_ns for path in content.rglob("*") if path.suffix in (".deb", ".tar")}
    site.fetch(cluster, line, content)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_what_is_missing_or_wrong_is_fetched_again_and_nothing_else(
    content: Path, cluster: Cluster, line: str, tmp_path: Path
) -> None:
    copy = site.copy(content, tmp_path / "copy")
    spoilt = [next(copy.glob("images/*pause*arm64.tar")), next((copy / ARM).glob("curl_*"))]
    spoilt[0].unlink()
    spoilt[1].write_bytes(b"cut")
    kept = {path: path.stat().st_ino for path in copy.glob("images/*.tar") if path not in spoilt}
    site.fetch(cluster, line, copy)
    assert verify.troubles(cluster, copy) == []
    assert {path: path.stat().st_ino for path in kept} == kept


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def changed(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)


def swapped(path: Path) -> None:
    other = str(path).replace("arm64", "amd64")
    path.write_bytes(Path(other).read_bytes())


SPOILT = ((Path.unlink, "missing"), (cut, "cut off: "), (changed, "its SHA-256 is "))
OF_AN_ARCHITECTURE = ["images/*pause-3.2-arm64.tar", f"{ARM}/kubelet_*_arm64.deb", f"{ARM}/libc6_*.deb"]
OTHERS = [f"{ARM}/Packages", f"{ARM}.tar", "files/*weave.yaml", "images/SHA256SUMS"]


@pytest.mark.parametrize(
    ("pattern", "spoil", "says"),
    [
        *((pattern, *spoilt) for pattern in (*OF_AN_ARCHITECTURE, *OTHERS) for spoilt in SPOILT),
        *((pattern, swapped, "for amd64") for pattern in OF_AN_ARCHITECTURE),
    ],
)
def test_each_spoilt_file_is_named(
    content: Path, cluster: Cluster, tmp_path: Path, pattern: str, spoil: Callable[[Path], None], says: str
) -> None:
    copy = site.copy(content, tmp_path / "copy")
    (path,) = copy.glob(pattern)
    spoil(path)
    (trouble,) = verify.troubles(cluster, copy)
    assert says in trouble
    assert str(path.relative_to(copy)) in trouble


@pytest.mark.parametrize("pattern", [f"{ARM}/curl_*", "images/*pause-3.2-arm64.tar"])
def test_a_digest_that_somebody_changed_in_the_lock_is_named(
    content: Path, cluster: Cluster, tmp_path: Path, pattern: str
) -> None:
    copy = site.copy(content, tmp_path / "copy")
    (path,) = copy.glob(pattern)
    text = (copy / lock.NAME).read_text()
    (copy / lock.NAME).write_text(text.replace(lock.sha256_of(path), "0" * 64))
    assert [line for line in verify.troubles(cluster, copy) if f"content.lock says {'0' * 64}" in line]


def test_what_the_lock_lacks_is_named_with_what_needs_it(content: Path, cluster: Cluster, tmp_path: Path) -> None:
    copy = site.copy(content, tmp_path / "copy")
    locked = lock.read(copy)
    lock.write(copy, locked.model_copy(update={"files": tuple(f for f in locked.files if f.name != "curl")}))
    assert [line for line in verify.troubles(cluster, copy) if line.startswith("package ")] == [
        f"package curl for ubuntu 18.04 {arch}: not in content.lock (needed by node_packages)" for arch in Arch
    ]


def only(copy: Path, keeps: Callable[[LockedFile], bool]) -> None:
    """Leave in the lock of a content folder what `keeps` says, as a fetch does that was killed."""
    locked = lock.read(copy)
    lock.write(copy, locked.model_copy(update={"files": tuple(filter(keeps, locked.files))}))


def test_a_closure_that_was_cut_off_is_not_complete(content: Path, cluster: Cluster, tmp_path: Path) -> None:
    copy = site.copy(content, tmp_path / "copy")
    only(copy, lambda one: not one.path.startswith(f"{ARM}/libc6"))  # no stage asks for it by its name
    says = f"holds other packages than content.lock has in {ARM}: fetch the content again"
    assert verify.troubles(cluster, copy) == [f"{ARM}/Packages: {says}", f"{ARM}.tar: {says}"]


@pytest.mark.parametrize("made", [f"{ARM}.tar", f"{ARM}/Packages"])
def test_what_apt_needs_on_the_host_is_in_the_lock(made: str, content: Path, cluster: Cluster, tmp_path: Path) -> None:
    copy = site.copy(content, tmp_path / "copy")
    only(copy, lambda one: one.path != made)
    assert f"{made}: not in content.lock: fetch the content again" in verify.troubles(cluster, copy)


def test_a_package_for_another_architecture_counts_for_none(content: Path, cluster: Cluster, tmp_path: Path) -> None:
    copy = site.copy(content, tmp_path / "copy")
    files = [one for one in lock.read(copy).files if one.path.startswith(ARM) and one.name == "curl"]
    path = copy / files[0].path
    other = next((copy / ARM.replace("arm64", "amd64")).glob("curl_*"))
    path.write_bytes(other.read_bytes())
    entry = files[0].model_copy(update={"arch": "amd64", "sha256": lock.sha256_of(path), "size": path.stat().st_size})
    locked = lock.read(copy)
    kept = tuple(one for one in locked.files if one.path != entry.path)
    lock.write(copy, locked.model_copy(update={"files": (*kept, entry)}))
    assert "package curl for ubuntu 18.04 arm64: not in content.lock (needed by node_packages)" in verify.troubles(
        cluster, copy
    )


def test_another_pod_network_than_the_contents_is_named(content: Path, cluster: Cluster) -> None:
    manifest = cluster.cni_manifest
    assert manifest is not None
    text = manifest.read_text()
    manifest.write_text(f"{text}# edited\n")
    (trouble,) = verify.troubles(cluster, content)
    manifest.write_text(text)
    assert "weave.yaml: differs from the content's files/" in trouble


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "images/../../x", ""])
def test_a_lock_leads_nowhere_else(tmp_path: Path, path: str) -> None:
    entry = f'{{"path": "{path}", "sha256": "{"0" * 64}", "size": 1, "kind": "index"}}'
    (tmp_path / "content.lock").write_text(f'{{"format": "dlws-content/1", "files": [{entry}]}}')
    with pytest.raises(ContentError, match="is no path below the folder"):
        lock.read(tmp_path)


def test_a_link_in_a_content_folder_is_not_followed(content: Path, cluster: Cluster, tmp_path: Path) -> None:
    copy = site.copy(content, tmp_path / "copy")
    (path,) = copy.glob("images/*pause*arm64.tar")
    path.rename(tmp_path / "elsewhere.tar")
    path.symlink_to(tmp_path / "elsewhere.tar")
    (trouble,) = verify.troubles(cluster, copy)
    assert trouble.endswith("a link; put the file itself there")


def test_an_image_for_one_architecture_alone_is_named(cluster: Cluster) -> None:
    with (
        serving(SmallRegistry(archs=("amd64",))) as other,
        pytest.raises(ContentError, match="does not have it for arm64, only for amd64"),
    ):
        Client().image(f"{other.address}/any:1", Arch.ARM64)


@pytest.mark.parametrize("fault", ["cuts", "lies"])
def test_a_layer_that_is_not_what_was_promised_is_not_kept(fault: str, tmp_path: Path) -> None:
    with serving(SmallRegistry(**{fault: True})) as other:
        client = Client()
        image = client.image(f"{other.address}/any:1", Arch.ARM64)
        with pytest.raises(ContentError):
            client.download(image, image.layers[0], tmp_path / "layer")
    assert not (tmp_path / "layer").exists()


def test_a_registry_that_asks_for_a_login_gets_the_configured_one() -> None:
    with serving(SmallRegistry(token="letmein")) as other:
        auths = {other.address: {"auth": "dXNlcjp3b3Jk"}}
        assert Client(auths).image(f"{other.address}/any:1", Arch.ARM64).layers
        with pytest.raises(ContentError, match="answers 401") as caught:
            Client({other.address: {"auth": "dXNlcjp3cm9uZw=="}}).image(f"{other.address}/any:1", Arch.ARM64)
    assert "dXNlcjp3cm9uZw==" not in str(caught.value)


@pytest.mark.parametrize(
    "said", [b"<html>", b"[]", b'{"token": "a\\nHost: b"}', '{"token": "\u4e2d"}'.encode(), b"[" * 99999]
)
def test_what_is_no_token_is_sent_nowhere(said: bytes) -> None:
    with (
        serving(SmallRegistry(token="letmein", token_answer=said)) as other,
        pytest.raises(ContentError, match="its token service gave none"),
    ):
        Client().image(f"{other.address}/any:1", Arch.ARM64)


@pytest.mark.parametrize(
    ("image", "mirror", "asked"),
    [
        ("redis:5", "docker.io=mirror:5000", Place("mirror:5000", "library/redis", "5")),
        ("dlws/cuda", "docker.io=mirror/hub", Place("mirror", "hub/dlws/cuda", "latest")),
        ("k8s.gcr.io/pause:3.2", "k8s.gcr.io=mirror:5000/k8s", Place("mirror:5000", "k8s/pause", "3.2")),
        ("k8s.gcr.io/pause:3.2", "docker.io=mirror:5000", Place("k8s.gcr.io", "pause", "3.2")),
    ],
)
def test_a_mirror_is_asked_for_its_registrys_images(image: str, mirror: str, asked: Place) -> None:
    assert mirrored(place_of(image), dict([registry_and_mirror(mirror)])) == asked


@pytest.mark.parametrize("text", ["docker.io", "docker.io=", "docker.io=http://mirror", "docker.io=mirror/../x"])
def test_what_is_no_mirror_is_refused(text: str) -> None:
    with pytest.raises(ContentError, match="write it like"):
        registry_and_mirror(text)


def test_a_login_that_is_none_is_named() -> None:
    with (
        serving(SmallRegistry(token="letmein")) as other,
        pytest.raises(ContentError, match=r"suite\.registry_config: the login to .* is not base64"),
    ):
        Client({other.address: {"auth": "user:word"}}).image(f"{other.address}/any:1", Arch.ARM64)


def test_all_that_cannot_be_fetched_is_told_at_once(place: Path, cluster: Cluster, tmp_path: Path) -> None:
    line = site.source(tmp_path / "source", cluster, but="parted")
    job = site.fetch(cluster, line, tmp_path / "content")
    assert ["parted" in words for words in job.failed] == [True, True]
    assert any("parted" in words for words in verify.troubles(cluster, tmp_path / "content"))


def test_a_source_without_a_signature_is_refused(place: Path, cluster: Cluster, tmp_path: Path) -> None:
    line = site.source(tmp_path / "source", cluster).replace("[trusted=yes] ", "")
    job = site.fetch(cluster, line, tmp_path / "content")
    assert "apt-get: exit status 100" in job.failed[0]
    assert not list(tmp_path.glob("content/packages/*/*.deb"))


def test_dpkg_and_the_suite_read_a_package_alike(tmp_path: Path) -> None:
    from dlws.content import deb

    path = debs.package(tmp_path, "tool", "1:2-3", "arm64")
    control = deb.control(path)
    told = subprocess.run(["dpkg-deb", "--field", path], capture_output=True, text=True, check=True).stdout
    assert control is not None
    assert control.text == told.strip()
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(deb.WrongPackage, match="cut off"):
        deb.control(path)


def _sha(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()
