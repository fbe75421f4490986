"""Alertmanager, Prometheus, calls made in a row, web pages, etcd and the kubelet's files: every field and refusal."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from dlws.parse.kubernetes import etcd, kubelet
from dlws.parse.platform import alerts, answers, page
from dlws.verdict import Unknown, Unparsable

CALL = "== npu-smi info\n{}\n== exit {}\n"
CONFIG = "kind: KubeletConfiguration\n"
NO_FLAGS = 'KUBELET_KUBEADM_ARGS=""\n'


@pytest.mark.parametrize("key", ["instance", "host_ip", "ip", "name"])
def test_an_alert_names_its_place(key: str) -> None:
    row = {"status": {"state": "active"}, "labels": {"alertname": "NodeDown", "zone": "z", key: "atlas01"}}
    assert [alert.name for alert in alerts.active(json.dumps([row]))] == ["NodeDown atlas01"]


@pytest.mark.parametrize("row", [None, {"status": None, "labels": {}}, {"status": {"state": "active"}, "labels": []}])
def test_half_an_alert_is_unknown(row: Any) -> None:
    with pytest.raises(Unparsable):
        alerts.active(json.dumps([row]))


@pytest.mark.parametrize("text", ["[", "[" * 100_000])
def test_what_is_no_json_is_called_so(text: str) -> None:
    with pytest.raises(Unparsable, match="not JSON, or cut off"):
        alerts.active(text)


def answer(status: str = "success", metric: Any = None, value: Any = (0, "1")) -> str:
    result = [{"metric": {} if metric is None else metric, "value": value}]
    return json.dumps({"status": status, "data": {"resultType": "vector", "result": result}})


@pytest.mark.parametrize(
    "text", [answer("error"), answer(metric=[]), answer(value=[0, "x"]), answer(value=[0, 10**400]), "[]", "null"]
)
def test_a_sample_of_another_form_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        alerts.samples(text)


@pytest.mark.parametrize(
    ("status", "why"),
    [(124, "no answer within 10 s"), (137, "no answer within 10 s"), (126, "tool missing"), (127, "tool missing")],
)
def test_why_a_call_failed(status: int, why: str) -> None:
    with pytest.raises(Unknown, match=f"^{why}: npu-smi info: no output$"):
        answers.parse(CALL.format("", status)).output_of("npu-smi info")


def test_a_call_that_failed_in_its_own_way_is_quoted() -> None:
    with pytest.raises(Unknown, match=r"^exit status 3: npu-smi info: DCMI error$"):
        answers.parse(CALL.format("\nDCMI error\nmore\n", 3)).output_of("npu-smi info")


def test_the_output_of_each_call_is_kept() -> None:
    found = answers.parse("\n" + CALL.format("a\n\nb", 0) + "\n== hccn_tool\n== exit 0\n")
    assert (found.output_of("npu-smi info"), found.output_of("hccn_tool")) == ("a\n\nb", "")
    assert (found.words_of("npu-smi info"), found.words_of("npu-smi")) == ("a\n\nb", "")
    with pytest.raises(Unparsable, match="no answer"):
        found.output_of("npu-smi")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "== exit 0\n",
        "== a\nx\n",
        "== a\n== b\n== exit 0\n",
        "x\n" + CALL.format("", 0),
        CALL.format("", 0) * 2,
        CALL.format("", 0) + "== exit 0\n",
        CALL.format("", "0 x"),
        CALL.format("", 0) + "== hccn_tool\n",
    ],
)
def test_calls_that_run_into_each_other_are_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        answers.parse(text)


@pytest.mark.parametrize("tag", ["head", "script", "style", "template", "noscript"])
def test_what_a_page_does_not_show(tag: str) -> None:
    text = f"<html><p>a  b</p><{tag}>c<b>d</b>e</{tag}>\n<i>f</i></html>"
    assert page.shown(text) == "a b f"


@pytest.mark.parametrize("text", ["<html", "</html>", "Connection refused"])
def test_half_a_page_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        page.shown(text)


@pytest.mark.parametrize(
    ("said", "is_healthy"), [('"true"', True), ("true", True), ('"false"', False), ("false", False)]
)
def test_etcds_health(said: str, is_healthy: bool) -> None:
    assert etcd.health(f'{{"health": {said}, "reason": ""}}') is is_healthy


@pytest.mark.parametrize("text", ['{"health": "yes"}', "{}", "[]", "true", "404 page not found", '{"error": "x"}'])
def test_a_health_of_another_form_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        etcd.health(text)


def test_etcds_status_leaves_out_zeros() -> None:
    assert etcd.status('{"header": {}}') == etcd.Status(0, 0, ())
    told = '{"header": {}, "leader": "7", "dbSize": "4096", "errors": ["NOSPACE"]}'
    assert etcd.status(told) == etcd.Status(7, 4096, ("NOSPACE",))
    assert etcd.QUOTA == 2_147_483_648
    assert etcd.status('{"header": {}, "errors": null, "dbSizeQuota": "9"}') == etcd.Status(0, 0, (), 9)


@pytest.mark.parametrize(
    ("words", "quota"),
    [
        ("etcd --data-dir=/d", etcd.QUOTA),
        ("etcd --quota-backend-bytes=0", etcd.QUOTA),
        ("etcd --quota-backend-bytes=8589934592", 8589934592),
        ("etcd -quota-backend-bytes 4096 --v=2", 4096),
        ("etcd --quota-backend-bytes=4GiB", etcd.QUOTA),
    ],
)
def test_the_quota_is_as_etcd_was_started(words: str, quota: int) -> None:
    assert etcd.quota_of(f"4711 {words}\n") == quota
    assert etcd.quota_of(f"4710 other\n4711 {words}\n") == quota


@pytest.mark.parametrize("text", ['{"leader": "7"}', '{"header": {}, "leader": "x"}', '{"header": {}, "dbSize": []}'])
def test_a_status_of_another_form_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        etcd.status(text)


def test_a_member_of_etcd_that_has_not_started() -> None:
    assert etcd.members('{"members": [{"name": "atlas01"}, {"ID": "1"}]}') == ("atlas01", "not started")
    with pytest.raises(Unparsable):
        etcd.members('{"members": {}}')
    with pytest.raises(Unparsable):
        etcd.members('{"members": ["atlas01", {"name": "atlas02"}]}')
    with pytest.raises(Unparsable):
        etcd.members("[" * 100_000)


@pytest.mark.parametrize("text", ["{}", '{"kvs": []}', '{"kvs": [{}]}', '{"kvs": [{"value": ""}]}'])
def test_a_key_without_a_value(text: str) -> None:
    assert etcd.value(text) == b""


def test_the_value_of_a_key() -> None:
    first, second = (base64.b64encode(value).decode() for value in (b"k8s", b"other"))
    assert etcd.value(json.dumps({"kvs": [{"value": first}, {"value": second}]})) == b"k8s"


def test_an_error_of_etcd_is_no_missing_key() -> None:
    with pytest.raises(Unparsable):
        etcd.value('{"error": "etcdserver: mvcc: required revision has been compacted", "code": 11}')


@pytest.mark.parametrize("pair", [{"value": "%%%%"}, {"value": None}, "x", {"value": "a"}])
def test_a_value_of_another_form_is_unknown(pair: Any) -> None:
    with pytest.raises(Unparsable):
        etcd.value(json.dumps({"kvs": [pair]}))
    with pytest.raises(Unparsable):
        etcd.value(json.dumps({"kvs": {"0": pair}}))


def test_the_kubelets_own_defaults() -> None:
    assert kubelet.parse(CONFIG, NO_FLAGS) == kubelet.Kubelet("cgroupfs", "/etc/resolv.conf", "")


def test_a_flag_overrides_the_kubelets_file() -> None:
    config = f"{CONFIG}cgroupDriver: systemd\nresolvConf: /run/resolv.conf\n"
    assert kubelet.parse(config, NO_FLAGS) == kubelet.Kubelet("systemd", "/run/resolv.conf", "")
    flags = "--cgroup-driver=cgroupfs --resolv-conf=/x=y --node-ip=10.0.0.1 --v"
    found = kubelet.parse(config, f'\nKUBELET_KUBEADM_ARGS="{flags}"\n')
    assert found == kubelet.Kubelet("cgroupfs", "/x=y", "10.0.0.1")


@pytest.mark.parametrize(
    ("config", "flags"),
    [
        ("kind: Pod\n", NO_FLAGS),
        ("[]", NO_FLAGS),
        ("a: [", NO_FLAGS),
        (CONFIG, ""),
        (CONFIG, f"{NO_FLAGS}x"),
        (CONFIG, 'ARGS=""'),
    ],
)
def test_half_of_the_kubelets_files_is_unknown(config: str, flags: str) -> None:
    with pytest.raises(Unparsable):
        kubelet.parse(config, flags)


def test_the_settings_of_a_kubelet() -> None:
    assert kubelet.settings("a: 1\n") == {"a": 1}
    for text in ("a: [", "- a"):
        with pytest.raises(Unparsable):
            kubelet.settings(text)
