"""A host of another release than the runbook's, accepted: the install goes through, and everything says so."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from dlws.verdict import Verdict
from tests.lab.conftest import forget_root_password
from tests.lab.suite import ROOT, Finished, broken, lab, run, snapshot, waived

pytestmark = [pytest.mark.lab, pytest.mark.long]

HOST = "atlas01"
TOMORROW, YESTERDAY = date.today() + timedelta(days=1), date.today() - timedelta(days=1)
ACCEPTED = f"found ubuntu 18.04.4 (waived: a test; the lab; until {TOMORROW})"


@pytest.fixture(scope="module", autouse=True)
def other_release() -> Iterator[None]:
    """Fresh hosts, one NPU host of them with 18.04.4."""
    lab("up", "--fresh")
    with broken("os_version", HOST):
        yield


def said(text: str) -> bool:
    """Whether a text says that it was accepted, by whom, and until when, whatever its line breaks."""
    return ACCEPTED in " ".join(text.split())


def test_an_expired_waiver_leaves_the_host_as_it_is() -> None:
    before = snapshot(HOST)
    with waived("H01", HOST, YESTERDAY):
        install = run("-m", "install", "--limit", HOST, "--stages", "..3.9")  # what follows needs a master
    assert install.red == {("requirements", HOST, Verdict.FAIL)}, install.output
    assert f"its waiver expired on {YESTERDAY}" in " ".join(install.output.split())
    assert (install.commands(HOST, "change"), snapshot(HOST)) == ([], before)


def test_the_plan_says_what_is_accepted() -> None:
    with waived("H01", HOST, TOMORROW):
        plan = run("-m", "install", "--plan")
    assert plan.exit_status == 0
    assert said(plan.output), plan.output


@pytest.fixture(scope="module")
def accepted(other_release: None) -> Finished:
    """The install of the whole cluster."""
    with waived("H01", HOST, TOMORROW):
        install = run("-m", "install")
    forget_root_password()
    return install


def test_the_install_goes_through_and_its_reports_say_so(accepted: Finished) -> None:
    assert (accepted.red, accepted.exit_status) == (set(), 0), accepted.output
    assert accepted.result("requirements", HOST).verdict is Verdict.WAIVED
    assert accepted.outcomes["node_ready", HOST] == "changed"
    texts = [accepted.output, *((accepted.folder / name).read_text() for name in ("junit.xml", "report.html"))]
    assert [said(text) for text in texts] == [True] * 3


def test_the_acceptance_document_names_owner_and_day(accepted: Finished, tmp_path: Path) -> None:
    with waived("H01", HOST, TOMORROW):
        audit = run("-m", "verify")
    assert (audit.red, audit.exit_status) == (set(), 0), audit.output
    assert "K14" in audit.warned  # hosts of a kind with two releases: true, and not what was accepted
    words = ("reports", "acceptance", str(audit.folder), "--format", "html", "--into", str(tmp_path))
    subprocess.run([sys.executable, "-m", "dlws", *words], cwd=ROOT, check=True, capture_output=True)
    assert said((tmp_path / "acceptance.html").read_text())


def test_what_must_never_be_waived_stops_its_stage(accepted: Finished) -> None:
    with broken("foreign_ca", "atlas-gpu02"), waived("T08", "atlas-gpu02", TOMORROW):
        install = run("-m", "install", "--limit", "atlas-gpu02", "--stages", "kube_join")
    assert install.red == {("kube_join", "atlas-gpu02", Verdict.FAIL)}, install.output
    assert "no waiver counts in a stage" in " ".join(install.output.split())
    assert install.commands("atlas-gpu02", "change") == []
