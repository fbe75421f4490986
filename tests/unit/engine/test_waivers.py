"""waivers.yaml: what it waives, until when, and what is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from dlws.engine.waivers import WaiverError, Waivers, findings, load
from dlws.verdict import Verdict

ONE = "- {id: H05, host: 'atlas-gpu*', owner: Li Wei, reason: reboot on Sunday, expires: 2026-12-01}\n"


def loaded(path: Path, text: str, today: date = date(2026, 11, 24)) -> Waivers:
    (path / "waivers.yaml").write_text(text)
    waivers = load(path / "waivers.yaml")
    waivers.today = today
    return waivers


def test_a_waiver_covers_its_check_on_the_hosts_that_match(tmp_path: Path) -> None:
    waivers = loaded(tmp_path, ONE)
    assert waivers.find("H05", "atlas-gpu01") is not None
    assert waivers.find("H05", "atlas01") is None
    assert waivers.find("H06", "atlas-gpu01") is None


def test_a_waiver_counts_on_its_last_day_and_not_after_it(tmp_path: Path) -> None:
    assert loaded(tmp_path, ONE, date(2026, 12, 1)).find("H05", "atlas-gpu01") is not None
    late = loaded(tmp_path, ONE, date(2026, 12, 2))
    assert late.find("H05", "atlas-gpu01") is None
    assert [str(waiver) for waiver in late.expired] == ["reboot on Sunday; Li Wei; until 2026-12-01"]


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "[]\n"])
def test_an_empty_file_or_none_waives_nothing(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, text).entries == ()
    assert load(tmp_path / "absent.yaml").entries == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ONE.replace("owner: Li Wei, ", ""), "entry 0.owner: Field required"),
        (ONE.replace("reboot on Sunday", "' '"), "entry 0.reason: String should have at least 1 character"),
        (ONE.replace("2026-12-01", "some day"), "entry 0.expires: "),
        (ONE.replace("reason", "cause"), "entry 0."),
        ("no list\n", "Input should be"),
        ("- {id: H05\n", "not YAML: "),
        (ONE.replace("2026-12-01", "2026-11-31"), "not YAML: day is out of range for month"),
        (ONE.replace("{id: H05,", "{id: H05, id: H06,"), ", line 1: not YAML: id twice"),
        ("[" * 5000, "not YAML: nested too deeply"),
        ("- 'Li \xe9'\n", "entry 0: Input should be"),
        ("false\n", "Input should be"),
    ],
)
def test_an_incomplete_waiver_is_refused_by_file_entry_and_field(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(WaiverError, match=r"waivers\.yaml[,:] ") as error:
        loaded(tmp_path, text)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("verdicts", "is_unused"),
    [
        ("PASS PASS", True),
        ("PASS N/A", True),
        ("DEVIATION PASS", True),
        ("PASS WAIVED", False),
        ("UNKNOWN PASS", False),
    ],
)
def test_a_waiver_is_unused_where_nothing_was_found_that_it_could_accept(
    tmp_path: Path, verdicts: str, *, is_unused: bool
) -> None:
    of = dict(zip(("atlas-gpu01", "atlas-gpu02"), map(Verdict, verdicts.split()), strict=True))
    told = findings(loaded(tmp_path, ONE), lambda _, host: of[host], {"H05": [*of]})
    assert [result.verdict for result in told] == [Verdict.WARN] * is_unused
