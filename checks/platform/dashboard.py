"""D42: what a person sees who opens the web interface, in a real browser on the control host."""

from __future__ import annotations

from checks.platform import endpoints
from checks.platform.services import RUNS
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect_that
from dlws.engine.targets import browsing_control_host
from dlws.facts import web_page
from dlws.platform.services import by_name
from dlws.remote.host import Host


@check(
    "D42",
    section="3.16",
    source="product checklist",
    on=browsing_control_host,
    title_zh="浏览器中可打开 Web 界面",
    fix=f"open the address in a browser and look at its console; see D01 and {by_name('webui3').id}",
    causes=[RUNS["nginx"], RUNS["webui3"], endpoints.test_routes_answer],
)
def test_dashboard_shows(cluster: Cluster, control: Host) -> None:
    """The web interface loads in a browser; a screenshot is in the report."""
    address = f"http://{cluster.master.address}/"
    words = web_page.text(control, cluster.suite.browser, address)
    expect_that(words is not None, address, found="a page that the browser cannot open", expected="the web interface")
    expect_that(words, f"text on {address}", found="none (its scripts do not run)", expected="some")
    web_page.picture(control, cluster.suite.browser, address)
