"""What every declared check must carry, and `dlws checks`."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from types import ModuleType

import pytest

import checks
from checks.catalogue import CatalogueError, by_id, checks_of, declared
from checks.host import swap
from dlws.cli import main
from dlws.engine.check import Check, check, check_of
from dlws.verdict import Severity
from reports.matrix import AREAS, SECTIONS

CHECKS = declared()
HAN = re.compile("[\u4e00-\u9fff]")


@pytest.mark.parametrize("spec", CHECKS.values(), ids=CHECKS)
def test_a_check_is_declared_in_full(spec: Check) -> None:
    assert re.fullmatch("[A-Z][0-9]{2}", spec.id)
    assert spec.id[0] in AREAS
    assert spec.section in SECTIONS
    assert spec.source
    assert spec.fix
    assert HAN.search(spec.title_zh)


@pytest.mark.parametrize("spec", CHECKS.values(), ids=CHECKS)
def test_a_title_is_a_sentence_in_one_line(spec: Check) -> None:
    assert spec.title != spec.name
    assert spec.title.endswith(".")
    assert "\n" not in spec.title_zh
    assert not HAN.search(spec.title)


def test_no_two_checks_are_called_the_same() -> None:
    for words in ([c.title for c in CHECKS.values()], [c.title_zh for c in CHECKS.values()]):
        assert len(set(words)) == len(CHECKS)


def test_an_id_that_is_used_twice_is_refused() -> None:
    here = made("T01", swap_is_off)
    there = made("T01", swap_stays_off)
    with pytest.raises(CatalogueError, match=r"T01 is declared twice: .*swap_is_off and .*swap_stays_off"):
        by_id([here, there])


def test_checks_stand_in_the_order_of_their_ids() -> None:
    found = [made(id, swap_is_off) for id in ("N07", "D11", "N24", "N06")]
    assert list(by_id(found)) == ["D11", "N06", "N07", "N24"]


def test_a_check_that_is_only_imported_is_not_declared_again() -> None:
    module = ModuleType("borrower")
    module.__dict__["test_swap_is_off"] = swap.test_swap_is_off
    assert checks_of(module) == []
    assert [c.id for c in checks_of(swap)] == ["H09", "H10"]


def test_no_module_holds_a_check_of_another() -> None:
    """pytest collects every function of a module: a check that is imported by its name would run twice."""
    modules = [importlib.import_module(m.name) for m in pkgutil.walk_packages(checks.__path__, "checks.")]
    borrowed = [
        f"{module.__name__}: {name}"
        for module in modules
        for name, value in vars(module).items()
        if check_of(value) and value.__module__ != module.__name__
    ]
    assert borrowed == []


def test_list_has_a_row_for_every_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["checks", "list"]) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["id", "severity", "section", "title"]
    assert max(map(len, (heading, *rows))) < 160  # it fits into a pager
    for row, spec in zip(rows, CHECKS.values(), strict=True):
        assert all(word in row for word in (spec.id, spec.severity, spec.section, spec.title))


def test_show_tells_all_of_a_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["checks", "show", "R12"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "id:        R12",
        "title:     A container sees all of the host's GPUs with both `docker run` and `nvidia-docker run`.",
        "title_zh:  容器内可见全部 GPU（两种方式）",
        "severity:  blocker",
        "sets:      active, verify",
        "on:        gpu hosts",
        "section:   3.9",
        "source:    runbook 3.9",
        "fix:       make nvidia the default runtime (runbook 3.9); try `docker run --rm <image> nvidia-smi`",
        "function:  checks.docker.test_container_sees_every_gpu",
    ]


def test_show_takes_several_ids_or_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["checks", "show", "H10", "H09"]) == 0
    assert [words(block) for block in capsys.readouterr().out.split("\n\n")] == ["H10", "H09"]
    assert main(["checks", "show"]) == 0
    assert [words(block) for block in capsys.readouterr().out.split("\n\n")] == list(CHECKS)


def test_show_refuses_an_id_that_no_check_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["checks", "show", "h10", "H09"]) == 2
    assert capsys.readouterr() == ("", "no check h10, did you mean H10?\n")


def test_an_id_like_no_other_is_answered_with_where_all_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["checks", "show", "ZZZ"]) == 2
    assert capsys.readouterr().err == "no check ZZZ (`dlws checks list` prints them all)\n"


@pytest.mark.parametrize("words", [["list"], ["show", "H09"]])
def test_an_id_that_is_used_twice_is_one_line(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = [made("T01", swap_is_off), made("T01", swap_stays_off)]
    monkeypatch.setattr("checks.command.declared", lambda: by_id(twice))
    assert main(["checks", *words]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "T01 is declared twice" in line
    assert line.endswith("; give one of them an id of its own")


@pytest.mark.parametrize(
    ("typed", "meant"), [("H9", "H09"), ("G1", "G01"), ("x4", "X04"), ("N7", "N07"), ("H009", "H09")]
)
def test_a_missing_zero_is_what_was_meant(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["checks", "show", typed]) == 2
    assert capsys.readouterr().err == f"no check {typed}, did you mean {meant}?\n"


def test_show_names_the_deviation(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    spec = made("T01", swap_is_off, deviation="DLWS runs as root", severity=Severity.WARNING)
    monkeypatch.setattr("checks.command.declared", lambda: {"T01": spec})
    assert main(["checks", "show", "T01"]) == 0
    assert "deviation: DLWS runs as root\n" in capsys.readouterr().out


def words(block: str) -> str:
    """The id of a shown check."""
    return block.split()[1]


def made(id: str, function: Callable[..., None], **more: object) -> Check:
    """A check that nobody runs."""
    spec = check_of(check(id, title_zh="在", fix="mend it", **more)(function))  # type: ignore[arg-type]
    assert spec is not None
    return spec


def swap_is_off() -> None:
    """Swap is off."""


def swap_stays_off() -> None:
    """Swap stays off."""
