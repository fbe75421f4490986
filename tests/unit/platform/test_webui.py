"""What the running services are configured with (runbook 3.15), and what lint says of a local.yaml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlws.config.cluster import inspect
from dlws.config.finding import Level
from dlws.platform import rendering, web_files
from dlws.platform.parameters import secrets
from tests.kits.checkout import STAND_IN, cluster_of, spoilt
from tests.kits.config_example import no_dns, write

MICROSOFT = (
    'Microsoft: {TenantId: "", ClientId: "", ClientSecret: ""}',
    "Microsoft: {TenantId: 0a0b0c0d-0000-4000-8000-000000000001, ClientId: 0a0b0c0d-0000-4000-8000-000000000002, "
    "ClientSecret: invented-secret}",
)


def local_yaml(folder: Path, *edits: tuple[str, str]) -> dict[str, Any]:
    cluster = cluster_of(folder, *edits)
    found: dict[str, Any] = yaml.safe_load(web_files.local_yaml(cluster, rendering.renderer(cluster)))
    return found


def test_users_are_told_the_public_name_and_services_the_masters(tmp_path: Path) -> None:
    web = local_yaml(tmp_path)
    assert (web["domain"], web["casUrl"]) == ("https://atlas.sigsus.cn", "http://atlas.sigsus.cn/cas")
    assert web["userGroup"]["domain"] == "http://atlas01.sigsus.cn"
    assert web["clusters"]["atlas"] == {
        "restfulapi": "http://atlas01.sigsus.cn/apis",
        "title": "Grafana of the cluster",
        "workStorage": "/dlwsdata/work",
        "dataStorage": "/dlwsdata/storage",
        "grafana": "https://atlas.sigsus.cn/endpoints/grafana/",
        "prometheus": "http://atlas01.sigsus.cn:9091",
    }


def test_a_port_outside_is_in_grafanas_url(tmp_path: Path) -> None:
    outside = ("suite:\n", "extranet_protocol: http\nextranet_port: 8080\nsuite:\n")
    grafana = local_yaml(tmp_path, outside)["clusters"]["atlas"]["grafana"]
    assert grafana == "http://atlas.sigsus.cn:8080/endpoints/grafana/"


def test_both_sign_ins_have_their_section_whatever_is_set_up(tmp_path: Path) -> None:
    assert local_yaml(tmp_path)["wechat"] == {"appId": "", "appSecret": ""}
    web = local_yaml(tmp_path, MICROSOFT)
    assert web["activeDirectory"]["clientSecret"] == "invented-secret"
    assert web["wechat"] == {"appId": "", "appSecret": ""}


@pytest.mark.parametrize("name", ["wechat", "activeDirectory", "masterToken", "userGroup", "clusters"])
def test_a_local_yaml_without_what_the_server_reads_is_found(tmp_path: Path, name: str) -> None:
    cluster = cluster_of(tmp_path)
    web = yaml.safe_load(web_files.local_yaml(cluster, rendering.renderer(cluster)))
    text = yaml.safe_dump({key: value for key, value in web.items() if key != name})
    found = [f for f in web_files.check_local_yaml(cluster, text) if f.level is Level.ERROR]
    assert [f.key for f in found] == [name]
    assert found[0].message.startswith("missing: the web interface's server reads it at its start")


@pytest.mark.parametrize(
    ("section", "keys"),
    [
        ("wechat:\n", ["wechat"]),
        ("wechat: {appId: wx0}\n", ["wechat.appSecret"]),
        ("wechat: none\n", ["wechat.appId", "wechat.appSecret"]),
    ],
)
def test_half_a_sign_in_is_found_too(tmp_path: Path, section: str, keys: list[str]) -> None:
    cluster = cluster_of(tmp_path)
    web = yaml.safe_load(web_files.local_yaml(cluster, rendering.renderer(cluster)))
    del web["wechat"]
    found = web_files.check_local_yaml(cluster, yaml.safe_dump(web) + section)
    assert [f.key for f in found if f.level is Level.ERROR] == keys


def test_each_cluster_has_an_administrators_password_of_its_own(tmp_path: Path) -> None:
    def first(*edits: tuple[str, str]) -> str:
        cluster = cluster_of(tmp_path, *edits)
        files = web_files.host_files(cluster, rendering.renderer(cluster))
        (line,) = re.findall(
            "(?m)^ADMINISTRATOR_PASSWORD=(.*)$", next(f.text for f in files if "local.config" in f.path)
        )
        return str(line)

    assert re.fullmatch("[0-9a-f]{32}", first())
    assert first() == first()
    assert first() != first(("invented-for-tests", "another-password"))


def test_users_tokens_are_made_of_the_clusters_own_word(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path)
    renderer = rendering.renderer(cluster)
    token = local_yaml(tmp_path)["masterToken"]
    assert token == renderer.cnf["dashboard_master_token"] != renderer.cnf["administrator_password"]
    assert token in secrets(renderer.cnf)


def test_the_web_interface_and_the_api_sign_with_the_same_key(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path)
    files = {file.path: file for file in web_files.host_files(cluster, rendering.renderer(cluster))}
    api = yaml.safe_load(files["/etc/RestfulAPI/config.yaml"].text)
    assert local_yaml(tmp_path)["sign"] == api["jwt"]["secret_key"] == "invented-sign-key"


def test_files_with_passwords_are_not_for_everybody(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path)
    renderer = rendering.renderer(cluster)
    for file in web_files.host_files(cluster, renderer):
        assert any(secret in file.text for secret in secrets(renderer.cnf))
        assert int(file.source.mode, 8) & 0o007 == 0


def test_what_is_generated_has_nothing_to_complain_about(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path, MICROSOFT)
    assert web_files.check_local_yaml(cluster, web_files.local_yaml(cluster, rendering.renderer(cluster))) == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("http://atlas01.sigsus.cn/apis", "http://altas01.sigsus.cn/apis", "did you mean atlas01.sigsus.cn?"),
        ("https://atlas.sigsus.cn", "https://altas.sigsus.cn", "did you mean atlas.sigsus.cn?"),
        ("https://atlas.sigsus.cn", "https://atlas.sigus.cn", "did you mean atlas.sigsus.cn?"),
        ("https://atlas.sigsus.cn", "https://example.org", '"example.org" is no name of this cluster'),
        ("  atlas:", "  altas:", '"altas" is not cluster_name "atlas"'),
        ("/endpoints/grafana/", "/grafana/", "is not where nginx serves it (end it with /endpoints/grafana/)"),
        ("sigsus.cn/apis", "sigsus.cn/api", "is not where nginx serves it (end it with /apis)"),
        ("sigsus.cn/cas", "sigsus.cn/", "is not where nginx serves it (end it with /cas)"),
        ("http://atlas01.sigsus.cn:9091", "atlas01.sigsus.cn:9091", "it begins with neither http:// nor https://"),
        ("http://atlas01.sigsus.cn:9091", "http://atlas01.sigsus.cn:99999", "is no URL: Port out of range"),
        ("http://atlas01.sigsus.cn:9091", "http://u:p@atlas01.sigsus.cn", "more than scheme, host, port and path"),
        ("/dlwsdata/work", "work", '"work" is no absolute path'),
        ("/dlwsdata/storage", "/data/storage", '"/data/storage" is not under storage-mount-path'),
        ("/custom-user-dashboard\n", "/user-dashboard\n", "no path that nginx sends to the user dashboard"),
        ("sign: invented-sign-key", "sign: another", "differs from jwt.secret_key of the configuration"),
    ],
)
def test_a_slip_in_local_yaml_is_one_finding(tmp_path: Path, old: str, new: str, message: str) -> None:
    cluster = cluster_of(tmp_path)
    text = web_files.local_yaml(cluster, rendering.renderer(cluster))
    assert old in text
    found = [str(finding) for finding in web_files.check_local_yaml(cluster, text.replace(old, new, 1))]
    assert len(found) == 1, found
    assert message in found[0]


def test_addresses_are_names_too(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path)
    text = web_files.local_yaml(cluster, rendering.renderer(cluster)).replace(
        "http://atlas01.sigsus.cn", "http://192.168.3.2"
    )
    assert web_files.check_local_yaml(cluster, text) == ()


def test_hosts_of_any_network_are_let_in_to_the_api(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path, ("192.168.3.", "10.9.3."))
    apis = (
        web_files.nginx_routes(cluster, rendering.renderer(cluster)).partition("location /apis/ {")[2].partition("}")[0]
    )
    allowed = ["192.168.0.0/16", "127.0.0.1", "10.9.3.2", "10.9.3.6", "10.9.3.4", "10.9.3.3"]
    assert apis.split(";")[:7] == [f"\n    allow {address}" for address in allowed] + ["\n    deny all"]


def test_hosts_that_are_let_in_already_are_not_named_again(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path)
    renderer = rendering.renderer(cluster)
    assert web_files.nginx_routes(cluster, renderer) == renderer.text(web_files.NGINX_ROUTES)


def test_lint_reports_that_the_runbooks_file_has_no_effect(tmp_path: Path) -> None:
    spoilt(tmp_path, "src/dashboard/config/local.yaml", "casUrl: http://altas.sigsus.cn/cas\nsign: invented-sign-key\n")
    path = write(tmp_path, ("suite:\n", "dlworkspace: checkout\nsuite:\n"))
    found = [f for f in inspect(path, resolve=no_dns)[1] if f.file.endswith("local.yaml")]
    assert [finding.message for finding in found] == [
        "the running web interface reads /etc/WebUI/local.yaml; the suite writes it, and leaves this one out",
        '"altas.sigsus.cn" is no name of this cluster',
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Allowed: [admin@example.org]", 'Allowed: ["@example.org"]', "is no single account"),
        ("invented-sign-key", '"a: b"', "changes when it stands unquoted in YAML"),
        ("invented-sign-key", '"12345678901"', "changes when it stands unquoted in YAML"),
        ("invented-sign-key", '"key #1"', "changes when it stands unquoted in YAML"),
        ("invented-for-tests", "a$$b12345", "which Kubernetes changes on the way to MySQL"),
        ("jwt: {secret_key: invented-sign-key}", "", "DLWorkspace's own key signs every token"),
    ],
)
def test_a_value_that_the_templates_would_break_is_found_before(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    found = "\n".join(map(str, inspect(write(tmp_path, (old, new)), resolve=no_dns)[1]))
    assert message in found
    assert "a$$b" not in found


def test_the_stand_in_has_no_local_yaml_of_its_own() -> None:
    assert not (STAND_IN / "src/dashboard/config/local.yaml").exists()
