"""What is read from a rendered file is what the configuration says."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlws.platform import read_back, renderings
from dlws.platform.template_process import BEGIN, END
from dlws.platform.templates import TemplateError
from tests.kits.checkout import cluster_of, renderer_of

SIGN_IN = 'Wechat: {AppId: "", AppSecret: ""}'


def changed(template: str, value: str, name: str = "x.yaml") -> list[str]:
    return read_back.changed(template.replace("%s", f"{BEGIN}{value}{END}"), name)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("p: %s", "a #1"),
        ("p: %s", "a: b"),
        ("p: %s", "0123"),
        ("p: %s", "on"),
        ("p: %s", "~"),
        ("p: %s", "2020-01-01"),
        ("p: %s", "[a"),
        ("p: %s", " a"),
        ('p: "%s"', 'a"b'),
        ('p: "%s"', "a\\d"),
        ("p: '%s'", "it's"),
        ("%s: 1", "off"),
        ("# %s\np: 1", "a\nb: 2"),
        ("p: 1 # %s", "a\nb: 2"),
        ("- http://%s/x", "a #"),
        ("data:\n  config.yml: |-\n    p: %s\n    q: 1", "a #1"),
        ("data:\n  config.yml: |-\n    p: %s\n    q: 1", "a: b"),
        ("data:\n  config.yml: |-\n    {not yaml\n    p: %s", "a\nb: 1"),
    ],
)
def test_a_value_that_is_read_otherwise_is_found(template: str, value: str) -> None:
    assert changed(template, value) == [value]


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("p: %s", "it's"),
        ("p: %s", "密码"),
        ("p: %s", "9091"),
        ('p: "%s"', "a #1: 0123"),
        ("- https://%s:443/%s", "a.b"),
        ("p: {not yaml", "a #1"),
        ("data:\n  email.tmpl: |-\n    p: %s\n    q: 1", "a #1"),
    ],
)
def test_a_value_that_comes_through_is_none(template: str, value: str) -> None:
    assert changed(template, value) == []


def test_json_is_read_as_json_and_other_files_are_not_read() -> None:
    assert changed('{"p": "%s"}', 'a"b', "x.json") == ['a"b']
    assert changed('{"p": "%s"}', "0123", "x.json") == []
    assert changed("p = %s", "a #1", "nginx.conf") == []


@pytest.mark.parametrize(
    ("template", "value", "is_kept"),
    [
        ("P=%s", "a#1", False),
        ('P="%s"', "a#1", True),
        ('P="%s"', 'a"b', True),
        ('P="%s"', "a\\nb", False),
        ("P='%s'", "a\\nb", True),
        ("P=%s", "'a'", False),
        ("P=%s", "a\nQ=b", False),
        ("# P=%s\nR=1", "a#1", True),
    ],
)
def test_a_file_of_variables_is_read_as_dotenv_reads_it(template: str, value: str, is_kept: bool) -> None:
    assert changed(template, value, "UserDashboard/local.config") == ([] if is_kept else [value])


def test_only_the_value_at_fault_is_named() -> None:
    marked = "".join(f"k{n}: {BEGIN}{value}{END}\n" for n, value in enumerate(["good", "a #1", "b: c"]))
    assert read_back.changed(marked, "x.yaml") == ["a #1", "b: c"]


def test_values_that_break_the_file_only_together_are_all_named() -> None:
    assert read_back.changed(f"p: {BEGIN}0{END}{BEGIN}x1f{END}\n", "x.yaml") == ["0", "x1f"]


def test_what_params_py_says_is_upstreams_own_doing() -> None:
    assert read_back.changed(f"p: {BEGIN}yes{END}", "x.yaml", {"yes"}) == []


@pytest.mark.parametrize(("template", "found"), [("p: %s", ["31337313"]), ('p: "%s"', []), ("p: a%s", [])])
def test_a_password_of_digits_needs_quotes(template: str, found: list[str]) -> None:
    marked = template.replace("%s", f"{BEGIN}31337313{END}")
    assert read_back.changed(marked, "x.yaml", words=["31337313"]) == found


def test_marks_are_in_no_rendered_text(tmp_path: Path) -> None:
    platform = renderings.of(cluster_of(tmp_path))
    text = str([m.object for m in platform.manifests("monitor")]) + "".join(f.text for f in platform.host_files)
    assert BEGIN not in text
    assert END not in text
    assert platform.renderer.rendered("{{cnf['admin_username']}}", "x.yaml") == "dlwsadmin"


def test_a_secret_with_a_quote_is_refused_by_its_key_and_not_shown(tmp_path: Path) -> None:
    edited = (SIGN_IN, """Wechat: {AppId: "", AppSecret: 'seven"eight'}""")
    troubles = renderings.troubles(cluster_of(tmp_path, edited))
    assert troubles[0] == (
        "src/ClusterBootstrap/template/RestfulAPI/config.yaml: Authentications.Wechat.AppSecret does not come through: "
        "the template writes it as it is, and it is read otherwise (use letters, digits, - and _, a letter first)"
    )
    assert "seven" not in "".join(troubles)


def test_a_comment_sign_in_a_mail_password_is_refused(tmp_path: Path) -> None:
    mail = 'alert-manager: {configured: true, smtp_url: "m:25", smtp_auth_password: "invented #1"}\njwt:'
    renderer = renderer_of(tmp_path, ("jwt:", mail))
    with pytest.raises(TemplateError, match=r"^x\.yaml: alert-manager\.smtp_auth_password does not come through"):
        renderer.rendered("p: {{cnf['alert-manager']['smtp_auth_password']}}\n", "x.yaml")


def test_a_key_without_a_value_is_a_key_that_is_not_set(tmp_path: Path) -> None:
    edited = ("mysql_password:", "mysql_port:\nmysql_data_path:\nalert-manager: {port: }\nmysql_password:")
    assert renderings.troubles(cluster_of(tmp_path, edited)) == []
