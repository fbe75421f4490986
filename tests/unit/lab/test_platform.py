"""The lab's images of the platform: what is in them, what the registry is told, what the stand-ins answer."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from dlws.platform import image_names, manifests, services
from lab import dlws_images, hub_images, registry
from lab.image_archive import Image, write
from lab.kube_faults import FAULTS as KUBE_FAULTS
from lab.plan import LAB, REGISTRY, REGISTRY_PORT
from lab.platform_faults import FAULTS, kept_archive, set_mysql_password
from tests.kits.checkout import cluster_of, renderer_of
from tests.kits.programs import IMAGES, STANDIN, module

PROMETHEUS = module(IMAGES / "prometheus/usr/local/bin/prometheus.py")


def test_there_is_an_image_for_everything_that_the_stand_in_checkout_runs(tmp_path: Path) -> None:
    cluster, renderer = cluster_of(tmp_path), renderer_of(tmp_path)
    made = {name for recipe in hub_images.RECIPES for name in recipe.references} | dlws_images.STAND_INS.keys()
    made |= {build.full_name for build in image_names.builds(cluster, renderer)}
    for service in services.SERVICES:
        wanted = manifests.images_by_node(manifests.of_service(cluster, renderer, service.name))
        assert {image for images in wanted.values() for image in images} <= made


@pytest.mark.parametrize("folder", sorted(set(dlws_images.STAND_INS.values())))
def test_a_servers_arguments_do_not_take_its_place(folder: str) -> None:
    """As in the images of these names: a manifest's `args` replace CMD, not ENTRYPOINT."""
    lines = (IMAGES / folder / "Dockerfile").read_text().splitlines()
    assert [line.split()[0] for line in lines if "server.py" in line] == ["COPY", "ENTRYPOINT"]


def test_an_image_holds_packages_and_libraries_but_no_installers() -> None:
    closure = [
        "busybox",
        "debconf",
        "dpkg",
        "libc6",
        "libelogind0",
        "libperl5.36",
        "libssl3",
        "nginx",
        "perl",
        "zlib1g",
    ]
    assert hub_images.needed(("nginx",), closure) == ["busybox", "libc6", "libssl3", "nginx", "zlib1g"]


def test_a_recipe_is_another_one_when_its_overlay_or_a_word_of_it_changes() -> None:
    plain = hub_images.Recipe(("a:1",), ("bash",))
    digests = {plain.digest(), hub_images.Recipe(("a:1",), ("bash",), overlays=("nginx",)).digest()}
    digests.add(hub_images.Recipe(("a:2",), ("bash",)).digest())
    assert len(digests) == 3
    assert plain.digest() == hub_images.Recipe(("a:1",), ("bash",)).digest()


@pytest.mark.parametrize(
    ("reference", "place"),
    [
        ("bash:5", ("library/bash", "5")),
        ("prom/prometheus:v2.18.0", ("prom/prometheus", "v2.18.0")),
        (f"{REGISTRY}/apulistech/nginx:1.9", ("apulistech/nginx", "1.9")),
    ],
)
def test_docker_hubs_names_are_the_registrys(reference: str, place: tuple[str, str]) -> None:
    assert registry.place_of(reference) == place


def test_the_hosts_know_the_registry_by_the_port_that_it_has() -> None:
    text = (LAB / "rootfs/common/etc/systemd/system/docker.service.d/10-registry.conf").read_text()
    assert text.count(REGISTRY) == text.count(str(REGISTRY_PORT)) == 2


def told(archive: Path) -> tuple[dict[str, Any], list[bytes]]:
    """The manifest that the registry is given for an archive, and the layers it names."""
    with tarfile.open(archive) as tar:
        (entry,) = json.load(registry._member(tar, "manifest.json"))
        manifest = json.loads(registry._manifest(tar, entry, registry._member(tar, entry["Config"]).read()))
        return manifest, [registry._member(tar, name).read() for name in entry["Layers"]]


def test_the_registry_is_told_what_is_in_the_archive(tmp_path: Path) -> None:
    manifest, layers = told(write(Image("a:1", {"etc/motd": "good morning\n"}), tmp_path))
    digests = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    assert [(one["digest"], one["size"]) for one in manifest["layers"]] == [(digests[0], len(layers[0]))]


def test_a_layer_that_docker_save_has_linked_is_found(tmp_path: Path) -> None:
    plain = tmp_path / "plain.tar"
    write(Image("a:1", {"etc/motd": "good morning\n"}), tmp_path).rename(plain)
    with tarfile.open(plain) as old, tarfile.open(tmp_path / "linked.tar", "w") as new:
        (layer,) = (one for one in old if one.name.endswith("/layer.tar"))
        link = tarfile.TarInfo(layer.name)
        link.type, link.linkname = tarfile.SYMTYPE, "../elsewhere/layer.tar"
        for one in old:
            content = old.extractfile(one)
            if one is layer:
                new.addfile(link)
                one.name = "elsewhere/layer.tar"
            new.addfile(one, content)
    assert told(tmp_path / "linked.tar") == told(plain)


def test_an_archive_has_one_name_however_its_image_is_called() -> None:
    assert kept_archive(f"{REGISTRY}/apulistech/watchdog:1.9") == kept_archive("apulistech/watchdog:1.9")


def test_the_platforms_faults_are_those_that_must_turn_a_check_red() -> None:
    names = {name for name, fault in FAULTS.items() if fault.do.__module__ == "lab.platform_faults"}
    assert names == {
        "image_wrong_arch",
        "image_missing",
        "mysql_password",
        "mysql_open_account",
        "mysql_anonymous",
        "nginx_config",
        "service_crashes",
        "port_taken",
        "npu_info_dead",
        "target_down",
        "jwt_key",
        "fqdn_folder",
    }
    assert names < KUBE_FAULTS.keys()


def test_a_password_of_mysql_is_quoted() -> None:
    first, *statements = set_mysql_password("old", "it's\\").splitlines()
    assert first == "old"
    assert statements[0] == r"ALTER USER IF EXISTS 'root'@'localhost' IDENTIFIED BY 'it\'s\\';"


def answered(path: str, routes: dict[str, Any]) -> Any:
    return STANDIN.answer_of(routes, STANDIN.Request(path, {}, {}))


def test_the_longest_route_answers_and_a_failing_one_says_500() -> None:
    def fails(request: Any) -> Any:
        raise ValueError("no database")

    routes = {"/": lambda r: STANDIN.Answer("page"), "/api/": lambda r: STANDIN.Answer("api"), "/api/bad": fails}
    assert [answered(path, routes).content for path in ("/x", "/api/x")] == ["page", "api"]
    assert answered("/api/bad", routes).status == 500
    assert answered("/x", {"/api/": fails}).status == 404


def signed(claims: dict[str, Any], key: str) -> str:
    def part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    head = f"{part(json.dumps({'alg': 'HS256'}).encode())}.{part(json.dumps(claims).encode())}"
    return f"{head}.{part(hmac.new(key.encode(), head.encode(), hashlib.sha256).digest())}"


@pytest.mark.parametrize(
    ("token", "claims"),
    [
        (signed({"uid": 1}, "key"), {"uid": 1}),
        (signed({"uid": 1}, "another"), None),
        (signed({"uid": 1, "exp": 1}, "key"), None),
        (signed({"uid": 1}, "key") + "x", None),
        ("", None),
        ("a.b.c", None),
    ],
)
def test_only_a_token_signed_with_the_key_says_who_asks(token: str, claims: Any) -> None:
    assert STANDIN.claims_of(token, "key") == claims


def test_a_server_whose_configuration_lacks_something_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("mysql: {hostname: here}\n")
    with pytest.raises(SystemExit):
        STANDIN.settings(str(path), "mysql.hostname", "mysql.password")
    assert capsys.readouterr().err == f"fatal: {path}: mysql.password is missing\n"


POD = {
    "metadata": {"namespace": "default", "name": "one", "annotations": {"prometheus.io/scrape": "true"}},
    "status": {"podIP": "192.168.3.2", "hostIP": "192.168.3.2"},
    "spec": {"containers": [{"name": "a", "ports": [{"containerPort": 1}, {"containerPort": 2}]}, {"name": "b"}]},
}


def test_each_port_of_a_pod_is_a_target_labelled_as_prometheus_does_it() -> None:
    found = list(PROMETHEUS.targets([POD, {**POD, "status": {}}]))
    assert [one["targets"][0] for one in found] == ["192.168.3.2:1", "192.168.3.2:2", "192.168.3.2"]
    assert found[0]["labels"]["__meta_kubernetes_pod_annotation_prometheus_io_scrape"] == "true"


def test_discovery_in_kubernetes_becomes_a_file_and_nothing_else_changes() -> None:
    config = {"scrape_configs": [{"job_name": "a", "kubernetes_sd_configs": [{"role": "pod"}]}, {"job_name": "b"}]}
    config["alerting"] = {"alertmanagers": [{"path_prefix": "a", "kubernetes_sd_configs": [{"role": "pod"}]}]}
    one, other = PROMETHEUS.without_discovery(config)["scrape_configs"]
    assert config["alerting"]["alertmanagers"][0].keys() == {"path_prefix", "file_sd_configs"}
    assert one["file_sd_configs"][0]["files"] == ["/tmp/pods.json"]
    assert other == {"job_name": "b"}
    with pytest.raises(ValueError, match="only role pod"):
        PROMETHEUS.without_discovery({"scrape_configs": [{"kubernetes_sd_configs": [{"role": "node"}]}]})
