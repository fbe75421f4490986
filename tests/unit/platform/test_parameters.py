"""What templates are rendered with: defaults, the configuration over them, and what deploy.py derived."""

from __future__ import annotations

import base64
import copy
import hmac
import json
from pathlib import Path

import pytest

from dlws.config.cluster import load
from dlws.platform import rendering
from dlws.platform.parameters import Parameters, masked, secrets
from dlws.upstream.checkout import PARAMS, CheckoutError
from dlws.upstream.service_token import service_token
from tests.kits.checkout import ID, cluster_of, renderer_of, spoilt
from tests.kits.config_example import no_dns, write

GIVEN = "invented-sign-key"


@pytest.fixture
def cnf(tmp_path: Path) -> Parameters:
    return renderer_of(tmp_path).cnf


def test_the_configuration_lies_over_the_defaults(cnf: Parameters) -> None:
    assert (cnf["admin_username"], cnf["restfulapiport"], cnf["webuiport"]) == ("dlwsadmin", "5000", 3081)
    assert cnf["jwt"] == {"secret_key": GIVEN, "algorithm": "HS256", "token_ttl": 86400}


def test_platform_services_are_on_the_master(cnf: Parameters) -> None:
    nodes = ("webportal_node", "restfulapi_node", "mysql_node")
    assert {cnf[key] for key in nodes} | {cnf["prometheus"]["host"]} == {"atlas01.sigsus.cn"}
    assert (cnf["master_ip"], cnf["etcd_node"]) == ("192.168.3.2", ["atlas01.sigsus.cn"])
    assert cnf["etcd_endpoints"] == "https://atlas01.sigsus.cn:2379"
    assert cnf["api_servers"] == "https://atlas01.sigsus.cn:6443"


def test_workers_of_both_sections_are_workers(tmp_path: Path) -> None:
    cnf = renderer_of(tmp_path, ("  atlas-gpu01:", "scale_up:\n  atlas-gpu01:")).cnf
    assert cnf["worker_node"] == [f"{name}.sigsus.cn" for name in ("atlas02", "atlas-gpu01", "atlas-gpu02")]
    assert list(cnf["machines"]) == ["atlas01", "atlas02", "atlas-gpu01", "atlas-gpu02"]
    assert not {"scale_up", "suite"} & cnf.keys()


def test_the_api_servers_service_address_is_the_first_of_its_range(tmp_path: Path) -> None:
    cnf = renderer_of(tmp_path, ("suite:\n", "service_cluster_ip_range: 10.96.0.0/12\nsuite:\n")).cnf
    assert (cnf["api-server-ip"], cnf["dns-server-ip"]) == ("10.96.0.1", "10.96.0.10")


def test_images_are_named_by_upstreams_rules(cnf: Parameters) -> None:
    names = {name: image["fullname"] for name, image in cnf["dockers"]["container"].items()}
    assert names["nginx"] == "apulistech/nginx:1.9"
    assert names["watchdog"] == "apulistech/watchdog:1.9"
    assert names["openresty"] == "apulistech/atlas_openresty:latest"
    assert names["RepairManager2"] == "apulistech/atlas_repairmanager2:latest"
    assert names["grafana"] == "apulistech/grafana:6.7.3"  # external wins over the context of that name


def test_another_registry_and_tag_are_in_the_names(tmp_path: Path) -> None:
    edits = [("dockerregistry: apulistech/", "dockerregistry: hub.sigsus.cn/a/"), ('tag: "1.9"', 'tag: "2"')]
    names = renderer_of(tmp_path, *edits).cnf["dockers"]["container"]
    assert names["openresty"]["fullname"] == "hub.sigsus.cn/a/atlas_openresty:latest"
    assert names["nginx"]["fullname"] == "apulistech/nginx:2"


def test_nobody_elses_accounts_come_in_by_default(cnf: Parameters) -> None:
    assert list(cnf["UserGroups"]) == ["DLWSAdmins"]
    assert cnf["Authentications"]["Microsoft"] == {"TenantId": "", "ClientId": "", "ClientSecret": ""}


def test_sign_in_that_is_missing_is_there_but_empty(tmp_path: Path) -> None:
    cnf = renderer_of(tmp_path, ('  Wechat: {AppId: "", AppSecret: ""}\n', "")).cnf
    assert cnf["Authentications"]["Wechat"] == {"AppId": "", "AppSecret": ""}


def test_the_default_virtual_cluster_has_the_devices_that_jobs_can_get(tmp_path: Path) -> None:
    key = "defalt_virtual_cluster_device_type_list"
    assert renderer_of(tmp_path).cnf[key] == ["huawei_npu_arm64", "nvidia_gpu_amd64"]
    gpu_only = ("    type: npu\n    vendor: huawei\n  atlas-gpu01", "    type: cpu\n  atlas-gpu01")
    assert renderer_of(tmp_path, gpu_only).cnf[key] == ["nvidia_gpu_amd64"]  # the master takes no jobs


def test_the_clusters_id_is_that_of_the_state_folder(cnf: Parameters) -> None:
    assert cnf["clusterId"] == ID


def test_without_an_id_yet_there_is_something_no_database_is_called_by(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path)
    cluster.state.cluster_id.write_text("clusterId: nonsense\n")
    assert rendering.renderer(cluster).cnf["clusterId"] == rendering.NO_ID


def test_the_configuration_itself_is_not_changed(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path, ("suite:\n", "repair-manager: {alert: {login: x}}\nsuite:\n"))
    before = copy.deepcopy(dict(cluster.document))
    rendering.renderer(cluster)
    assert dict(cluster.document) == before


def test_masked_parameters_hold_no_secret(cnf: Parameters) -> None:
    hidden = repr(masked(cnf))
    assert not [secret for secret in secrets(cnf) if secret in hidden]
    assert masked(cnf)["mysql_password"] == "<mysql_password>"
    assert masked(cnf)["jwt"]["secret_key"] == "<secret_key>"


def test_secrets_hold_the_token_that_is_made_of_one(cnf: Parameters) -> None:
    assert {"invented-for-tests", GIVEN, service_token(GIVEN)} <= set(secrets(cnf))


def test_the_service_token_is_a_signed_jwt_that_is_the_same_every_time() -> None:
    header, claims, signature = (base64.urlsafe_b64decode(f"{p}==") for p in service_token(GIVEN).split("."))
    assert (json.loads(header), json.loads(claims)) == ({"alg": "HS256", "typ": "JWT"}, {"uid": 30000})
    signed = service_token(GIVEN).rpartition(".")[0].encode()
    assert hmac.compare_digest(signature, hmac.digest(GIVEN.encode(), signed, "sha256"))


def test_a_value_where_the_defaults_have_a_mapping_is_one_clear_line(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path, ("suite:\n", "prometheus: 9091\nsuite:\n"))
    with pytest.raises(CheckoutError, match=r"params.py: prometheus is a mapping there, the configuration has 9091"):
        rendering.renderer(cluster)


def test_a_params_file_that_lacks_what_all_have_is_one_clear_line(tmp_path: Path) -> None:
    cluster = spoilt(tmp_path, PARAMS, "default_config_parameters = {'dockers': {}}\n")
    with pytest.raises(CheckoutError, match=r"params.py: \w+ is missing, which every params.py of DLWorkspace has"):
        rendering.renderer(cluster)


def test_without_a_checkout_there_is_one_clear_line(tmp_path: Path) -> None:
    cluster = load(write(tmp_path), resolve=no_dns)
    with pytest.raises(CheckoutError, match=r"config.yaml: dlworkspace is not set; name your DLWorkspace checkout"):
        rendering.renderer(cluster)
