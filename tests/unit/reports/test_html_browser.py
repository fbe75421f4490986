"""The page of a run as a person uses it, in a real browser: click, filter, search, keys, addresses, print."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

import reports
from dlws.record.ledger import Result
from dlws.verdict import Verdict
from tests.kits import sample_run
from tests.kits.browser import Browser
from tests.kits.sample_run import Sample

EVIL = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"


@pytest.fixture(scope="module")
def tab() -> Iterator[Browser]:
    """A browser for all tests of this file."""
    opened = Browser()
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def nothing_is_fetched_and_nothing_breaks(tab: Browser) -> Iterator[None]:
    """Whatever a test does, the page asks for no other address and its script throws nothing."""
    tab.requests.clear()
    tab.errors.clear()
    yield
    assert [address for address in tab.requests if not address.startswith(("file:", "about:"))] == []
    assert tab.errors == []


def page(sample: Sample, path: Path) -> Path:
    """The page of a run, as the run's end writes it."""
    folder = path / sample.run.run
    assert reports.write_all(sample.write(folder)).faults == ()
    return folder / "report.html"


def days_ago(sample: Sample, days: int) -> Sample:
    """The same run some days earlier."""
    started = sample_run.START - timedelta(days=days)
    run = f"{started:%Y%m%dT%H%M%SZ}-{sample.run.command}"
    sample.run = replace(sample.run, started=started.isoformat(), run=run)
    return sample


def colours(png: bytes) -> list[tuple[int, object]]:
    """The colours of a picture with how many pixels have them, the most frequent first."""
    return sorted(Image.open(io.BytesIO(png)).convert("RGB").getcolors(1 << 24) or [], reverse=True)


def test_a_click_on_a_cell_opens_what_the_host_said(tab: Browser, tmp_path: Path) -> None:
    tab.open(page(sample_run.verify(), tmp_path))
    assert tab.count("#panel") == 0
    tab.click("td.failed")
    assert "swap in use: expected none, found /dev/sda3 (8 GiB)" in tab.text("#panel .message")
    assert "swapoff -a" in tab.text("#panel .fix")
    assert "cat /proc/swaps" in tab.text("#panel .run code")
    assert "swap_is_off line 1: as it should be" in tab.text("#panel .run pre")
    tab.press("Escape")
    assert tab.count("#panel") == 0


def test_text_of_a_host_stays_text(tab: Browser, tmp_path: Path) -> None:
    sample = sample_run.verify()
    place = next(n for n, result in enumerate(sample.results) if result.verdict is Verdict.FAIL)
    line = sample.record("atlas01", "gw0", EVIL, out=EVIL, err=EVIL)
    bare = replace(sample.results[place], what="", found="", expected="")
    sample.results[place] = replace(bare, message=EVIL, fix=EVIL, title=EVIL, evidence=(line,))
    tab.open(page(sample, tmp_path))
    tab.click(".finding button[data-i]")
    tab.click("td.failed")
    assert tab.text("#panel .message") == EVIL
    assert tab.text("#panel .run code") == EVIL
    assert tab.text("#panel .run pre.out") == EVIL
    assert tab.run("window.hacked ?? 0") == 0
    assert tab.count("img") == 0


def test_a_picture_in_the_evidence_is_shown_whole(tab: Browser, tmp_path: Path) -> None:
    drawn = io.BytesIO()
    Image.effect_noise((300, 200), 90).save(drawn, "png")
    sample = sample_run.verify()
    place = next(n for n, result in enumerate(sample.results) if result.verdict is Verdict.FAIL)
    line = sample.record("control", "gw0", "chromium", out=base64.b64encode(drawn.getvalue()).decode() + "\n")
    sample.results[place] = replace(sample.results[place], evidence=(line,))
    tab.open(page(sample, tmp_path), "#H09@atlas01")
    tab.run("document.querySelector('#panel img').decode()")
    assert tab.run("document.querySelector('#panel img').naturalWidth") == 300
    assert len(drawn.getvalue()) > 30_000
    tab.requests[:] = [address for address in tab.requests if not address.startswith("data:image/png;base64,")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_drawn_in_the_colours_of_the_system(tab: Browser, scheme: str, tmp_path: Path) -> None:
    tab.prefer(scheme)
    tab.open(page(sample_run.verify(), tmp_path))
    shown = colours(tab.screenshot())
    assert len(shown) > 100
    (red, green, blue) = shown[0][1]  # type: ignore[misc]
    assert (red + green + blue > 600) == (scheme == "light")


def test_a_verdict_leaves_its_cells_and_their_findings(tab: Browser, tmp_path: Path) -> None:
    tab.open(page(sample_run.verify(), tmp_path))
    tab.click(".chip[data-kind=unknown]")
    assert (tab.count("td.unknown"), tab.count("td.failed"), tab.count(".finding")) == (1, 0, 1)
    assert tab.text("#clear") == "Clear (1 of 141)"
    tab.click("#clear")
    assert (tab.count("td.failed"), tab.count(".finding")) == (5, 6)


@pytest.mark.parametrize(
    ("filter", "value", "wanted"),
    [
        ("severity", "warning", lambda result: result.severity == "warning"),
        ("area", "Ascend NPU", lambda result: result.id.startswith("P")),
        ("host", "host:atlas01", lambda result: result.host == "atlas01"),
        ("host", "kind:gpu-amd64", lambda result: result.host in ("atlas-gpu01", "atlas-gpu02")),
        ("host", "role:infrastructure", lambda result: result.host == "atlas02"),
    ],
)
def test_severity_group_and_host_narrow_the_table(
    tab: Browser, filter: str, value: str, wanted: Callable[[Result], bool], tmp_path: Path
) -> None:
    sample = sample_run.verify()
    left = [result for result in sample.results if wanted(result)]
    tab.open(page(sample, tmp_path))
    tab.run(f"{filter}.value = {value!r}; {filter}.dispatchEvent(new Event('change'))")
    assert 0 < len(left) < len(sample.results)
    assert tab.count(".matrix td[data-i]:not(.dim)") == len(left)
    assert tab.count(".matrix tbody tr:not(.area)") == len({result.name for result in left})
    assert tab.count(".matrix thead th[data-host]") == len({result.host for result in left})


def test_a_host_and_a_group_are_chosen_in_the_table_too(tab: Browser, tmp_path: Path) -> None:
    tab.open(page(sample_run.verify(), tmp_path))
    tab.click("th[data-host=atlas-gpu01]")
    tab.click("[data-area='NVIDIA GPU']")
    assert tab.count(".matrix td[data-i]") == 2
    tab.press("Escape")
    assert tab.count(".matrix td[data-i]") == 141


def test_search_finds_words_of_check_host_and_message(tab: Browser, tmp_path: Path) -> None:
    tab.open(page(sample_run.verify(), tmp_path))
    tab.press("/")
    tab.type("SWAP gpu01 line")
    tab.run("new Promise(requestAnimationFrame)")
    assert (tab.count(".matrix td[data-i]"), tab.count("td.failed"), tab.count(".finding")) == (1, 1, 1)
    tab.type(" nothing like it")
    tab.run("new Promise(requestAnimationFrame)")
    assert tab.text(".nothing") == "No cell matches the filter."


def test_the_keyboard_leads_from_finding_to_finding_and_from_cell_to_cell(tab: Browser, tmp_path: Path) -> None:
    tab.open(page(sample_run.verify(), tmp_path))
    tab.press("n")
    assert (tab.text("#panel h2"), tab.text("#panel b")) == ("Swap is off", "atlas01")
    tab.press("n")
    assert (tab.text("#panel h2"), tab.text("#panel b")) == ("Swap stays off after a reboot", "atlas01")
    tab.press("ArrowRight")
    assert (tab.text("#panel .pill"), tab.text("#panel b")) == ("failed", "atlas-gpu01")
    tab.press("p")
    tab.press("p")
    assert (tab.text("#panel h2"), tab.text("#panel b")) == ("Swap is off", "atlas01")
    tab.press("p")
    assert tab.text("#panel .pill") == "unreachable"
    tab.press("Escape")
    tab.press("ArrowUp")
    assert tab.count("#panel") == 0
    tab.press("Enter")
    assert tab.text("#panel h2") == "sshd refuses root's login"


@pytest.mark.parametrize(
    ("anchor", "title", "host"),
    [
        ("#H10@atlas-gpu01", "Swap stays off after a reboot", "atlas-gpu01"),
        ("#H10", "Swap stays off after a reboot", "atlas01"),
        ("#swap_is_off@atlas02", "Swap is off", "atlas02"),
    ],
)
def test_an_address_leads_to_a_check_and_host(tab: Browser, anchor: str, title: str, host: str, tmp_path: Path) -> None:
    tab.open(page(sample_run.verify(), tmp_path), anchor)
    assert (tab.text("#panel h2"), tab.text("#panel b")) == (title, host)


def test_an_open_cell_has_an_address_of_its_own_and_a_host_has_one(tab: Browser, tmp_path: Path) -> None:
    tab.open(page(sample_run.verify(), tmp_path), "#atlas01")
    assert tab.count(".matrix thead th[data-host]") == 1
    tab.click("td.unknown")
    assert tab.run("location.hash") == "#P03@atlas01"


def test_a_finding_names_what_was_not_run_because_of_it(tab: Browser, tmp_path: Path) -> None:
    tab.open(page(sample_run.verify(), tmp_path))
    assert tab.text(".group h2") == "Fix this first"
    assert tab.text(".finding h3") == "The host can be reached"
    tab.click(".explains summary")
    assert tab.text(".explains").startswith("34 tests not run because of it\natlas-gpu02 H01, H02, H05")


def test_earlier_runs_are_dots_that_link_to_their_pages(tab: Browser, tmp_path: Path) -> None:
    page(days_ago(sample_run.verify(unreachable="", faults={}), 2), tmp_path)
    page(days_ago(sample_run.verify(unreachable=""), 1), tmp_path)
    tab.open(page(sample_run.verify(), tmp_path), "#H09@atlas01")
    dots = "[...document.querySelector('td[data-i].failed').closest('tr').querySelectorAll('.past i')]"
    assert tab.run(f"{dots}.map((dot) => dot.className)") == ["ok", "failed"]
    assert tab.run(f"{dots}[1].title") == "2026-11-23 06:30:00 UTC verify: 1 failed, 3 ok"
    assert tab.count("#panel a.earlier") == 2
    tab.follow("#panel a.earlier")
    assert tab.run("location.pathname").endswith("/20261123T063000Z-verify/report.html")
    assert (tab.text("#panel h2"), tab.text("#panel b")) == ("Swap is off", "atlas01")


def test_the_chart_marks_what_the_run_waited_for(tab: Browser, tmp_path: Path) -> None:
    sample = sample_run.install()
    docker, packages = "docker_installed[atlas-gpu02]", "node_packages[atlas-gpu02]"
    after = {docker: (packages,), "rebooted[atlas-gpu02]": (docker,)}
    items = (replace(item, after=after.get(f"{item.name}[{item.host}]", ())) for item in sample.run.items)
    sample.run = replace(sample.run, items=tuple(items))
    tab.open(page(sample, tmp_path))
    assert tab.count(".lanes .critical") == 3
    steps = [line for line in tab.text(".critical-path").splitlines() if line != "Critical path"]
    assert " ".join(steps).split(" atlas-gpu02")[0].endswith("node packages")
    tab.click(".lanes .critical")
    assert tab.text("#panel b") == "atlas-gpu02"
    tab.press("Escape")
    tab.click("th[data-host=atlas01]")
    assert (tab.count(".lanes > svg"), tab.text(".lanes > span:not([hidden])")) == (1, "atlas01")


def test_on_paper_everything_is_open_and_afterwards_as_it_was(tab: Browser, tmp_path: Path) -> None:
    tab.open(page(sample_run.verify(), tmp_path))
    shut = tab.count("details:not([open])")
    assert shut == 2
    assert tab.printed().startswith(b"%PDF-")
    assert tab.count("details:not([open])") == shut


def test_a_hundred_hosts_are_folded_unfolded_and_searched(tab: Browser, tmp_path: Path) -> None:
    faults = {("swap_is_off", "node042"): (Verdict.FAIL, "swap is on")}
    tab.open(page(sample_run.lean(sample_run.verify(sample_run.room(100), "node017", faults)), tmp_path))
    assert tab.count("thead th[data-host]") == 6
    tab.click("th[data-group]")
    assert tab.count("thead th[data-host]") > 40
    tab.click("#fold")
    assert (tab.count("thead th[data-host]"), tab.text(".pages")) == (60, "‹\nColumns 1 to 60 of 102\n›")
    tab.click(".pages button:last-child")
    assert (tab.count("thead th[data-host]"), tab.count(".pages button:disabled")) == (42, 1)
    tab.press("/")
    tab.type("node042 swap is on")
    tab.run("new Promise(requestAnimationFrame)")
    assert tab.count("td.failed") == 1
    tab.click("td.failed")
    assert tab.text("#panel b") == "node042"
