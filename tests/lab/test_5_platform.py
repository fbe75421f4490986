"""The platform on the four hosts: its page in a real browser, a closed database, installs that restart nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dlws.facts import web_page
from dlws.remote.host import Host
from dlws.remote.local import open_local
from dlws.verdict import Verdict
from lab.plan import ALL_HOSTS
from tests.lab.suite import CONFIG, MASTER, configured, kubectl, on, run, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("first_install")]

PAGE = f"http://{ALL_HOSTS[MASTER].address}/"
READERS = ("jobmanager2", "restfulapi2")


def running() -> dict[str, str]:
    """By namespace and name every pod's UID and how often its containers were restarted."""
    pods = json.loads(kubectl("get pods -A -o json"))["items"]
    return {
        f"{pod['metadata']['namespace']}/{pod['metadata']['name']}": pod["metadata"]["uid"]
        + str([container["restartCount"] for container in pod["status"]["containerStatuses"]])
        for pod in pods
    }


def is_green() -> bool:
    return run("-m", "verify").red == set()


@pytest.fixture
def other_lifetime() -> Iterator[Path]:
    """The lab's configuration with a value that two services read: how long a sign-in holds."""
    with configured(CONFIG.read_text().replace("token_ttl: 86400", "token_ttl: 43200")) as path:
        yield path


def test_the_dashboard_shows_in_a_browser() -> None:
    with closing(open_local()) as control:
        assert "atlas" in (web_page.text(Host(control), "chromium", PAGE) or "")
        assert web_page.picture(Host(control), "chromium", PAGE).startswith(web_page.PNG)


def test_a_second_install_restarts_no_pod() -> None:
    before = running()
    again = run("-m", "install")
    assert (set(again.outcomes.values()), again.exit_status) == ({"unchanged"}, 0), again.output
    assert running() == before


def test_nobody_gets_into_the_database_without_a_password() -> None:
    audit = run("-m", "verify", "--limit", "atlas-gpu01")
    assert [r.verdict for r in audit.ledger.results if r.id == "D04"] == ["PASS"], audit.output


def test_a_changed_value_changes_what_reads_it_and_nothing_else(other_lifetime: Path) -> None:
    plan = run("-m", "install", "--plan", config=other_lifetime)
    planned = {(r.name, r.host) for r in plan.ledger.results if r.actions}
    before = running()
    install = run("-m", "install", config=other_lifetime)
    assert {label for label, outcome in install.outcomes.items() if outcome == "changed"} == planned, install.output
    assert planned == {("web_configuration", MASTER), *((name, "cluster") for name in READERS)}
    gone = {name.rpartition("-")[0] for name in before.keys() - running().keys()}
    assert gone == {f"default/{pod}-arm64" for pod in ("jobmanager", "restfulapi")}
    assert run("-m", "install").exit_status == 0


def test_an_image_replaced_under_its_tag_reaches_hosts_and_pods() -> None:
    image = "192.168.3.1:5010/apulistech/job-exporter:1.9-arm64"
    again = f"echo FROM {image} | docker build -q --label replaced=1 -t {image} - && docker push -q {image}"
    wait_until("the audit to be green", is_green, 120)  # Prometheus has not yet asked pods that just began
    on("atlas01", again)
    audit = run("-m", "verify")
    assert audit.red == {("R25", "atlas01", Verdict.FAIL), ("R24", MASTER, Verdict.FAIL)}, audit.output
    install = run("-m", "install")
    changed = {label for label, outcome in install.outcomes.items() if outcome == "changed"}
    renewed = {("platform_images", MASTER), ("pods_current", MASTER), ("pods_current", "atlas01")}
    assert changed - {("monitor", "cluster")} == renewed, install.output  # monitor may have to be waited for
    wait_until("the audit to be green", is_green, 120)
