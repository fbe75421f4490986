"""Strict rendering: a broken template names template and line, a missing key itself as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlws.platform import template_process
from dlws.platform.templates import Renderer, TemplateError
from dlws.upstream.checkout import CheckoutError
from tests.kits.checkout import MONITOR, renderer_of


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    return renderer_of(tmp_path_factory.mktemp("cluster"))


def error_of(renderer: Renderer, source: str) -> str:
    with pytest.raises(TemplateError) as caught:
        renderer.rendered(source, "services/x/x.yaml")
    return str(caught.value)


def test_parameters_are_filled_in(renderer: Renderer) -> None:
    source = '{% for a in cnf["UserGroups"]["DLWSAdmins"]["Allowed"] %}{{a.split("@")[0]}}{% endfor %}'
    assert renderer.rendered(source, "x") == "admin"


@pytest.mark.parametrize(
    ("expression", "key"),
    [
        ('{{cnf["webuiprt"]}}', "webuiprt"),
        ('{{cnf["prometheus"]["prt"]}}', "prometheus.prt"),
        ('{{cnf["dockers"]["container"]["nginx2"]["fullname"]}}', "dockers.container.nginx2"),
        ("{{cnf.webuiprt}}", "webuiprt"),
        ("{{config}}", "config"),
        ('{% if cnf["webuiprt"] %}x{% endif %}', "webuiprt"),
        ('{% for x in cnf["webuiprt"] %}x{% endfor %}', "webuiprt"),
        ('{{cnf["webuiprt"]|length}}', "webuiprt"),
    ],
)
def test_a_missing_key_names_template_line_and_key(renderer: Renderer, expression: str, key: str) -> None:
    assert error_of(renderer, f"a: 1\nb:\n  c: {expression}\n") == (
        f"services/x/x.yaml:3: {key} is missing: neither config.yaml nor params.py has it, nor is it derived"
    )


def test_a_missing_key_may_be_asked_for(renderer: Renderer) -> None:
    assert renderer.rendered('{% if "vc_url" in cnf["watchdog"] %}x{% endif %}', "x") == ""


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('a: 1\n{% if cnf["a" %}\n', "services/x/x.yaml:2: broken template: unexpected '}'"),
        ("a: 1\n{% if true %}\nb: 2\n", "services/x/x.yaml:2: broken template: Unexpected end of template"),
        ("a\nb\n{{ cnf | nonsense }}\n", "services/x/x.yaml:3: broken template: No filter named 'nonsense'"),
        ("a\nb: {{ 1 / 0 }}\n", "services/x/x.yaml:2: cannot be rendered: ZeroDivisionError"),
        ('a\nb: {{ cnf["webuiport"] + "x" }}\n', "services/x/x.yaml:2: cannot be rendered: TypeError"),
    ],
)
def test_a_broken_template_names_template_and_line(renderer: Renderer, source: str, message: str) -> None:
    assert error_of(renderer, source).startswith(message)
    assert "\n" not in error_of(renderer, source)


def test_a_template_reaches_values_but_not_the_machine(renderer: Renderer) -> None:
    assert "SecurityError" in error_of(renderer, "{{ cnf.__class__.__mro__[-1].__subclasses__() }}")


def test_a_template_cannot_change_the_parameters(renderer: Renderer) -> None:
    assert "SecurityError" in error_of(renderer, "{{ cnf.update(admin_username='x') }}")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a\n{{ 'A' * 2000000000 }}", "x.yaml:2: needs more than 512 MiB of memory"),
        ("a\n{{ '%02000000000d' % 1 }}", "x.yaml:2: needs more than 512 MiB of memory"),
        ("a\n{{ 'A'.ljust(2000000000) }}", "x.yaml:2: needs more than 512 MiB of memory"),
        ("{% for a in 'x' * 9999 %}{{ 'A' * 9999 }}{% endfor %}", "x.yaml: renders to more than 4 MiB"),
    ],
)
def test_a_template_takes_no_more_memory_than_it_may(renderer: Renderer, source: str, message: str) -> None:
    assert error_of(renderer, source) == f"services/x/{message}"


def test_a_template_without_an_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "template_process.py"
    source = Path(template_process.__file__).read_text()
    program.write_text(source.replace("SECONDS: Final = 10.0", "SECONDS: Final = 0.5"))
    monkeypatch.setattr("dlws.platform.template_process.__file__", str(program))
    loops = "{% set s = cnf.s %}{% for a in s %}\n{% for b in s %}{% for c in s %}{% endfor %}{% endfor %}{% endfor %}"
    answer = template_process.Rendering().ask(loops, "x.yaml", {"s": "x" * 100_000})
    assert answer == {"line": 2, "message": "takes more than 0.5 s"}


def test_after_a_template_that_broke_its_process_the_next_is_rendered() -> None:
    rendering = template_process.Rendering()
    assert rendering.ask("{{ 6 * 7 }}", "x", {}) == {"text": "42"}
    assert rendering._process is not None
    rendering._process.kill()
    assert rendering.ask("{{ 6 * 7 }}", "x", {}) == {"line": 0, "message": "its process was lost"}
    assert rendering.ask("{{ 6 * 7 }}", "x", {}) == {"text": "42"}


def test_a_rendered_value_is_not_rendered_again(tmp_path: Path) -> None:
    renderer = renderer_of(tmp_path, ("suite:\n", "smbUsername: '{{ 7 * 6 }}'\nsuite:\n"))
    assert renderer.rendered('{{cnf["smbUsername"]}}', "x") == "{{ 7 * 6 }}"


def test_what_upstream_copies_is_not_rendered(renderer: Renderer) -> None:
    assert "{{$labels.instance}}" in renderer.text(f"{MONITOR}/alerting/node.rules")


def test_a_missing_template_names_file_and_checkout(renderer: Renderer) -> None:
    with pytest.raises(CheckoutError, match=r"services/none.yaml: no such file in the checkout /"):
        renderer.text("services/none.yaml")
