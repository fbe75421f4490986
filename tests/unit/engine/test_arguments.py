"""What a check or a stage may ask for by argument name."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import fixtures
import install
from checks.catalogue import declared
from dlws.engine.arguments import ARGUMENTS, Arguments, DuplicateArgument, UnknownArgument
from dlws.engine.check import Check
from dlws.engine.stage import Stage, stage_of
from tests.kits.project import Project

DOCUMENT = Path(__file__).parents[3] / "docs" / "adding-a-check.md"
MODULES = [importlib.import_module(f"install.{module.name}") for module in pkgutil.iter_modules(install.__path__)]
STAGES = [stage for module in MODULES for value in vars(module).values() if (stage := stage_of(value))]

CHECK = '''
@check("T01", title_zh="在", fix="make it")
def test_it({argument}):
    """It is there."""
'''
STAGE = '''
@stage(section="2.1", proves=[facts.test_it])
def test_make_it({argument}):
    """Make it."""
'''


def wants_host(hots: object) -> None:
    """Asks for what nothing provides."""


def test_an_argument_is_given_what_its_provider_makes() -> None:
    arguments = Arguments()
    arguments.argument("hots")(lambda site, target: f"{site} {target}")
    assert arguments.given("site", wants_host, "target") == {"hots": "site target"}  # type: ignore[arg-type]


def test_two_arguments_of_one_name_are_refused() -> None:
    arguments = Arguments()
    arguments.argument("host")(test_an_argument_is_given_what_its_provider_makes)  # type: ignore[type-var]
    with pytest.raises(DuplicateArgument, match=r"'host' is provided twice: by .*provider_makes and .*wants_host"):
        arguments.change_argument("host")(wants_host)  # type: ignore[type-var]


def test_an_unknown_argument_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownArgument) as raised:
        ARGUMENTS.require(wants_host, ("host", "node"), "a check")
    name = f"{wants_host.__module__}.wants_host"
    assert str(raised.value) == f"{name} asks for 'hots', did you mean 'host'? A check can ask for: host, node"


def test_a_check_that_asks_for_what_is_not_there_stops_the_run(tmp_path: Path) -> None:
    ran = Project(tmp_path, checks=CHECK.format(argument="hots")).run("-m", "verify")
    assert ran.status == 4
    assert ran.err.startswith(
        "ERROR: checks.facts.test_it asks for 'hots', did you mean 'hosts'? A check can ask for: "
    )


def test_a_check_cannot_ask_for_a_change(tmp_path: Path) -> None:
    ran = Project(tmp_path, checks=CHECK.format(argument="change")).run("-m", "verify")
    assert ran.status == 4
    assert ran.err.startswith("ERROR: checks.facts.test_it asks for 'change'")


def test_a_stage_can_ask_for_a_change_and_not_for_a_typo(tmp_path: Path) -> None:
    made = Project(tmp_path, checks=CHECK.format(argument="node"), stages=STAGE.format(argument="chnage"))
    ran = made.run("-m", "install", "-n", "0")
    assert ran.err.startswith(
        "ERROR: install.s1.test_make_it asks for 'chnage', did you mean 'change'? A stage can ask"
    )
    assert ran.err.rstrip().endswith(", ".join(ARGUMENTS.for_stages))


@pytest.mark.parametrize("spec", [*declared().values(), *STAGES], ids=lambda spec: spec.name)
def test_what_the_suite_asks_for_is_there(spec: Check | Stage) -> None:
    provided = ARGUMENTS.for_stages if isinstance(spec, Stage) else ARGUMENTS.for_checks
    ARGUMENTS.require(spec.function, provided, "it")


def test_an_argument_has_a_file_of_its_name() -> None:
    files = {module.name for module in pkgutil.iter_modules(fixtures.__path__)} - {"plugin"}
    assert files == {*ARGUMENTS.for_checks, "change"}


def test_the_page_on_checks_names_every_argument() -> None:
    text = " ".join(DOCUMENT.read_text("utf-8").split())
    listed = max(re.findall(r"(?:`\w+`, )+`\w+`", text), key=len)
    assert tuple(re.findall(r"`(\w+)`", listed)) == ARGUMENTS.for_checks
