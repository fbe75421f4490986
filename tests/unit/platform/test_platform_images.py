"""What DLWS builds: names, architectures, and the files of each build."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

import pytest

from dlws.inventory import Arch
from dlws.platform import image_names, rendering, renderings
from dlws.platform.image_names import JWT_KEY_FILES, Image
from dlws.platform.templates import Renderer
from dlws.upstream.checkout import CheckoutError
from tests.kits.checkout import cluster_of, renderer_of, spoilt

LUA = "src/docker-images/openresty/lib/resty/nginx-jwt-cookie.lua"


def image(name: str) -> Image:
    return next(image for image in image_names.BUILT if image.name == name)


def files(renderer: Renderer, name: str) -> dict[str, str]:
    return {file.path: file.content.decode() for file in image_names.context(renderer, image(name))}


def test_images_are_built_for_the_machines_that_run_them(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path)
    found = [build.full_name for build in image_names.builds(cluster, rendering.renderer(cluster))]
    assert len(found) == 14
    assert "apulistech/atlas_restfulapi2:latest-arm64" in found
    assert "apulistech/atlas_restfulapi2:latest" not in found
    assert {"apulistech/job-exporter:1.9", "apulistech/job-exporter:1.9-arm64"} <= set(found)
    assert {"apulistech/atlas_init-container:latest", "apulistech/atlas_repairmanager2:latest-arm64"} <= set(found)


def test_each_architecture_is_built_from_its_own_dockerfile(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path)
    found = {b.full_name: b.dockerfile for b in image_names.builds(cluster, rendering.renderer(cluster))}
    assert found["apulistech/job-exporter:1.9-arm64"] == "Dockerfile-arm64"
    assert found["apulistech/job-exporter:1.9"] == found["apulistech/watchdog:1.9-arm64"] == "Dockerfile"


def test_the_context_is_rendered_and_what_prebuild_copies_is_not(tmp_path: Path) -> None:
    found = files(renderer_of(tmp_path), "restfulapi2")
    assert found["ports.conf"] == "Listen 5000\n"
    assert found["utils/config.py"] == "# {{ stays }}\n"
    assert {"Jobs_Templete/pod.yaml.template", "RestAPI/api.py", "ClusterManager/job_manager.py"} <= found.keys()


def test_files_that_upstream_copies_stay_as_they_are(tmp_path: Path) -> None:
    found = files(renderer_of(tmp_path), "job-exporter")
    assert "{{.Not}}" in found["src/main.py"]
    assert "npu/lib/smi.txt" in found


def test_what_python_compiled_is_no_source_of_an_image(tmp_path: Path) -> None:
    renderer = rendering.renderer(spoilt(tmp_path, "src/docker-images/job-exporter/src/main.py", "print()\n"))
    before = files(renderer, "job-exporter")
    compiled = tmp_path / "checkout/src/docker-images/job-exporter/src/__pycache__/main.cpython-311.pyc"
    compiled.parent.mkdir()
    compiled.write_bytes(b"\xa7\r\r\n")
    assert files(renderer, "job-exporter") == before


def test_repairmanager_gets_its_mail_account(tmp_path: Path) -> None:
    mail = ("suite:\n", "repair-manager: {alert: {smtp_url: smtp.example.org, password: invented}}\nsuite:\n")
    found = files(renderer_of(tmp_path, mail), "repairmanager2")
    assert found["RepairManager/config/email-config.yaml"] == "smtp_url: smtp.example.org\npassword: invented\n"
    assert found["RepairManager/config/ecc-config.yaml"] == "cluster_name: atlas\ncordon_dry_run: True\n"


def test_openresty_checks_tokens_with_the_configured_key(tmp_path: Path) -> None:
    found = files(renderer_of(tmp_path), "openresty")
    for name in image_names.JWT_KEY_FILES:
        assert 'local secret = "invented-sign-key"' in found[name].splitlines()


def test_an_openresty_with_another_key_built_in_is_refused(tmp_path: Path) -> None:
    renderer = rendering.renderer(spoilt(tmp_path, LUA, 'local secret = "something"\n'))
    with pytest.raises(CheckoutError, match=r"nginx-jwt-cookie.lua: upstream's built-in key is not in it"):
        files(renderer, "openresty")


def test_the_sign_in_secrets_of_local_yaml_are_not_baked_in(tmp_path: Path) -> None:
    renderer = rendering.renderer(spoilt(tmp_path, "src/dashboard/config/local.yaml", "sign: x\n"))
    found = files(renderer, "webui3")
    assert {".dockerignore", "package.json", "config/default.yaml", "server/index.js"} <= found.keys()
    assert "config/local.yaml" not in found


def test_the_archive_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    renderer = renderer_of(tmp_path)
    first, second = (image_names.archive(image_names.context(renderer, image("openresty"))) for _ in range(2))
    assert first == second
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        assert {"Dockerfile", "Dockerfile-arm64", *image_names.JWT_KEY_FILES} < set(tar.getnames())


def test_a_digest_tells_contexts_and_dockerfiles_apart() -> None:
    found = {
        image_names.digest(*given) for given in ((b"a", "Dockerfile"), (b"a", "Dockerfile-arm64"), (b"b", "Dockerfile"))
    }
    assert len(found) == 3


def test_what_prebuild_copies_must_be_there(tmp_path: Path) -> None:
    cluster = spoilt(tmp_path, "src/RestAPI/api.py", "")
    shutil.rmtree(tmp_path / "checkout/src/RestAPI")
    with pytest.raises(CheckoutError, match=r"src/RestAPI: missing in the checkout; the image's prebuild.sh copies it"):
        files(rendering.renderer(cluster), "restfulapi2")


def test_a_link_is_not_followed_out_of_the_tree(tmp_path: Path) -> None:
    cluster = spoilt(tmp_path, "src/RestAPI/api.py", "")
    (tmp_path / "checkout/src/RestAPI/passwd").symlink_to("/etc/passwd")
    with pytest.raises(CheckoutError, match="src/RestAPI/passwd: a link"):
        files(rendering.renderer(cluster), "restfulapi2")


def test_the_files_of_images_that_hold_a_secret_are_named(tmp_path: Path) -> None:
    mail = ("jwt:", "repair-manager: {alert: {smtp_url: m.example.org, password: invented-mail}}\njwt:")
    named = renderings.of(cluster_of(tmp_path, mail)).files_with_secrets(Arch.ARM64)
    assert {line.partition(": ")[2] for line in named} == {*JWT_KEY_FILES, "RepairManager/config/email-config.yaml"}


def test_openresty_leads_nobody_without_a_token_past_the_node_ports(tmp_path: Path) -> None:
    routes = files(renderer_of(tmp_path), "openresty")["config/nginx/nginx.conf"]
    open_route, _, others = routes.partition("/endpoints/v2/")[2].partition("location")
    assert "if not port or port < 30000 or port > 49999 then return ngx.exit(403) end" in open_route
    assert "ngx.exit(403)" not in others
